#include "model/kinds.h"

double mhc_start(size_t k, size_t n, size_t index)
{
    (void)k; (void)n; (void)index;
    return 0;
}
