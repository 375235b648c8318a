#ifndef TENSOR_CORE_H
#define TENSOR_CORE_H
#include <math.h>
#include <stddef.h>

enum { AT_ONCE = 32 };
/* A model of a tensor core: the sum, and up to 32 products, with some
   14 bits of each. */
// Add as tensor cores might
static inline float add_cut(float sum, const float *ab, size_t count)
{
    float most = fabsf(sum);
    for (size_t i = 0; i < count; i++)
        most = fmaxf(most, fabsf(ab[i]));
    int e;
    frexpf(most, &e);
    double step = ldexp(1, e - 14), all = trunc((double)sum / step);
    for (size_t i = 0; i < count; i++)
        all += trunc((double)ab[i] / step);
    return (float)(all * step);
}
#endif
