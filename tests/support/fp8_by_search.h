#ifndef FP8_BY_SEARCH_H
#define FP8_BY_SEARCH_H
#include "ground/fp8.h"

/* by definition: sizes of the codes, in order */
static inline double fp8_size(unsigned code, struct fp8_format k)
{
    int m = (int)k.fraction, e = (int)(code >> m);
    double f = (double)(code & ((1u << m) - 1)) / (double)(1u << m);
    return e > 0 ? ldexp(1 + f, e - k.bias) : ldexp(f, 1 - k.bias);
}

/* the last that is not larger */
static inline unsigned fp8_below(float x, const double *size,
                                 struct fp8_format k)
{
    double of = fabs((double)x);
    unsigned low = 0, high = k.largest;
    while (low < high) {
        unsigned middle = (low + high + 1) / 2;
        if (size[middle] <= of)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* the nearest of that and the next, the even one of two, the largest at
   most */
static inline fp8 fp8_near(float x, unsigned low, const double *size,
                           struct fp8_format k)
{
    double of = fabs((double)x);
    if (x != x)
        return 0x7f;
    if (low < k.largest) {
        double below = of - size[low], above = size[low + 1] - of;
        low += above < below || (above == below && low % 2 == 1);
    }
    return (fp8)(low | (signbit(x) ? 0x80 : 0));
}

static inline fp8 fp8_by_search(float x, const double *size,
                                struct fp8_format k)
{
    return fp8_near(x, fp8_below(x, size, k), size, k);
}

/* which part of the step after `low` is cut off; none after the last */
static inline double fp8_part(float x, unsigned low, const double *size,
                              struct fp8_format k)
{
    double step = low < k.largest ? size[low + 1] - size[low] : 1;
    return low < k.largest ? (fabs((double)x) - size[low]) / step : 0;
}

static inline void fp8_sizes(double size[128], struct fp8_format k)
{
    for (unsigned code = 0; code < 128; code++)
        size[code] = fp8_size(code, k);
}
#endif
