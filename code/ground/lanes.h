#ifndef LANES_H
#define LANES_H
#include "ground/reduction.h"

// Sixteen numbers at once
#define INLINE static inline __attribute__((always_inline))
typedef real lanes __attribute__((vector_size(LANES * sizeof(real))));

INLINE void load(lanes *v, const real *x, size_t count)
{
    memset(v, 0, sizeof *v);
    memcpy(v, x, count * sizeof(real));
}

INLINE void store(real *x, const lanes *v, size_t count)
{
    memcpy(x, v, count * sizeof(real));
}

INLINE real total(const lanes *v)
{
    real part[LANES];
    memcpy(part, v, sizeof part);
    // Add the lanes in pairs
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            part[l] += part[l + half];
    return part[0];
}
#endif
