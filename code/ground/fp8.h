#ifndef FP8_H
#define FP8_H
#include "ground/real.h"

#ifdef __CUDACC__               /* for kernels, too */
#define FP8_INLINE static inline __host__ __device__
#else
#define FP8_INLINE static inline
#endif

FP8_INLINE uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

FP8_INLINE float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// Numbers of eight bits
/* a sign, then exponent and fraction; 0x7f is no number */
typedef uint8_t fp8;
struct fp8_format {
    unsigned fraction;      /* bits */
    int bias;
    fp8 largest;            /* finite */
};
static const struct fp8_format FP8_E4M3 = { 3, 7, 0x7e };
static const struct fp8_format FP8_E5M2 = { 2, 15, 0x7b };
FP8_INLINE float fp8_widen(fp8 code, struct fp8_format k)
{
    uint32_t size = code & 0x7fu, sign = (code & 0x80u) << 24;
    float x = float_of(size << (23 - k.fraction))
            * float_of((254u - (uint32_t)k.bias) << 23);
    uint32_t bits = bits_of(x);
    if (size > k.largest)       /* E5M2 has infinity after that */
        bits = k.fraction == 2 && size == 0x7c ? 0x7f800000
                                               : 0x7fc00000;
    return float_of(sign | bits);
}
/* to the nearest, of two as near the even one; what is larger than the
   largest becomes that */
FP8_INLINE fp8 fp8_round(float x, struct fp8_format k)
{
    uint32_t size = bits_of(x) & 0x7fffffff, cut = 23 - k.fraction;
    uint32_t bias = (uint32_t)k.bias;
    uint32_t even = ((1u << cut) >> 1) - 1 + (size >> cut & 1);
    uint32_t normal = ((size + even) >> cut)
                    - ((127 - bias) << k.fraction);
    uint32_t step = (151 - bias - k.fraction) << 23;
    uint32_t small = bits_of(float_of(size) + float_of(step)) - step;
    uint32_t code = size < (128 - bias) << 23 ? small : normal;
    code = code > k.largest ? k.largest : code;
    code = size > 0x7f800000 ? 0x7f : code | (bits_of(x) >> 24 & 0x80);
    return (fp8)code;
}
/* to one of its neighbours, up if `chance`, in [0,1), is below the part
   of a step that is cut off */
FP8_INLINE fp8 fp8_round_by(float x, float chance,
                               struct fp8_format k)
{
    uint32_t size = bits_of(x) & 0x7fffffff;
    uint32_t finite = size < 0x7f800000 ? size : 0x7f7fffff;
    uint32_t first = 128 - (uint32_t)k.bias, e = finite >> 23;
    e = e > first ? e : first;
    uint32_t a_step = (254 + k.fraction - e) << 23;    /* one over it */
    float steps = float_of(finite) * float_of(a_step);
    int32_t whole = (int32_t)steps;
    uint32_t up = steps - (float)whole > chance;
    uint32_t code = (uint32_t)whole + up + ((e - first) << k.fraction);
    code = code > k.largest ? k.largest : code;
    uint32_t sign = bits_of(x) >> 24 & 0x80;
    return (fp8)(code | (size > 0x7f800000 ? 0x7f : sign));
}

// The exponent of a scale
enum { FP8_LEAST = -117, FP8_MOST = 119 };  /* s q fits bf16 */

/* the least k with amax at most the format's largest times 2^k */
FP8_INLINE int fp8_exponent(float amax, struct fp8_format k)
{
    uint32_t size = bits_of(amax) & 0x7fffffff;
    uint32_t most = bits_of(fp8_widen(k.largest, k));
    int e = (int)(size >> 23) - (int)(most >> 23)
          + ((size & 0x7fffff) > (most & 0x7fffff));
    e = e < FP8_LEAST ? FP8_LEAST : e;
    e = e > FP8_MOST ? FP8_MOST : e;
    return size == 0 ? 0 : e;
}
#endif
