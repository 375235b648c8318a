#include <cuda_runtime.h>
#include "support/lab_kernels.h"

enum { ENTRIES = 16, THREADS = 128, MOST = 32 };

__device__ float row_sum(float x)
{
    x += __shfl_xor_sync(0xffffffff, x, 1);
    return x + __shfl_xor_sync(0xffffffff, x, 2);
}

__device__ float column_sum(float x)
{
    x += __shfl_xor_sync(0xffffffff, x, 4);
    return x + __shfl_xor_sync(0xffffffff, x, 8);
}

__global__ void backward_kernel(float *dlogits, const float *dmatrix,
                                const float *logits, size_t tokens,
                                int iterations)
{
    const size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x;
    const bool there = at < tokens * ENTRIES;
    float y[2 * MOST + 1];
    y[0] = there ? expf(logits[at]) : 1;
    for (int k = 0; k < iterations; k++) {
        y[2 * k + 1] = y[2 * k] / column_sum(y[2 * k]);
        y[2 * k + 2] = y[2 * k + 1] / row_sum(y[2 * k + 1]);
    }
    float g = there ? dmatrix[at] * y[2 * iterations] : 0;
    for (int k = iterations - 1; k >= 0; k--) {
        g -= y[2 * k + 2] * row_sum(g);
        g -= y[2 * k + 1] * column_sum(g);
    }
    if (there)
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
