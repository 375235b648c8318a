/* expect: the worst has 1 */
#include <cuda_runtime.h>
#include "support/lab_kernels.h"

// Turns of the fullest bank
unsigned bank_conflicts(const unsigned *word, unsigned lanes)
{
    unsigned most = 1;
    for (unsigned bank = 0; bank < 32; bank++) {
        unsigned words = 0;
        for (unsigned l = 0; l < lanes; l++) {
            bool first = word[l] % 32 == bank;
            for (unsigned k = 0; k < l; k++)
                first = first && word[k] != word[l];
            words += first;
        }
        most = words > most ? words : most;
    }
    return most - 1;
}

#define HEIGHT SIDE
#define WIDTH (SIDE + 2)
// A transposition through a tile
enum { SIDE = 32 };

__global__ void transpose_kernel(float *out, const float *x,
                                 size_t rows, size_t columns)
{
    __shared__ float tile[HEIGHT][WIDTH];
    const size_t row = (size_t)blockIdx.y * SIDE;
    const size_t column = (size_t)blockIdx.x * SIDE;
    const size_t i = threadIdx.x;
    for (size_t j = threadIdx.y; j < SIDE; j += blockDim.y)
        if (row + j < rows && column + i < columns)
            tile[j][i] = x[(row + j) * columns + column + i];
    __syncthreads();
    for (size_t j = threadIdx.y; j < SIDE; j += blockDim.y)
        if (column + j < columns && row + i < rows)
            out[(column + j) * rows + row + i] = tile[i][j];
}

// The launch of a transposition
void transpose(float *out, const float *x, size_t rows,
               size_t columns)
{
    const dim3 grid((unsigned)((columns + SIDE - 1) / SIDE),
                    (unsigned)((rows + SIDE - 1) / SIDE));
    if (rows > 0 && columns > 0)
        transpose_kernel<<<grid, dim3(SIDE, 8)>>>(out, x, rows,
                                                  columns);
}
