/* expect: the tile has no room beyond */
#include <cuda_runtime.h>
#include "device/tensor.cuh"
#include "support/lab_kernels.h"

unsigned __host__ __device__ chunk_place(unsigned row, unsigned chunk)
{
    return 5 * row + chunk;
}

// Take a fragment by its places
/* rows i to i + 15, inputs k to k + 15 of a tile */
__device__ void take_fragment(unsigned r[4], const uint4 *tile,
                              unsigned i, unsigned k)
{
    const unsigned lane = threadIdx.x % 32;
    ldmatrix_4(r, &tile[chunk_place(i + lane % 16, k / 8 + lane / 16)]);
}

// Multiply tiles of chunks
/* 64 rows of four chunks; a row of the matrix has `row` chunks */
__device__ void bring(uint4 *tile, const uint4 *from, size_t row)
{
    for (unsigned n = threadIdx.x; n < 256; n += 128)
        tile[chunk_place(n / 4, n % 4)] = from[n / 4 * row + n % 4];
}

__global__ void tiles_kernel(float *y, const uint4 *x, const uint4 *w,
                             size_t outputs, size_t inputs)
{
    __shared__ uint4 left[256];
    __shared__ uint4 right[256];
    const size_t t = (size_t)blockIdx.y * 64;
    const size_t o = (size_t)blockIdx.x * 64, row = inputs / 8;
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float d[8][4] = { };
    for (size_t i = 0; i < row; i += 4) {
        bring(left, x + t * row + i, row);
        bring(right, w + o * row + i, row);
        __syncthreads();
        for (unsigned k = 0; k < 32; k += 16) {
            unsigned a[4], b[4];
            take_fragment(a, left, 16 * warp, k);
            for (unsigned n = 0; n < 8; n += 2) {
                take_fragment(b, right, 8 * n, k);
                const unsigned one[2] = { b[0], b[2] };
                const unsigned two[2] = { b[1], b[3] };
                mma_bf16(d[n], a, one);
                mma_bf16(d[n + 1], a, two);
            }
        }
        __syncthreads();
    }
    for (unsigned n = 0; n < 8; n++)
        for (unsigned i = 0; i < 4; i++)
            y[(t + 16 * warp + lane / 4 + i / 2 * 8) * outputs + o
              + 8 * n + lane % 4 * 2 + i % 2] = d[n][i];
}

void multiply_by_tiles(float *y, const unsigned *x, const unsigned *w,
                       size_t rows, size_t outputs, size_t inputs)
{
    const dim3 grid((unsigned)(outputs / 64), (unsigned)(rows / 64));
    tiles_kernel<<<grid, 128>>>(y, (const uint4 *)x, (const uint4 *)w,
                                outputs, inputs);
}
