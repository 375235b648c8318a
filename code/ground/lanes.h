#ifndef LANES_H
#define LANES_H
#include "ground/reduction.h"
#ifdef __FMA__
#include <immintrin.h>
#endif

// Sixteen numbers at once
#define INLINE static inline __attribute__((always_inline))
#ifdef __AVX512F__
#define REGISTER 64                     /* bytes */
#elif defined __AVX__
#define REGISTER 32
#else
#define REGISTER 16
#endif
typedef real vector __attribute__((vector_size(REGISTER)));
enum { REGISTERS = LANES * sizeof(real) / REGISTER };
typedef struct { vector part[REGISTERS]; } lanes;

INLINE void load(lanes *v, const real *x, size_t count)
{
    if (count == LANES) {
        for (size_t i = 0; i < REGISTERS; i++)
            memcpy(&v->part[i], x + i * (LANES / REGISTERS), REGISTER);
        return;
    }
    memset(v, 0, sizeof *v);
    memcpy(v, x, count * sizeof(real));
}

INLINE void store(real *x, const lanes *v, size_t count)
{
    if (count == LANES)
        for (size_t i = 0; i < REGISTERS; i++)
            memcpy(x + i * (LANES / REGISTERS), &v->part[i], REGISTER);
    else
        memcpy(x, v, count * sizeof(real));
}

INLINE void scale(lanes *out, real by, const lanes *x)
{
    for (size_t i = 0; i < REGISTERS; i++)
        out->part[i] = by * x->part[i];
}

// A fused multiply-add of vectors
#ifndef __FMA__
#define FUSED(x, y, sum) ((sum) + (x) * (y))
#define ALL(x) ((vector){ 0 } + (x))
#elif defined __AVX512F__ && defined REAL_IS_DOUBLE
#define FUSED _mm512_fmadd_pd
#define ALL _mm512_set1_pd
#elif defined __AVX512F__
#define FUSED _mm512_fmadd_ps
#define ALL _mm512_set1_ps
#elif defined REAL_IS_DOUBLE
#define FUSED _mm256_fmadd_pd
#define ALL _mm256_set1_pd
#else
#define FUSED _mm256_fmadd_ps
#define ALL _mm256_set1_ps
#endif

INLINE void add_scaled(lanes *sum, real by, const lanes *x)
{
    for (size_t i = 0; i < REGISTERS; i++)
        sum->part[i] = FUSED(ALL(by), x->part[i], sum->part[i]);
}

INLINE void add_product(lanes *sum, const lanes *x, const lanes *y)
{
    for (size_t i = 0; i < REGISTERS; i++)
        sum->part[i] = FUSED(x->part[i], y->part[i], sum->part[i]);
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
