#ifndef GPU_CUH
#define GPU_CUH
#include <cuda_runtime.h>
#include <sysexits.h>
#include "device/device.h"
#include "device/kept.h"

#ifdef REAL_IS_DOUBLE
#error "the gpu computes in single precision"
#endif

// Numbers of sixteen bits on the gpu
/* as ground/bf16.h rounds and widens; in an expression, a float */
struct sixteen {
    uint16_t bits;
    sixteen() = default;
    __device__ sixteen(float x)
    {
        unsigned all = __float_as_uint(x);
        unsigned half = 0x7fff + (all >> 16 & 1);
        bool nan = (all & 0x7fffffff) > 0x7f800000;
        bits = (uint16_t)((nan ? all | 0x400000 : all + half) >> 16);
    }
    __device__ operator float() const
    {
        return __uint_as_float((unsigned)bits << 16);
    }
};

// What the files of the gpu share
/* what a device of this kind has of its own */
struct gpu {
    cudaStream_t stream;        /* all work, in order */
    const char *last;           /* kernel that was launched */
    int multiprocessors, version;       /* 90: of 9.0 */
    // More of a gpu
    struct timed { enum operation what; cudaEvent_t begins, ends; }
        *timed;
    size_t used, room;              /* used: not read yet */
    enum gpu_products products;
    bool told;                      /* of work that is not recorded */
    struct cublaslt *library;       /* NULL: not asked for */
    unsigned long long *counts; /* of eight bits: stored, infinite */
    unsigned *left;             /* of squares: see layers/operand.cuh */
    uint32_t *now;              /* what comes next: see array/rows.cu */
};

static inline cudaStream_t stream_of(const struct device *d)
{
    return ((const struct gpu *)d->state)->stream;
}
/* After a launch, or a call: notes the first failure. */
void gpu_check(struct device *d, cudaError_t status, const char *what);
static inline void gpu_launched(struct device *d, const char *kernel)
{
    ((struct gpu *)d->state)->last = kernel;
    gpu_check(d, cudaGetLastError(), kernel);
}
/* blocks of `size` for `count` things; 0 for none */
static inline unsigned blocks_for(size_t count, size_t size)
{
    size_t blocks = count / size + (count % size > 0);
    assert(blocks <= INT32_MAX);        /* a grid has no more */
    return (unsigned)blocks;
}
static inline float *floats(struct array a)
{
    assert(a.at == NULL || a.format == F32);
    return (float *)a.at;
}
/* of an array in a role that a precision may make narrower */
static inline kept *numbers(struct array a)
{
    assert(a.at == NULL || format_bytes(a.format) == sizeof(kept));
    return (kept *)a.at;
}

// What kernels share
enum { WARP = 32 };

/* the sum of a warp's 32 numbers, the same bits in each lane */
template <class number>
__device__ inline number warp_sum(number x)
{
    for (int half = WARP / 2; half > 0; half /= 2)
        x += __shfl_xor_sync(~0u, x, half);
    return x;
}

/* over a block of (threads, 1, 1), each of which must call it; all get
   the same bits, in an order that depends on `threads` alone */
template <int threads, class number>
__device__ number block_sum(number x)
{
    static_assert(threads % WARP == 0 && threads <= 1024);
    __shared__ number part[threads / WARP];
    x = warp_sum(x);
    if (threads == WARP)
        return x;
    if (threadIdx.x % WARP == 0)
        part[threadIdx.x / WARP] = x;
    __syncthreads();
    number sum = part[0];
    for (int w = 1; w < threads / WARP; w++)
        sum += part[w];
    __syncthreads();
    return sum;
}

/* the largest; a NaN among numbers is passed over */
__device__ inline float warp_max(float x)
{
    for (int half = WARP / 2; half > 0; half /= 2)
        x = fmaxf(x, __shfl_xor_sync(~0u, x, half));
    return x;
}

template <int threads>
__device__ float block_max(float x)
{
    static_assert(threads % WARP == 0 && threads <= 1024);
    __shared__ float part[threads / WARP];
    x = warp_max(x);
    if (threads == WARP)
        return x;
    if (threadIdx.x % WARP == 0)
        part[threadIdx.x / WARP] = x;
    __syncthreads();
    float most = part[0];
    for (int w = 1; w < threads / WARP; w++)
        most = fmaxf(most, part[w]);
    __syncthreads();
    return most;
}
#endif
