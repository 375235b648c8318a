#ifndef GPU_CUH
#define GPU_CUH
#include <cuda_runtime.h>
#include <sysexits.h>
#include "device/device.h"

#ifdef REAL_IS_DOUBLE
#error "the gpu computes in single precision"
#endif

// What the files of the gpu share
/* what a device of this kind has of its own */
struct gpu {
    cudaStream_t stream;        /* all work, in order */
    int multiprocessors;
    // More of a gpu
    struct timed { enum operation what; cudaEvent_t begins, ends; }
        *timed;                     /* not read yet */
    size_t used, room;
};

static inline cudaStream_t stream_of(const struct device *d)
{
    return ((const struct gpu *)d->state)->stream;
}
/* After a launch, or a call: notes the first failure. */
void gpu_check(struct device *d, cudaError_t status, const char *what);
static inline void gpu_launched(struct device *d, const char *kernel)
{
    gpu_check(d, cudaGetLastError(), kernel);
}
/* blocks of `size` for `count` things; 0 for none */
static inline unsigned blocks_for(size_t count, size_t size)
{
    return (unsigned)((count + size - 1) / size);
}
static inline float *floats(struct array a)
{
    assert(a.at == NULL || a.format == F32);
    return (float *)a.at;
}

// What kernels share

#endif
