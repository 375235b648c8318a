#include "model/kinds.h"

// The initial values of mHC
// How reading starts
/* the sigmoids of all n add up to one */
static double read_start(size_t n, bool own)
{
    if (n == 1)
        return 8;
    double others = 1 / (1 + exp(1)) / ((double)n - 1);
    return own ? 1 : log(others / (1 - others));
}

double mhc_start(size_t k, size_t n, size_t index)
{
    if (k < n)
        return read_start(n, k == index % n);
    if (k < 2 * n)
        return 0;
    return (k - 2 * n) / n == (k - 2 * n) % n ? 0 : -8;
}
