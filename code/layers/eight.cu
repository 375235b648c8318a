#include "layers/eight.h"
#include "device/eight.cuh"
#include "device/hopper.cuh"
#include "layers/cublaslt.cuh"
#include "layers/image.cuh"
#include "layers/results.cuh"
#include "layers/tensor.h"

/* of k; columns of a tile */
static constexpr int DEEP = 128, WIDE = 128;

/* exponents [ceil(K / 128)][M], [ceil(K / 128)][N] */
struct scales {
    const int8_t *left, *right;
    enum stand left_at, right_at;
};

// Fetch a square of codes
/* codes of 128 lines from i on, and of k: apart from numbers, or in
   their place ([@sec:eight-operands]) */
static __device__ void fetch(char *to, const CUtensorMap *m,
                             enum stand at, int i, int k,
                             uint64_t *full)
{
    if (at == DOWN_COLUMNS)
        tma_load(to, m, k, 2 * i + DEEP, full);
    else
        tma_load(to, m, i, at == ALONG_ROWS ? 2 * k : k, full);
}

// Multiply the codes of a stage
template <int n>
static __device__ void multiply(float (&sum)[n], const char *left,
                                const char *right)
{
    wgmma_fence(sum);
    #pragma unroll
    for (int k = 0; k < DEEP; k += 32)
        wgmma_eight(sum, operand(left + k, 0), operand(right + k, 0));
    wgmma_commit();
    wgmma_wait<0>(sum);
}

// Promote to floats
/* of a tile that begins at i and j; exponents of all rows, columns */
template <int n>
static __device__ void promote(float (&sum)[n], const float (&part)[n],
                               const int8_t *left, const int8_t *right,
                               int i, int j, int M, int N)
{
    int lane = threadIdx.x % 32;
    float down[2];
    i += threadIdx.x / 32 * 16 + lane / 4;
    j += lane % 4 * 2;
    for (int h = 0; h < 2; h++)
        down[h] = i + 8 * h < M ? power(left[i + 8 * h]) : 0;
    #pragma unroll
    for (int k = 0; k < n; k += 4) {
        char2 e = { 0, 0 };
        if (j + 2 * k < N)
            e = *(const char2 *)(right + j + 2 * k);
        float over[2] = { power(e.x), power(e.y) };
        #pragma unroll
        for (int m = 0; m < 4; m++)
            sum[k + m] += part[k + m] * down[m / 2] * over[m % 2];
    }
}

// The ring of codes
/* c [M][N] = or, where add, += a b^T, of codes, over K */
template <class number>
static __global__ void __launch_bounds__(WORKERS + 32)
eight_ring(number *c, const __grid_constant__ CUtensorMap a,
           const __grid_constant__ CUtensorMap b, struct scales p,
           int M, int N, int K, bool add)
{
    extern __shared__ __align__(1024) char memory[];
    constexpr int STAGE = (HIGH + WIDE) * DEEP;     /* bytes */
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
    for (unsigned t = blockIdx.x; t < tiles; t += gridDim.x) {
        struct place at = place_of<WIDE>(t, M, N);
        if (threadIdx.x == WORKERS) {
            #pragma unroll 1
            for (int k = 0; k < K; k += DEEP, step++) {
                unsigned s = step % STAGES, round = step / STAGES % 2;
                char *to = stages + s * STAGE;
                mbarrier_wait(&empty[s], round ^ 1);
                mbarrier_expect(&full[s], STAGE);
                fetch(to, &a, p.left_at, at.i, k, &full[s]);
                fetch(to + HIGH * DEEP, &b, p.right_at, at.j, k,
                      &full[s]);
            }
        } else if (threadIdx.x < WORKERS) {
            // Multiply, and promote
            float sum[WIDE / 2];
            #pragma unroll
            for (int i = 0; i < WIDE / 2; i++)
                sum[i] = 0;
            #pragma unroll 1
            for (int k = 0; k < K; k += DEEP, step++) {
                unsigned s = step % STAGES, round = step / STAGES % 2;
                char *left = stages + s * STAGE;
                float part[WIDE / 2];
                #pragma unroll
                for (int i = 0; i < WIDE / 2; i++)
                    part[i] = 0;
                mbarrier_wait(&full[s], round);
                multiply(part, left + threadIdx.x / 128 * 64 * DEEP,
                         left + HIGH * DEEP);
                if (threadIdx.x % 32 == 0)
                    mbarrier_arrive(&empty[s]);
                promote(sum, part, p.left + (size_t)(k / DEEP) * M,
                        p.right + (size_t)(k / DEEP) * N, at.i, at.j, M, N);
            }
            write(c, sum, at.i, at.j, M, N, add);
        }
    }
}

// The product of codes
static bool map_of(CUtensorMap *m, struct codes c)
{
    size_t rows = c.at == DOWN_COLUMNS ? c.columns : c.rows;
    size_t columns = c.at == BY_THEMSELVES ? c.columns : c.stride;
    return tensor_map_of(m, CU_TENSOR_MAP_DATA_TYPE_UINT8, 1, c.code,
                         rows, columns, c.stride, HIGH);
}

template <class number>
static void launch(struct device *d, struct array c, struct codes a,
                   struct codes b, bool add)
{
    const struct gpu *g = (const struct gpu *)d->state;
    size_t bytes = STAGES * (HIGH + WIDE) * DEEP + 16 * STAGES + 1024;
    unsigned tiles = blocks_for(a.rows, HIGH)
                   * blocks_for(b.rows, WIDE);
    unsigned blocks = min(tiles, (unsigned)g->multiprocessors);
    CUtensorMap left, right;
    if (!map_of(&left, a) || !map_of(&right, b)) {
        device_fail(d, EX_OSERR, "gpu: no map of a tensor's codes");
        return;
    }
    gpu_check(d, cudaFuncSetAttribute(eight_ring<number>,
                  cudaFuncAttributeMaxDynamicSharedMemorySize,
                  (int)bytes), "eight_ring");
    struct scales scales = { a.exponent, b.exponent, a.at, b.at };
    eight_ring<number><<<blocks, WORKERS + 32, bytes, stream_of(d)>>>(
        (number *)c.at, left, right, scales,
        (int)a.rows, (int)b.rows, (int)a.columns, add);
    gpu_launched(d, "eight_ring");
}

static bool by_codes(const struct device *d, struct array c, size_t K)
{
    const struct gpu *g = (const struct gpu *)d->state;
    return g->products != BY_WARPS && g->version == ONLY
        && c.columns % 8 == 0 && (uintptr_t)c.at % 16 == 0
        && c.rows <= INT32_MAX && K <= INT32_MAX - DEEP;
}

extern "C" enum format eight_gpu_operands(const struct device *d)
{
    const struct gpu *g = (const struct gpu *)d->state;
    return g->version == ONLY ? IMAGES : BF16;
}

extern "C" const char *gpu_eight_products(const struct device *d)
{
    const struct gpu *g = (const struct gpu *)d->state;
    return g->products != BY_WARPS && g->version == ONLY
         ? "our kernels for sm_90a, of E4M3"
         : "our kernels, of E4M3 in bf16";
}

// The three products in eight bits, on the gpu
static const struct fp8_blocks row = { 1, 128 };
static const struct fp8_blocks square = { 128, 128 };
static const struct fp8_blocks column = { 128, 1 };

static size_t aligned(size_t bytes)
{
    return (bytes + 255) / 256 * 256;
}

// Images that are there, or are made
static size_t room_for(struct device *d, struct array a, bool turned,
                       bool codes)
{
    if (codes && gpu_has_images(d, a))
        return 0;
    a.format = as_numbers(a.format);
    return aligned(codes ? gpu_codes_bytes(a, turned)
                         : array_bytes(a));
}

static struct codes codes_of(struct device *d, void *room,
                             struct array a, struct fp8_blocks b,
                             bool turned)
{
    return gpu_has_images(d, a) ? gpu_codes_there(a, turned)
                                : gpu_codes(d, room, a, b, turned);
}

static struct array image_of(struct device *d, void *room,
                             struct array a, struct fp8_blocks b,
                             bool turned)
{
    if (gpu_has_images(d, a))
        gpu_image_there(d, room, a, turned);
    else
        gpu_image(d, room, a, b);
    a.at = room;
    a.format = BF16;
    return a;
}

/* c = or += op(a) op(b)^T, whose sum is over columns of a and b where
   they are along, else over rows */
static void multiply(struct device *d, struct array c, struct array a,
                     struct array b, bool a_along, bool b_along,
                     bool add)
{
    struct fp8_blocks of_a = a_along ? row : column;
    struct fp8_blocks of_b = a_along ? square : column;
    bool codes = by_codes(d, c, a_along ? a.columns : a.rows);
    size_t room_a = room_for(d, a, !a_along, codes);
    size_t room_b = room_for(d, b, !b_along, codes);
    char *room = (char *)device_scratch(d, room_a + room_b);
    if (room == NULL || c.rows == 0 || a.rows == 0)
        return;
    if (codes) {
        struct codes left = codes_of(d, room, a, of_a, !a_along);
        struct codes right = codes_of(d, room + room_a, b, of_b,
                                      !b_along);
        if (c.format == F32)
            launch<float>(d, c, left, right, add);
        else
            launch<uint16_t>(d, c, left, right, add);
        return;
    }
    a = image_of(d, room, a, of_a, !a_along);
    b = image_of(d, room + room_a, b, of_b, !b_along);
    if (!a_along)
        sixteen_gpu_product_weight(d, c, a, b);
    else if (b_along)
        sixteen_gpu_product(d, c, a, b);
    else
        sixteen_gpu_product_input(d, c, a, b, add);
}

void eight_gpu_product(struct device *d, struct array y, struct array x,
                       struct array w)
{
    if (y.role != EXACT)
        multiply(d, y, array_rows(x, 0, y.rows), w, true, true, false);
    else if (!d->planning)
        library_product(d, y, x, w);
}

void eight_gpu_product_input(struct device *d, struct array dx,
                             struct array dy, struct array w, bool add)
{
    if (dy.role != EXACT)
        multiply(d, dx, array_rows(dy, 0, dx.rows), w, true, false,
                 add);
    else if (!d->planning)
        library_product_input(d, dx, dy, w, add);
}

void eight_gpu_product_weight(struct device *d, struct array dw,
                              struct array dy, struct array x)
{
    if (dy.role != EXACT)
        multiply(d, dw, dy, array_rows(x, 0, dy.rows), false, false,
                 true);
    else if (!d->planning)
        library_product_weight(d, dw, dy, x);
}
