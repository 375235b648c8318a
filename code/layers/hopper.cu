#include "layers/hopper.cuh"
#include "device/hopper.cuh"
#include "layers/results.cuh"

enum { DEEP = 64 };                 /* of k at a time */

// Bring a tile to shared memory
/* rows i to i + size of op(f), 64 of k from there on; k runs along
   the rows of f, or down, and then there are size / 64 boxes */
template <bool ALONG, int size>
static __device__ void bring(char *to, const CUtensorMap *f, int i,
                             int k, uint64_t *full)
{
    for (int r = 0; r < size; r += ALONG ? size : 64)
        if (ALONG)
            tma_load(to, f, i, k, full);
        else
            tma_load(to + 128 * r, f, k, i + r, full);
}

// Multiply what a stage holds
/* rows i to i + 64 of what stands at `left`, from k on */
template <bool ALONG>
static __device__ uint64_t factor_at(const char *tile, int i, int k)
{
    return operand(tile + 128 * i + (ALONG ? 2 : 128) * k, 8192);
}

template <bool A_ALONG, bool B_ALONG, int n>
static __device__ void multiply(float (&sum)[n], const char *left,
                                const char *right, int i)
{
    wgmma_fence(sum);
    #pragma unroll
    for (int k = 0; k < DEEP; k += 16)
        wgmma<!A_ALONG, !B_ALONG>(sum, factor_at<A_ALONG>(left, i, k),
                                  factor_at<B_ALONG>(right, 0, k));
    wgmma_commit();
    wgmma_wait<0>(sum);
}

// The ring
/* c [M][N] = or, where add, += op(a) op(b)^T, over K; a tile of c is
   HIGH by WIDE */
template <bool A_ALONG, bool B_ALONG, int WIDE, class number>
static __global__ void __launch_bounds__(WORKERS + 32)
ring(number *c, const __grid_constant__ CUtensorMap a,
     const __grid_constant__ CUtensorMap b, int M, int N, int K,
     bool add)
{
    extern __shared__ __align__(1024) char memory[];
    constexpr int LEFT = 2 * HIGH * DEEP;       /* bytes */
    constexpr int STAGE = LEFT + 2 * WIDE * DEEP;
    char *stages = memory + (1024 - (uintptr_t)memory % 1024) % 1024;
    uint64_t *full = (uint64_t *)(stages + STAGES * STAGE);
    uint64_t *empty = full + STAGES;
    unsigned tiles = (M + HIGH - 1) / HIGH * ((N + WIDE - 1) / WIDE);
    unsigned step = 0;
    if (threadIdx.x < STAGES) {
        mbarrier_init(&full[threadIdx.x], 1);
        mbarrier_init(&empty[threadIdx.x], WORKERS / 32);
    }
    __syncthreads();
    if (threadIdx.x == WORKERS)
        for (unsigned t = blockIdx.x; t < tiles; t += gridDim.x)
            // Fetch what tile t needs
            #pragma unroll 1
            for (int k = 0; k < K; k += DEEP, step++) {
                unsigned s = step % STAGES, round = step / STAGES % 2;
                struct place at = place_of<WIDE>(t, M, N);
                mbarrier_wait(&empty[s], round ^ 1);
                mbarrier_expect(&full[s], STAGE);
                bring<A_ALONG, HIGH>(stages + s * STAGE, &a, at.i, k, &full[s]);
                bring<B_ALONG, WIDE>(stages + s * STAGE + LEFT, &b, at.j, k,
                                     &full[s]);
            }
    else if (threadIdx.x < WORKERS)
        for (unsigned t = blockIdx.x; t < tiles; t += gridDim.x)
            // Multiply and write tile t
            {
                struct place at = place_of<WIDE>(t, M, N);
                float sum[WIDE / 2];
                #pragma unroll
                for (int i = 0; i < WIDE / 2; i++)
                    sum[i] = 0;
                #pragma unroll 1
                for (int k = 0; k < K; k += DEEP, step++) {
                    unsigned s = step % STAGES, round = step / STAGES % 2;
                    char *left = stages + s * STAGE;
                    mbarrier_wait(&full[s], round);
                    multiply<A_ALONG, B_ALONG>(sum, left, left + LEFT,
                                               threadIdx.x / 128 * 64);
                    if (threadIdx.x % 32 == 0)
                        mbarrier_arrive(&empty[s]);
                }
                write(c, sum, at.i, at.j, M, N, add);
            }
}

// The product on sm_90a
template <bool A_ALONG, bool B_ALONG, int WIDE, class number>
static bool launch(struct device *d, struct array c, struct array a,
                   struct array b, size_t K, bool add)
{
    const struct gpu *g = (const struct gpu *)d->state;
    size_t bytes = STAGES * (HIGH + WIDE) * DEEP * 2 + 16 * STAGES
                 + 1024;
    unsigned tiles = blocks_for(c.rows, HIGH)
                   * blocks_for(c.columns, WIDE);
    unsigned blocks = min(tiles, (unsigned)g->multiprocessors);
    auto kernel = ring<A_ALONG, B_ALONG, WIDE, number>;
    CUtensorMap left, right;
    if (!tensor_map(&left, a.at, a.rows, a.columns,
                    A_ALONG ? HIGH : 64)
        || !tensor_map(&right, b.at, b.rows, b.columns,
                       B_ALONG ? WIDE : 64))
        return false;
    cudaFuncSetAttribute(kernel,
                         cudaFuncAttributeMaxDynamicSharedMemorySize,
                         (int)bytes);
    kernel<<<blocks, WORKERS + 32, bytes, stream_of(d)>>>(
        (number *)c.at, left, right, (int)c.rows, (int)c.columns,
        (int)K, add);
    gpu_launched(d, "ring");
    return true;
}
/* wide tiles, if there are enough of them for the whole machine */
template <bool A_ALONG, bool B_ALONG, class number>
static bool in_tiles(struct device *d, struct array c, struct array a,
                     struct array b, size_t K, bool add)
{
    const struct gpu *g = (const struct gpu *)d->state;
    size_t wide = (size_t)blocks_for(c.rows, HIGH)
                * blocks_for(c.columns, 256);
    return wide >= (size_t)g->multiprocessors
        ? launch<A_ALONG, B_ALONG, 256, number>(d, c, a, b, K, add)
        : launch<A_ALONG, B_ALONG, 128, number>(d, c, a, b, K, add);
}

template <bool A_ALONG, bool B_ALONG>
static bool in_format(struct device *d, struct array c, struct array a,
                      struct array b, size_t K, bool add)
{
    return c.format == F32
        ? in_tiles<A_ALONG, B_ALONG, float>(d, c, a, b, K, add)
        : in_tiles<A_ALONG, B_ALONG, uint16_t>(d, c, a, b, K, add);
}
/* what the accelerator can read: rows of 16, 32, 48 ... bytes */
static bool can_be_read(struct array a)
{
    return a.format == BF16 && (uintptr_t)a.at % 16 == 0
        && a.columns % 8 == 0 && a.rows <= INT32_MAX
        && a.columns <= INT32_MAX;
}

bool hopper_product(struct device *d, struct array c, struct array a,
                    struct array b, bool a_along, bool b_along,
                    bool add)
{
    size_t K = a_along ? a.columns : a.rows;
    const struct gpu *g = (const struct gpu *)d->state;
    if (g->products == BY_WARPS || g->version != ONLY)
        return false;
    if (!can_be_read(a) || !can_be_read(b) || c.columns % 8 != 0
        || (uintptr_t)c.at % 16 != 0 || c.rows == 0 || K == 0
        || c.columns == 0)
        return false;
    if (a_along && b_along)
        return in_format<true, true>(d, c, a, b, K, add);
    if (a_along)
        return in_format<true, false>(d, c, a, b, K, add);
    return !b_along && in_format<false, false>(d, c, a, b, K, add);
}

// Who may multiply
extern "C" void gpu_products_by(struct device *d, enum gpu_products who)
{
    ((struct gpu *)d->state)->products = who;
}
