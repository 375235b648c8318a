/* expect: shares from the last to the first */
#include <cuda_runtime.h>
#include "support/lab_kernels.h"

// Sums of shares
enum { SHARES = 16, THREADS = 64 };

__global__ void shares_kernel(float *partial, const float *x,
                              size_t rows, size_t columns)
{
    const size_t c = (size_t)blockIdx.x * THREADS + threadIdx.x;
    float sum = 0;
    if (c >= columns)
        return;
    for (size_t r = blockIdx.y; r < rows; r += SHARES)
        sum += x[r * columns + c];
    partial[blockIdx.y * columns + c] = sum;
}

__global__ void fold_kernel(float *sums, const float *partial,
                            size_t columns)
{
    const size_t c = (size_t)blockIdx.x * THREADS + threadIdx.x;
    float sum = 0;
    if (c >= columns)
        return;
    for (size_t s = SHARES; s > 0; s--)
        sum += partial[(s - 1) * columns + c];
    sums[c] = sum;
}

void column_sums(float *sums, float *partial, const float *x,
                 size_t rows, size_t columns)
{
    const unsigned across = (unsigned)((columns + THREADS - 1)
                                       / THREADS);
    shares_kernel<<<dim3(across, SHARES), THREADS>>>(partial, x, rows,
                                                     columns);
    fold_kernel<<<across, THREADS>>>(sums, partial, columns);
}
