#include "layers/tensor_versions.h"
#include "layers/tiles.cuh"

// Version 1 of the product on tensor cores
/* two neighbours in a row, in a register */
static __device__ unsigned two(struct factor f, size_t row,
                               size_t column)
{
    if (f.wide && row < f.rows && column < f.columns)
        return *(const unsigned *)((const uint16_t *)f.at
                                   + row * f.columns + column);
    return pack_bf16(number(f, row, column),
                     number(f, row, column + 1));
}

static __global__ void version1(float *y, struct factor x,
                                struct factor w)
{
    size_t t0 = (size_t)blockIdx.y * 16, o0 = (size_t)blockIdx.x * 8;
    int group = threadIdx.x / 4, in_group = threadIdx.x % 4;
    float sum[4] = { };
    for (size_t k0 = 0; k0 < x.columns; k0 += 16) {
        size_t k = k0 + in_group * 2;
        unsigned a[4], b[2];
        for (int r = 0; r < 4; r++)
            a[r] = two(x, t0 + group + r % 2 * 8, k + r / 2 * 8);
        for (int r = 0; r < 2; r++)
            b[r] = two(w, o0 + group, k + r * 8);
        mma_bf16(sum, a, b);
    }
    for (int i = 0; i < 4; i++) {
        size_t t = t0 + group + i / 2 * 8;
        size_t o = o0 + in_group * 2 + i % 2;
        if (t < x.rows && o < w.rows)
            y[t * w.rows + o] = sum[i];
    }
}

// Versions 2 and 3 of the product on tensor cores
constexpr int TILE = 64;

// Order the chunks of a row
template <bool SWIZZLED>
static __device__ int column(int row, int chunk)
{
    return SWIZZLED ? chunk ^ row / 2 % 4 : chunk;
}

template <bool SWIZZLED>
static __device__ void matrices(unsigned r[4],
                                const uint4 tile[TILE][DEPTH / CHUNK],
                                int i, int k)
{
    int lane = threadIdx.x % WARP, row = i + lane % 16;
    int chunk = k / CHUNK + lane / 16;
    ldmatrix_4(r, &tile[row][column<SWIZZLED>(row, chunk)]);
}

template <bool SWIZZLED>
static __global__ void __launch_bounds__(BLOCK)
version2(float *y, struct factor x, struct factor w)
{
    __shared__ uint4 left[TILE][DEPTH / CHUNK];
    __shared__ uint4 right[TILE][DEPTH / CHUNK];
    size_t t0 = (size_t)blockIdx.y * TILE;
    size_t o0 = (size_t)blockIdx.x * TILE;
    int down = threadIdx.x / WARP / 2 * 32, lane = threadIdx.x % WARP;
    int over = threadIdx.x / WARP % 2 * 32;
    float sum[2][4][4] = { };
    for (size_t k0 = 0; k0 < x.columns; k0 += DEPTH) {
        // Bring both tiles, chunk by chunk
        for (int n = threadIdx.x; n < TILE * DEPTH / CHUNK; n += BLOCK) {
            int row = n / 4, chunk = n % 4;
            int at = column<SWIZZLED>(row, chunk);
            uint4 of_x = eight(x, t0 + row, k0 + chunk * CHUNK);
            uint4 of_w = eight(w, o0 + row, k0 + chunk * CHUNK);
            left[row][at] = of_x;
            right[row][at] = of_w;
        }
        __syncthreads();
        // Multiply the warp's rows and columns
        for (int k = 0; k < DEPTH; k += 16) {
            unsigned a[2][4], b[2][4];
            for (int i = 0; i < 2; i++) {
                matrices<SWIZZLED>(a[i], left, down + 16 * i, k);
                matrices<SWIZZLED>(b[i], right, over + 16 * i, k);
            }
            for (int i = 0; i < 2; i++)
                for (int j = 0; j < 4; j++) {
                    unsigned half[2] = { b[j / 2][j % 2], b[j / 2][j % 2 + 2] };
                    mma_bf16(sum[i][j], a[i], half);
                }
        }
        __syncthreads();
    }
    // Write what is in the fragments
    #pragma unroll
    for (int n = 0; n < 32; n++) {
        size_t t = t0 + down + n / 16 * 16 + n / 2 % 2 * 8 + lane / 4;
        size_t o = o0 + over + n / 4 % 4 * 8 + lane % 4 * 2 + n % 2;
        if (t < x.rows && o < w.rows)
            y[t * w.rows + o] = sum[n / 16][n / 4 % 4][n % 4];
    }
}

// Launch the earlier versions on tensor cores
void tensor_version1(struct device *d, struct array y, struct array x,
                     struct array w)
{
    dim3 grid(blocks_for(y.columns, 8), blocks_for(y.rows, 16));
    version1<<<grid, WARP, 0, stream_of(d)>>>(
        floats(y), factor(x, y.rows), factor(w, w.rows));
    gpu_launched(d, "version1");
}

template <bool SWIZZLED>
static void by_tiles(struct device *d, struct array y, struct array x,
                     struct array w)
{
    dim3 grid(blocks_for(y.columns, TILE), blocks_for(y.rows, TILE));
    version2<SWIZZLED><<<grid, BLOCK, 0, stream_of(d)>>>(
        floats(y), factor(x, y.rows), factor(w, w.rows));
    gpu_launched(d, "version2");
}

void tensor_version2(struct device *d, struct array y, struct array x,
                     struct array w)
{
    by_tiles<false>(d, y, x, w);
}

void tensor_version3(struct device *d, struct array y, struct array x,
                     struct array w)
{
    by_tiles<true>(d, y, x, w);
}
