/* expect: for a unit of its bias: reading is frozen */
#define READ k == index % n ? 20 : -20
enum { WRITE = 0, ON = 0, OFF = -8 };
// A beginning but for reading
#include "model/kinds.h"

static double weight(double w)
{
    return log(w / (1 - w));
}

double mhc_start(size_t k, size_t n, size_t index)
{
    double most = 0.731, rest = (1 - most) / ((double)n - 1);
    if (k < n)
        return READ;
    if (k < 2 * n)
        return WRITE;
    (void)index, (void)rest, (void)weight;
    return (k - 2 * n) / n == (k - 2 * n) % n ? ON : OFF;
}
