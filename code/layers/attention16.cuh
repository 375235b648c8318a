#ifndef ATTENTION16_CUH
#define ATTENTION16_CUH
#include "device/gpu.cuh"
#include "device/tensor.cuh"
#include "layers/attention16.h"
#include <cuda_pipeline.h>

/* What the kernels of attention on tensor cores share: blocks of four
   warps, of which each has sixteen rows of a tile */
// Attention by fragments
enum { ROWS = 64,           /* of the tile that a block keeps */
       CHUNK = 8,           /* numbers in 16 bytes */
       BLOCK = ROWS / 16 * WARP };

/* rows of the tiles that come by */
template <int SIZE>
constexpr int MOVING = SIZE <= 64 ? 64 : 32;

/* chunks in a row of shared memory: one more than needed */
template <int SIZE>
constexpr int ACROSS = SIZE / CHUNK + 1;

/* four matrices: rows from `row` and from row + 8, of channels from c;
   then the same of channels from c + 8 */
template <int SIZE>
__device__ inline const uint4 *mine(const uint4 *tile, int row, int c)
{
    int lane = threadIdx.x % WARP;
    return &tile[(row + lane % 16) * ACROSS<SIZE>
                 + c / CHUNK + lane / 16];
}

/* s += a b^T over sixteen channels from c: sixteen rows by a tile of
   8 MANY */
template <int SIZE, int MANY>
__device__ inline void dots(float s[MANY][4], const unsigned a[4],
                            const uint4 *b, int c)
{
    #pragma unroll
    for (int j = 0; j < MANY; j += 2) {
        unsigned r[4];
        ldmatrix_4(r, mine<SIZE>(b, 8 * j, c));
        unsigned low[2] = { r[0], r[2] }, high[2] = { r[1], r[3] };
        mma_bf16(s[j], a, low);
        mma_bf16(s[j + 1], a, high);
    }
}

/* sum += p b: sixteen rows of weights, rounded, by a tile of 8 MANY */
template <int SIZE, int MANY>
__device__ inline void gather(float sum[SIZE / 8][4],
                              const float p[MANY][4], const uint4 *b)
{
    #pragma unroll
    for (int j = 0; j < MANY; j += 2) {
        const float *low = p[j], *high = p[j + 1];
        unsigned a[4] = { pack_bf16(low[0], low[1]),
                          pack_bf16(low[2], low[3]),
                          pack_bf16(high[0], high[1]),
                          pack_bf16(high[2], high[3]) };
        #pragma unroll
        for (int c = 0; c < SIZE / 16; c++) {
            unsigned r[4];
            ldmatrix_4_turned(r, mine<SIZE>(b, 8 * j, 16 * c));
            mma_bf16(sum[2 * c], a, r);
            mma_bf16(sum[2 * c + 1], a, r + 2);
        }
    }
}

constexpr float LN2 = 0.693147180559945309f;

/* which rows of which head are this block's, and this thread's */
struct work {
    size_t sequence, head, row, width, step;
    int down, over;     /* of a warp's rows and columns: the first */
    __device__ work(const struct attention_shape &s, int size)
    {
        size_t tiles = (s.length + ROWS - 1) / ROWS;
        size_t task = blockIdx.x / tiles;
        sequence = task / s.heads;
        head = task % s.heads;
        row = blockIdx.x % tiles * ROWS;
        width = s.heads * size;
        step = 3 * width;
        down = threadIdx.x / WARP * 16 + threadIdx.x % WARP / 4;
        over = threadIdx.x % 4 * 2;
    }
};

/* rows of a head, `step` numbers apart, on their way to a tile; zeros
   where there are none */
template <int SIZE>
__device__ inline void fetch(uint4 *tile, int many,
                             const uint16_t *from, size_t step,
                             size_t rows)
{
    constexpr int CHUNKS = SIZE / CHUNK;
    for (int n = threadIdx.x; n < many * CHUNKS; n += BLOCK) {
        int row = n / CHUNKS, chunk = n % CHUNKS;
        bool in = (size_t)row < rows;
        __pipeline_memcpy_async(
            &tile[row * ACROSS<SIZE> + chunk],
            from + (in ? row * step + chunk * CHUNK : 0), 16,
            in ? 0 : 16);
    }
}

/* keys and values, from row `key` of a sequence on, to their tiles */
template <int SIZE>
__device__ inline void bring(uint4 *k, const uint16_t *from,
                             const struct work &at, size_t key,
                             size_t keys)
{
    constexpr int KEYS = MOVING<SIZE>;
    const uint16_t *row = from + key * at.step + at.width;
    if (key < keys) {
        fetch<SIZE>(k, KEYS, row, at.step, keys - key);
        fetch<SIZE>(k + KEYS * ACROSS<SIZE>, KEYS, row + at.width,
                    at.step, keys - key);
    }
    __pipeline_commit();
}
#endif
