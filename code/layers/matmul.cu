#include "layers/layers.cuh"

// The factors of a product
enum { SIDE = 8,            /* results of a thread, down and across */
       DEPTH = 8, PAD = 4 };

/* As it is stored; wide: rows begin at multiples of 16 bytes */
struct factor { const float *at; size_t rows, columns; bool wide; };

static struct factor factor(struct array a, size_t rows)
{
    return (struct factor){ floats(a), rows, a.columns,
                            (uintptr_t)a.at % 16 == 0
                            && a.columns % 4 == 0 };
}

/* four neighbours in a row; zeros where there are none */
static __device__ float4 four(struct factor f, size_t row,
                              size_t column)
{
    float4 v = { 0, 0, 0, 0 };
    if (row >= f.rows || column >= f.columns)
        return v;
    const float *at = f.at + row * f.columns + column;
    if (f.wide)
        return *(const float4 *)at;
    size_t left = f.columns - column;
    v.x = at[0];
    v.y = left > 1 ? at[1] : 0;
    v.z = left > 2 ? at[2] : 0;
    v.w = left > 3 ? at[3] : 0;
    return v;
}

// Copy a tile to shared memory
/* tile[k][i] = element i, k of op(f), from i0 and k0 on; k runs
   along the rows of f, or down */
template <int TILE, bool ALONG>
static __device__ void fetch(float tile[DEPTH][TILE + PAD],
                             struct factor f, size_t i0, size_t k0)
{
    constexpr int COUNT = TILE / SIDE * (TILE / SIDE);
    for (int n = threadIdx.x; n < TILE * DEPTH / 4; n += COUNT)
        if (ALONG) {
            int i = n / (DEPTH / 4), k = n % (DEPTH / 4) * 4;
            float4 v = four(f, i0 + i, k0 + k);
            tile[k][i] = v.x;
            tile[k + 1][i] = v.y;
            tile[k + 2][i] = v.z;
            tile[k + 3][i] = v.w;
        } else {
            int k = n / (TILE / 4), i = n % (TILE / 4) * 4;
            float4 v = four(f, k0 + k, i0 + i);
            *(float4 *)&tile[k][i] = v;
        }
}

// Take eight numbers of a row
/* eight numbers: four, and four that stand half a tile further */
static __device__ void take(float x[SIDE], const float *from, int half)
{
    float4 v = *(const float4 *)from;
    float4 w = *(const float4 *)(from + half);
    x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
    x[4] = w.x, x[5] = w.y, x[6] = w.z, x[7] = w.w;
}

// Multiply, tile by tile
/* c [M][N] = or, where add, += op(a) op(b)^T, over K */
template <int TILE, bool A_ALONG, bool B_ALONG>
static __global__ void
__launch_bounds__(TILE / SIDE * (TILE / SIDE), TILE == 128 ? 2 : 8)
multiply(float *c, struct factor a, struct factor b,
         size_t M, size_t N, size_t K, bool add)
{
    __shared__ __align__(16) float left[DEPTH][TILE + PAD];
    __shared__ __align__(16) float right[DEPTH][TILE + PAD];
    constexpr int HALF = TILE / 2, ACROSS = TILE / SIDE;
    size_t tiles = (N + TILE - 1) / TILE;
    size_t i0 = blockIdx.x / tiles * TILE;
    size_t j0 = blockIdx.x % tiles * TILE;
    int down = threadIdx.x / ACROSS * 4;
    int over = threadIdx.x % ACROSS * 4;
    float sum[SIDE][SIDE] = { };
    for (size_t k0 = 0; k0 < K; k0 += DEPTH) {
        fetch<TILE, A_ALONG>(left, a, i0, k0);
        fetch<TILE, B_ALONG>(right, b, j0, k0);
        __syncthreads();
        // Add what these two tiles contribute
        #pragma unroll 2
        for (int k = 0; k < DEPTH; k++) {
            float x[SIDE], y[SIDE];
            take(x, &left[k][down], HALF);
            take(y, &right[k][over], HALF);
            for (int i = 0; i < SIDE; i++)
                for (int j = 0; j < SIDE; j++)
                    sum[i][j] += x[i] * y[j];
        }
        __syncthreads();
    }
    // Write the sums
    for (int i = 0; i < SIDE; i++) {
        size_t row = i0 + down + i % 4 + i / 4 * HALF;
        float *to = c + row * N + j0 + over;
        int left = (int)min(N - j0, (size_t)TILE) - over;
        for (int j = 0; j < SIDE && row < M; j++) {
            int n = j % 4 + j / 4 * HALF;
            if (n < left)
                to[n] = add ? to[n] + sum[i][j] : sum[i][j];
        }
    }
}

// Launch a product
template <int TILE, bool A_ALONG, bool B_ALONG>
static void launch(struct device *d, struct array c, struct factor a,
                   struct factor b, size_t K, bool add)
{
    unsigned blocks = blocks_for(c.rows, TILE)
                    * blocks_for(c.columns, TILE);
    multiply<TILE, A_ALONG, B_ALONG>
        <<<blocks, TILE / SIDE * (TILE / SIDE), 0, stream_of(d)>>>(
            floats(c), a, b, c.rows, c.columns, K, add);
    gpu_launched(d, "multiply");
}

/* large tiles, if there are enough of them for the whole machine */
template <bool A_ALONG, bool B_ALONG>
static void product(struct device *d, struct array c, struct factor a,
                    struct factor b, size_t K, bool add)
{
    size_t large = (size_t)blocks_for(c.rows, 128)
                 * blocks_for(c.columns, 128);
    const struct gpu *g = (const struct gpu *)d->state;
    if (c.rows == 0 || K == 0)
        return;
    if (large >= (size_t)g->multiprocessors)
        launch<128, A_ALONG, B_ALONG>(d, c, a, b, K, add);
    else
        launch<64, A_ALONG, B_ALONG>(d, c, a, b, K, add);
}

// The three products of a linear layer, on the gpu
void gpu_product(struct device *d, struct array y, struct array x,
                 struct array w)
{
    product<true, true>(d, y, factor(x, y.rows), factor(w, w.rows),
                        x.columns, false);
}

void gpu_product_input(struct device *d, struct array dx,
                       struct array dy, struct array w, bool add)
{
    product<true, false>(d, dx, factor(dy, dx.rows), factor(w, w.rows),
                         w.rows, add);
}

void gpu_product_weight(struct device *d, struct array dw,
                        struct array dy, struct array x)
{
    product<false, false>(d, dw, factor(dy, dy.rows),
                          factor(x, dy.rows), dy.rows, true);
}
