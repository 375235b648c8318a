#ifndef BF16_H
#define BF16_H
#include "ground/real.h"

// Sixteen bits
typedef uint16_t bf16;      /* the upper half of a float */

/* to the nearest, of two as near the even one; a NaN stays one */
static inline bf16 bf16_round(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t half = 0x7fff + (bits >> 16 & 1);
    uint32_t more = x != x ? ~bits & 0x400000 : half;
    return (bf16)((bits + more) >> 16);
}

static inline float bf16_widen(bf16 x)
{
    uint32_t bits = (uint32_t)x << 16;
    float wide;
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

// Rows of sixteen bits
static inline void bf16_load(real *to, const bf16 *from, size_t count)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = (real)bf16_widen(from[i]);
}

static inline void bf16_store(bf16 *to, const real *from, size_t count)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        to[i] = bf16_round((float)from[i]);
}

/* as they would be after a store and a load */
static inline void bf16_settle(real *x, size_t count)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] = (real)bf16_widen(bf16_round((float)x[i]));
}
#endif
