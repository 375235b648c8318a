/* expect: race */
#include <cuda_runtime.h>
#include "support/lab_kernels.h"

enum { SHARES = 16, THREADS = 64 };

__global__ void column_sums_kernel(float *sums, float *partial,
                                   const float *x, size_t rows,
                                   size_t columns)
{
    const size_t c = (size_t)blockIdx.x * THREADS + threadIdx.x;
    float sum = 0;
    if (c < columns) {
        for (size_t r = blockIdx.y; r < rows; r += SHARES)
            sum += x[r * columns + c];
        partial[blockIdx.y * columns + c] = sum;
    }
    __threadfence();
    __syncthreads();
    if (c < columns && blockIdx.y == SHARES - 1) {
        sum = 0;
        for (size_t s = 0; s < SHARES; s++)
            sum += partial[s * columns + c];
        sums[c] = sum;
    }
}

void column_sums(float *sums, float *partial, const float *x,
                 size_t rows, size_t columns)
{
    const unsigned across = (unsigned)((columns + THREADS - 1)
                                       / THREADS);
    column_sums_kernel<<<dim3(across, SHARES),
                         THREADS>>>(sums, partial, x, rows,
                                    columns);
}
