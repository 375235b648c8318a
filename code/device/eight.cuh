#ifndef DEVICE_EIGHT_CUH
#define DEVICE_EIGHT_CUH
#include "device/gpu.cuh"
#include "ground/fp8.h"

static __device__ inline struct fp8_format e4m3(void)
{
    return { 3, 7, 0x7e };
}

/* to the nearest; the first of two in the lower byte */
static __device__ inline unsigned e4m3_pair(float x, float y)
{
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ >= 890
    unsigned short both;
    asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;"
        : "=h"(both) : "f"(y), "f"(x));
    return both;
#else
    return fp8_round(x, e4m3()) | (unsigned)fp8_round(y, e4m3()) << 8;
#endif
}

/* 2^k, for the exponent of a scale or its negative */
static __device__ inline float power(int k)
{
    return __uint_as_float((unsigned)(127 + k) << 23);
}
#endif
