#include "device/gpu.cuh"
#include "device/kernels.h"
#include <string.h>

// Kernels for tests
__global__ void add_kernel(float *y, const float *a, const float *b,
                           size_t count)
{
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count)
        y[i] = a[i] + b[i];
}
void kernels_add(struct device *d, float *y, const float *a,
                 const float *b, size_t count)
{
    enum { THREADS = 256 };
    if (count == 0)
        return;
    add_kernel<<<blocks_for(count, THREADS), THREADS, 0,
                 stream_of(d)>>>(y, a, b, count);
    gpu_launched(d, "add_kernel");
}

void kernels_add_by(struct device *d, float *y, const float *a,
                    const float *b, size_t count, unsigned threads)
{
    add_kernel<<<blocks_for(count, threads), threads, 0,
                 stream_of(d)>>>(y, a, b, count);
    gpu_launched(d, "add_kernel");
}

template <int threads>
__global__ void reduce_kernel(float *got, const float *x)
{
    int i = threadIdx.x;
    got[i] = block_sum<threads>(x[i]);
    got[threads + i] = block_sum<threads>(x[threads + i]);
    got[2 * threads + i] = block_max<threads>(x[i]);
    got[3 * threads + i] = block_max<threads>(x[threads + i]);
}

void kernels_reduce(struct device *d, float *got, const float *x,
                    int threads)
{
    cudaStream_t s = stream_of(d);
    switch (threads) {
    case 32: reduce_kernel<32> <<<1, 32, 0, s>>>(got, x); break;
    case 128: reduce_kernel<128> <<<1, 128, 0, s>>>(got, x); break;
    case 256: reduce_kernel<256> <<<1, 256, 0, s>>>(got, x); break;
    case 1024: reduce_kernel<1024> <<<1, 1024, 0, s>>>(got, x); break;
    }
    gpu_launched(d, "reduce_kernel");
}

void kernels_upload(struct device *d, struct array to,
                    const float *numbers)
{
    size_t bytes = array_bytes(to);
    void *pinned = NULL;
    gpu_check(d, cudaMallocHost(&pinned, bytes), "pinned memory");
    memcpy(pinned, numbers, bytes);
    device_upload(d, to, pinned);
    memset(pinned, 0, bytes);
    gpu_check(d, cudaFreeHost(pinned), "pinned memory");
}
