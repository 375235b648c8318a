/* expect: sums are not those of the first order */
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

__global__ void zero_kernel(float *sums, size_t columns)
{
    const size_t c = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (c < columns)
        sums[c] = 0;
}

__global__ void add_kernel(float *sums, const float *partial,
                           size_t columns)
{
    const size_t c = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (c < columns)
        atomicAdd(&sums[c], partial[blockIdx.y * columns + c]);
}

void column_sums(float *sums, float *partial, const float *x,
                 size_t rows, size_t columns)
{
    const unsigned across = (unsigned)((columns + THREADS - 1)
                                       / THREADS);
    zero_kernel<<<across, THREADS>>>(sums, columns);
    shares_kernel<<<dim3(across, SHARES), THREADS>>>(partial, x, rows,
                                                     columns);
    add_kernel<<<dim3(across, SHARES), THREADS>>>(sums, partial,
                                                  columns);
}
