/* expect: sums on the way back that take in the other token */
#include <cuda_runtime.h>
#include "support/lab_kernels.h"
#define IS_THERE at < tokens * ENTRIES
#define START y[last]
#define LEAST 0
#define ITERATE h
#define ROW 1, 2) + line_sum(other(g), 1, 2
#define COLUMN 4, 8) + line_sum(other(g), 4, 8

__device__ float other(float x)
{
    return __shfl_xor_sync(0xffffffff, x, 16);
}

// Sinkhorn's backward in a warp, with macros
enum { ENTRIES = 16, THREADS = 128, MOST = 32 };

__device__ float line_sum(float x, int near, int far)
{
    x += __shfl_xor_sync(0xffffffff, x, near);
    return x + __shfl_xor_sync(0xffffffff, x, far);
}

__global__ void backward_kernel(float *dlogits, const float *dmatrix,
                                const float *logits, size_t tokens,
                                int iterations)
{
    const size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x;
    const bool there = IS_THERE;
    const int last = 2 * iterations;
    float y[2 * MOST + 1];
    y[0] = there ? expf(logits[at]) : 1;
    for (int h = 1; h <= last; h++)
        y[h] = y[h - 1] / (h % 2 == 0 ? line_sum(y[h - 1], 1, 2)
                                      : line_sum(y[h - 1], 4, 8));
    float g = there ? dmatrix[at] * START : 0;
    for (int h = last; h > LEAST; h--)
        g -= y[ITERATE] * (h % 2 == 0 ? line_sum(g, ROW)
                                      : line_sum(g, COLUMN));
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
