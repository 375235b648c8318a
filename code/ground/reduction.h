#ifndef REDUCTION_H
#define REDUCTION_H
#include "ground/real.h"

// Lanes and slices
enum {
    LANES = 16,         /* partial sums of a row */
    CHANNELS = 64       /* at most, in a slice of the channels */
};

/* how many slices to cut the channels into, for slice_of */
static inline size_t channel_slices(size_t width)
{
    return (width + CHANNELS - 1) / CHANNELS;
}

// The sum in lanes
struct operands { const real *a, *b, *c; };

/* term(o, 0) + .. + term(o, count-1) in an order that depends on
   count alone */
static inline real sum_in_lanes(real (*term)(struct operands, size_t),
                                struct operands o, size_t count)
{
    real part[LANES] = { 0 };
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        #pragma omp simd
        for (size_t l = 0; l < LANES; l++)
            part[l] += term(o, i + l);
    for (size_t l = 0; i + l < count; l++)
        part[l] += term(o, i + l);
    // Add the lanes in pairs
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            part[l] += part[l + half];
    return part[0];
}

// The largest of a row
/* the largest of x[0..count), count > 0 */
static inline real largest(const real *x, size_t count)
{
    real most[LANES];
    for (size_t l = 0; l < LANES; l++)
        most[l] = x[0];
    size_t i = 0;
    for (; i + LANES <= count; i += LANES)
        #pragma omp simd
        for (size_t l = 0; l < LANES; l++)
            most[l] = x[i + l] > most[l] ? x[i + l] : most[l];
    for (; i < count; i++)
        most[0] = x[i] > most[0] ? x[i] : most[0];
    for (size_t l = 1; l < LANES; l++)
        most[0] = most[l] > most[0] ? most[l] : most[0];
    return most[0];
}
#endif
