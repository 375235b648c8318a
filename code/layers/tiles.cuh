#ifndef TILES_CUH
#define TILES_CUH
#include "device/gpu.cuh"
#include "device/tensor.cuh"
#include <cuda_pipeline.h>

/* Tiles of bf16 in shared memory, for blocks of four warps */
// Tiles for tensor cores
enum { DEPTH = 32,              /* numbers along k, of a stage */
       CHUNK = 8,               /* numbers in 16 bytes */
       BLOCK = 4 * WARP };

/* As it is stored, in bf16 or floats; wide: rows begin at multiples
   of 16 bytes, and end at some of eight numbers */
struct factor { const void *at; size_t rows, columns;
                bool sixteen, wide; };

static inline struct factor factor(struct array a, size_t rows)
{
    return (struct factor){ a.at, rows, a.columns, a.format == BF16,
                            (uintptr_t)a.at % 16 == 0
                            && a.columns % CHUNK == 0 };
}

/* of a tile whose rows have WIDE chunks */
template <int WIDE>
__device__ inline int place(int row, int chunk)
{
    constexpr int LEAST = WIDE < 8 ? WIDE : 8;
    return row * WIDE + (chunk ^ (row * LEAST / 8 % LEAST));
}

/* numbers i to i + 15 by k to k + 15 of a tile, as mma_bf16's a; as
   its b, [0] and [2] are of i to i + 7, [1] and [3] of the others */
template <int TILE, bool ALONG>
__device__ inline void fragment(unsigned r[4], const uint4 *tile, int i,
                                int k)
{
    int lane = threadIdx.x % WARP;
    if (ALONG)
        ldmatrix_4(r, &tile[place<DEPTH / CHUNK>(
            i + lane % 16, k / CHUNK + lane / 16)]);
    else
        ldmatrix_4_turned(r, &tile[place<TILE / CHUNK>(
            k + lane % 8 + lane / 16 * 8, i / CHUNK + lane / 8 % 2)]);
}

/* sum += a b^T, of two tiles; four warps have a quarter each */
template <int TILE, bool A_ALONG, bool B_ALONG>
__device__ inline void multiply_tiles(
    float sum[TILE / 32][TILE / 16][4], const uint4 *a, const uint4 *b)
{
    int down = threadIdx.x / (2 * WARP) * (TILE / 2);
    int over = threadIdx.x / WARP % 2 * (TILE / 2);
    #pragma unroll
    for (int k = 0; k < DEPTH; k += 16) {
        unsigned left[TILE / 32][4], right[TILE / 32][4];
        #pragma unroll
        for (int i = 0; i < TILE / 32; i++) {
            fragment<TILE, A_ALONG>(left[i], a, down + 16 * i, k);
            fragment<TILE, B_ALONG>(right[i], b, over + 16 * i, k);
        }
        #pragma unroll
        for (int i = 0; i < TILE / 32; i++)
            #pragma unroll
            for (int j = 0; j < TILE / 16; j++) {
                const unsigned *r = right[j / 2];
                unsigned half[2] = { r[j % 2], r[j % 2 + 2] };
                mma_bf16(sum[i][j], left[i], half);
            }
    }
}

// Eight numbers as they are
__device__ inline float number(struct factor f, size_t row,
                               size_t column)
{
    size_t n = row * f.columns + column;
    if (row >= f.rows || column >= f.columns)
        return 0;
    if (f.sixteen)
        return __uint_as_float(((const uint16_t *)f.at)[n] << 16);
    return ((const float *)f.at)[n];
}

/* neighbours in a row, as bf16; zeros where there are none */
__device__ inline uint4 eight(struct factor f, size_t row,
                              size_t column)
{
    float x[CHUNK];
    if (f.wide && row < f.rows && column < f.columns) {
        size_t n = (row * f.columns + column) / CHUNK;
        if (f.sixteen)
            return ((const uint4 *)f.at)[n];
        const float4 *from = (const float4 *)f.at + 2 * n;
        float4 v = from[0], w = from[1];
        x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
        x[4] = w.x, x[5] = w.y, x[6] = w.z, x[7] = w.w;
    } else
        for (int i = 0; i < CHUNK; i++)
            x[i] = number(f, row, column + i);
    return { pack_bf16(x[0], x[1]), pack_bf16(x[2], x[3]),
             pack_bf16(x[4], x[5]), pack_bf16(x[6], x[7]) };
}

/* tile[i][k], or where k runs down tile[k][i], from i0 and k0 on */
template <int TILE, bool ALONG, bool ASYNC>
__device__ inline void fetch(uint4 *tile, struct factor f, size_t i0,
                             size_t k0)
{
    constexpr int WIDE = (ALONG ? DEPTH : TILE) / CHUNK;
    const uint16_t *at = (const uint16_t *)f.at;
    #pragma unroll
    for (int j = 0; j < TILE * DEPTH / CHUNK / BLOCK; j++) {
        int n = j * BLOCK + threadIdx.x;
        size_t row = (ALONG ? i0 : k0) + n / WIDE;
        size_t column = (ALONG ? k0 : i0) + n % WIDE * CHUNK;
        uint4 *to = &tile[place<WIDE>(n / WIDE, n % WIDE)];
        if (ASYNC) {
            bool in = row < f.rows && column < f.columns;
            const void *from = in ? at + row * f.columns + column : at;
            __pipeline_memcpy_async(to, from, 16, in ? 0 : 16);
        } else {
            uint4 these = eight(f, row, column);
            *to = these;
        }
    }
}
#endif
