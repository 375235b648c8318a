/* expect: which does not take part */
#include <cuda_runtime.h>
#include "support/lab_kernels.h"

enum { ENTRIES = 16, THREADS = 128, MOST = 32 };

__device__ float sum_of(float x, unsigned near, unsigned far)
{
    const unsigned lane = threadIdx.x % 32;
    x += __shfl_sync(0xffffffff, x, (int)(lane ^ near));
    return x + __shfl_sync(0xffffffff, x, (int)(lane ^ far));
}

__global__ void backward_kernel(float *dlogits, const float *dmatrix,
                                const float *logits, size_t tokens,
                                int iterations)
{
    const size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x;
    float y[2 * MOST + 1];
    if (at >= tokens * ENTRIES - 1)     /* an entry too early */
        return;
    y[0] = expf(logits[at]);
    for (int h = 1; h <= 2 * iterations; h++)
        y[h] = y[h - 1] / (h % 2 == 0 ? sum_of(y[h - 1], 1, 2)
                                      : sum_of(y[h - 1], 4, 8));
    float g = dmatrix[at] * y[2 * iterations];
    for (int h = 2 * iterations; h > 0; h--)
        g -= y[h] * (h % 2 == 0 ? sum_of(g, 1, 2) : sum_of(g, 4, 8));
    dlogits[at] = g;
}

void sinkhorn_backward_warp(float *dlogits, const float *dmatrix,
                            const float *logits, size_t tokens,
                            int iterations)
{
    if (tokens > 0)
        backward_kernel<<<(unsigned)((tokens * ENTRIES + THREADS - 1)
                                     / THREADS), THREADS>>>(dlogits,
            dmatrix, logits, tokens, iterations);
}
