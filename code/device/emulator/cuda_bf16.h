// __nv_bfloat16, where there is no CUDA Toolkit
#pragma once
#include "ground/bf16.h"
#include "vector_types.h"

struct __nv_bfloat16 {
    bf16 bits;
    __nv_bfloat16() = default;
    __nv_bfloat16(float x) : bits(x != x ? 0x7fff : bf16_round(x)) {}
    operator float() const { return bf16_widen(bits); }
};
struct alignas(4) __nv_bfloat162 { __nv_bfloat16 x, y; };

inline __nv_bfloat16 __float2bfloat16(float x) { return x; }
inline __nv_bfloat16 __float2bfloat16_rn(float x) { return x; }
inline float __bfloat162float(__nv_bfloat16 x) { return x; }
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y)
{
    return { x, y };
}
inline float2 __bfloat1622float2(__nv_bfloat162 a)
{
    return { a.x, a.y };
}
inline float __low2float(__nv_bfloat162 a) { return a.x; }
inline float __high2float(__nv_bfloat162 a) { return a.y; }
