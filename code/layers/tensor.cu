#include "layers/tensor.h"
#include "layers/tiles.cuh"
// Headers of more products in sixteen bits
#include "layers/hopper.cuh"

// Where results go
/* pairs: two neighbours are aligned, and there is always a second */
struct result { void *at; size_t rows, columns;
                bool sixteen, pairs, add; };

static struct result result(struct array c, bool add)
{
    size_t two = 2 * format_bytes(c.format);
    return (struct result){ c.at, c.rows, c.columns, c.format == BF16,
                            (uintptr_t)c.at % two == 0
                            && c.columns % 2 == 0, add };
}

static __device__ void put_sixteen(struct result c, size_t n, bool two,
                                   float x, float y)
{
    uint16_t *to = (uint16_t *)c.at + n;
    if (c.add) {
        x += __uint_as_float(to[0] << 16);
        y += two ? __uint_as_float(to[1] << 16) : 0;
    }
    unsigned both = pack_bf16(x, y);
    if (c.pairs) {
        *(unsigned *)to = both;
        return;
    }
    to[0] = (uint16_t)both;
    if (two)
        to[1] = (uint16_t)(both >> 16);
}

static __device__ void put_floats(struct result c, size_t n, bool two,
                                  float x, float y)
{
    float *to = (float *)c.at + n;
    if (c.pairs) {
        float2 old = { 0, 0 };
        if (c.add)
            old = *(float2 *)to;
        *(float2 *)to = make_float2(old.x + x, old.y + y);
        return;
    }
    to[0] = c.add ? to[0] + x : x;
    if (two)
        to[1] = c.add ? to[1] + y : y;
}

/* a result and the one after it, if these are */
static __device__ void put(struct result c, size_t row, size_t column,
                           float x, float y)
{
    size_t n = row * c.columns + column;
    bool two = column + 1 < c.columns;
    if (row >= c.rows || column >= c.columns)
        return;
    if (c.sixteen)
        put_sixteen(c, n, two, x, y);
    else
        put_floats(c, n, two, x, y);
}

// Multiply through a ring
enum { STAGES = 3 };

/* c [M][N] = or, where it says add, += op(a) op(b)^T, over K */
template <int TILE, bool A_ALONG, bool B_ALONG, bool ASYNC>
static __global__ void __launch_bounds__(BLOCK)
sixteen_multiply(struct result c, struct factor a, struct factor b,
                 size_t K)
{
    extern __shared__ __align__(16) uint4 ring[];
    constexpr int EACH = TILE * DEPTH / CHUNK;
    size_t tiles = (c.columns + TILE - 1) / TILE;
    size_t i0 = blockIdx.x / tiles * TILE;
    size_t j0 = blockIdx.x % tiles * TILE;
    int steps = (int)((K + DEPTH - 1) / DEPTH);
    float sum[TILE / 32][TILE / 16][4] = { };
    auto bring = [&](int step) {
        uint4 *stage = ring + step % STAGES * 2 * EACH;
        size_t k0 = (size_t)step * DEPTH;
        if (step < steps) {
            fetch<TILE, A_ALONG, ASYNC>(stage, a, i0, k0);
            fetch<TILE, B_ALONG, ASYNC>(stage + EACH, b, j0, k0);
        }
        __pipeline_commit();
    };
    for (int step = 0; step < STAGES - 1; step++)
        bring(step);
    for (int step = 0; step < steps; step++) {
        const uint4 *stage = ring + step % STAGES * 2 * EACH;
        __pipeline_wait_prior(STAGES - 2);
        __syncthreads();
        bring(step + STAGES - 1);
        multiply_tiles<TILE, A_ALONG, B_ALONG>(sum, stage,
                                               stage + EACH);
    }
    // Write the sums of the fragments
    int lane = threadIdx.x % WARP, quarter = threadIdx.x / WARP;
    size_t row = i0 + quarter / 2 * (TILE / 2) + lane / 4;
    size_t column = j0 + quarter % 2 * (TILE / 2) + lane % 4 * 2;
    #pragma unroll
    for (int i = 0; i < TILE / 32; i++)
        #pragma unroll
        for (int j = 0; j < TILE / 16; j++) {
            const float *s = sum[i][j];
            put(c, row + 16 * i, column + 8 * j, s[0], s[1]);
            put(c, row + 16 * i + 8, column + 8 * j, s[2], s[3]);
        }
}

// Choose tiles for tensor cores
template <int TILE, bool A_ALONG, bool B_ALONG, bool ASYNC>
static void launch(struct device *d, struct result c, struct factor a,
                   struct factor b, size_t K)
{
    unsigned blocks = blocks_for(c.rows, TILE)
                    * blocks_for(c.columns, TILE);
    sixteen_multiply<TILE, A_ALONG, B_ALONG, ASYNC>
        <<<blocks, BLOCK, STAGES * 2 * TILE * DEPTH * 2,
           stream_of(d)>>>(c, a, b, K);
    gpu_launched(d, "sixteen_multiply");
}

template <bool A_ALONG, bool B_ALONG>
static void product(struct device *d, struct array to, struct factor a,
                    struct factor b, size_t K, bool add)
{
    const struct gpu *g = (const struct gpu *)d->state;
    struct result c = result(to, add);
    size_t large = (size_t)blocks_for(c.rows, 128)
                 * blocks_for(c.columns, 128);
    if (c.rows == 0 || K == 0)
        return;
    if (!a.sixteen || !a.wide || !b.sixteen || !b.wide)
        launch<64, A_ALONG, B_ALONG, false>(d, c, a, b, K);
    else if (large >= (size_t)g->multiprocessors)
        launch<128, A_ALONG, B_ALONG, true>(d, c, a, b, K);
    else
        launch<64, A_ALONG, B_ALONG, true>(d, c, a, b, K);
}

// The three products in sixteen bits, on the gpu
void sixteen_gpu_product(struct device *d, struct array y,
                         struct array x, struct array w)
{
    // Or multiply by a warpgroup: y
    if (hopper_product(d, y, array_rows(x, 0, y.rows), w, true, true,
                       false))
        return;
    product<true, true>(d, y, factor(x, y.rows), factor(w, w.rows),
                        x.columns, false);
}

void sixteen_gpu_product_input(struct device *d, struct array dx,
                               struct array dy, struct array w,
                               bool add)
{
    // Or multiply by a warpgroup: dx
    if (hopper_product(d, dx, array_rows(dy, 0, dx.rows), w, true, false,
                       add))
        return;
    product<true, false>(d, dx, factor(dy, dx.rows), factor(w, w.rows),
                         w.rows, add);
}

void sixteen_gpu_product_weight(struct device *d, struct array dw,
                                struct array dy, struct array x)
{
    // Or multiply by a warpgroup: dw
    if (hopper_product(d, dw, dy, array_rows(x, 0, dy.rows), false, false,
                       true))
        return;
    product<false, false>(d, dw, factor(dy, dy.rows),
                          factor(x, dy.rows), dy.rows, true);
}
