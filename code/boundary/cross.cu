#include "boundary/cross.cuh"
#include "boundary/clusters.cuh"
#include "boundary/written.cuh"
#include "layers/norm.h"
#include "mix/mix.cuh"
#include "mix/sinkhorn.cuh"

// Sizes of a crossing
enum { TOKENS = 16,             /* of a tile */
       WARPS = 8, THREADS = 32 * WARPS,
       ACROSS = 32 * 8,         /* channels that a warp reads */
       APART = 32,              /* numbers, between rows of the tile */
       RESERVED = 16 << 10 };   /* bytes, of all else that is shared */

// What a crossing takes and leaves
struct hop {
    const uint16_t *stream, *answer;    /* of the site that is left; */
    const float *left;                  /* its coefficients; or NULL */
    const float *phi, *alpha, *bias, *gain;
    uint16_t *next, *normed, *input;    /* input: where left is NULL */
    float *reached, *inverse_rms;
    size_t tokens, width;
    int iterations;
    // What products take of a crossing
    struct operand operand;     /* what it normalises, or danswer */
};

// Cross in one kernel
template <int n, bool CLUSTER, bool WRITES>
static __global__ void __launch_bounds__(THREADS)
cross_kernel(struct hop h, unsigned blocks)
{
    // What a block has of a tile
    constexpr int OUTPUTS = 2 * n + n * n;
    constexpr int PARTS = n == 8 ? 2 : 1;
    constexpr int AT_ONCE = OUTPUTS / 8 / PARTS;
    constexpr int GATES = n + n * n, ROW = 2 * OUTPUTS + 1;
    constexpr int RMS = ROW - 1;
    extern __shared__ __align__(16) float memory[];
    __shared__ float row[TOKENS][ROW], left_gates[TOKENS][GATES];
    auto mine = (float (*)[OUTPUTS + 2])memory;
    auto part = (float (*)[TOKENS][OUTPUTS + 1])(mine + TOKENS);
    uint16_t *tile = (uint16_t *)(part + WARPS);
    unsigned rank = CLUSTER ? cluster_rank() : 0;
    size_t C = h.width, slice = C / blocks, begin = rank * slice;
    size_t step = n * slice + APART;
    size_t first = (size_t)(blockIdx.x / blocks) * TOKENS;
    int here = h.tokens - first < TOKENS ? (int)(h.tokens - first)
                                         : TOKENS;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int group = lane / 4, in_group = lane % 4;
    for (int k = threadIdx.x; k < TOKENS * GATES; k += THREADS) {
        int t = k / GATES, e = k % GATES;
        left_gates[t][e] = WRITES && t < here
            ? h.left[(first + t) * ROW + n + e] : 0;
    }
    __syncthreads();
    // Write and project the slice
    float sum[PARTS][1][AT_ONCE][4] = { }, squares[PARTS][1][2] = { };
    for (size_t c0 = warp * 4 * EIGHT; c0 < slice;
         c0 += WARPS * 4 * EIGHT) {
        size_t c = c0 + in_group * EIGHT;
        size_t left = c < slice ? EIGHT : 0;
        struct numbers x[2][n], y[2];
        #pragma unroll
        for (int r = 0; r < 2; r++) {
            size_t t = first + group + 8 * r;
            size_t own = WRITES && t < h.tokens ? left : 0;
            y[r] = numbers_at<true>(h.answer + t * C + begin + c, own);
            #pragma unroll
            for (int j = 0; j < n; j++)
                x[r][j] = numbers_at<true>(
                    h.stream + (t * n + j) * C + begin + c, own);
        }
        #pragma unroll (n == 8 ? 1 : n)
        for (int i = 0; i < n; i++) {
            struct numbers next[1][2];
            // Make, store and keep eight channels of stream i
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                int t = group + 8 * r;
                size_t at = ((first + t) * n + i) * C + begin + c;
                next[0][r] = WRITES
                    ? written<n>(x[r], y[r], left_gates[t], i)
                    : numbers_at<true>(h.next + at, t < here ? left : 0);
                if (left > 0 && t < here) {
                    if (WRITES)
                        *(struct numbers *)(h.next + at) = next[0][r];
                    *(struct numbers *)(tile + t * step + i * slice + c)
                        = next[0][r];
                }
            }
            // Multiply by the projections
            #pragma unroll
            for (int p = 0; p < PARTS; p++) {
                struct eight_floats w[AT_ONCE];
                #pragma unroll
                for (int j = 0; j < AT_ONCE; j++) {
                    size_t k = (8 * (p * AT_ONCE + j) + group) * n + i;
                    w[j] = weights_at<true>(h.phi + k * C + begin + c, left);
                }
                multiply_eight<1, AT_ONCE>(sum[p], squares[p], next, w);
            }
        }
    }
    // Add up the projections
    leave<OUTPUTS / 8>(part[warp], &sum[0][0][0], squares[0][0]);
    __syncthreads();
    for (int k = threadIdx.x; k < TOKENS * (OUTPUTS + 1); k += THREADS) {
        int t = k / (OUTPUTS + 1), e = k % (OUTPUTS + 1);
        float all = 0;
        for (int w = 0; w < WARPS; w++)
            all += part[w][t][e];
        mine[t][e] = all;
    }
    meet<CLUSTER>();
    for (int k = threadIdx.x; k < TOKENS * (OUTPUTS + 1); k += THREADS) {
        int t = k / (OUTPUTS + 1), e = k % (OUTPUTS + 1);
        float all = 0;
        for (unsigned b = 0; b < blocks; b++)
            all += *at_block<CLUSTER>(&mine[t][e], b);
        row[t][e < OUTPUTS ? OUTPUTS + e : RMS] = e < OUTPUTS ? all
            : 1 / sqrtf(all / (float)(n * C) + (float)NORM_EPSILON);
    }
    __syncthreads();
    // Find the gates
    for (int k = threadIdx.x; k < TOKENS * OUTPUTS; k += THREADS) {
        int t = k / OUTPUTS, e = k % OUTPUTS, which = e / n;
        float z = row[t][RMS] * row[t][OUTPUTS + e];
        float logit = h.alpha[which < 2 ? which : 2] * z + h.bias[e];
        row[t][e] = which > 1 ? logit
                  : (which + 1) / (1 + expf(-logit));
    }
    __syncthreads();
    // Read the slice of two tokens
    for (int t = warp; t < here; t += WARPS) {
        float square = 0;
        for (size_t c = lane * EIGHT; c < slice; c += ACROSS) {
            struct numbers x[n], in;
            #pragma unroll
            for (int j = 0; j < n; j++)
                x[j] = *(struct numbers *)(tile + t * step + j * slice + c);
            #pragma unroll
            for (int k = 0; k < EIGHT / 2; k++) {
                in.pair[k] = pack_bf16(read<n>(x, row[t], 2 * k),
                                       read<n>(x, row[t], 2 * k + 1));
                for (float it : { half_of(in.pair[k], 0),
                                  half_of(in.pair[k], 1) })
                    square += it * it;
            }
            *(struct numbers *)(tile + t * step + c) = in;
            if (!WRITES)
                *(struct numbers *)(h.input + (first + t) * C + begin + c)
                    = in;
        }
        square = warp_sum(square);
        if (lane == 0)
            mine[t][OUTPUTS + 1] = square;
    }
    meet<CLUSTER>();
    // Normalise the slice of two tokens
    for (int t = warp; t < here; t += WARPS) {
        float all = 0;
        for (unsigned b = 0; b < blocks; b++)
            all += *at_block<CLUSTER>(&mine[t][OUTPUTS + 1], b);
        float r = 1 / sqrtf(all / (float)C + (float)NORM_EPSILON);
        for (size_t c = lane * EIGHT; c < slice; c += ACROSS) {
            struct numbers in = *(struct numbers *)(tile + t * step + c);
            size_t at = (first + t) * C + begin + c;
            const float *gain = h.gain + begin + c;
            #pragma unroll
            for (int k = 0; k < EIGHT / 2; k++)
                in.pair[k] = pack_bf16(
                    gain[2 * k] * (half_of(in.pair[k], 0) * r),
                    gain[2 * k + 1] * (half_of(in.pair[k], 1) * r));
            *(struct numbers *)(h.normed + at) = in;
        }
        if (lane == 0 && rank == 0)
            h.inverse_rms[first + t] = r;
    }
    if (CLUSTER)
        cluster_arrive();
    // Iterate, and store the rows
    if (rank == 0) {
        if (n == N) {
            float *entry = row[threadIdx.x / LANES] + 2 * n
                         + threadIdx.x % LANES;
            struct lane m = run(*entry, h.iterations);
            *entry = m.row * (m.kernel * m.column);
            __syncthreads();
        }
        for (int k = threadIdx.x; k < here * ROW; k += THREADS)
            h.reached[first * ROW + k] = row[k / ROW][k % ROW];
    }
    if (CLUSTER)
        cluster_wait();
    // Leave what products take
    if (WRITES && h.operand.left != NULL)
        leave_images((struct square *)memory, h.operand, first, TOKENS,
                     begin, slice);
}

// Launch a crossing
size_t gpu_cross_room(size_t n, size_t slice)
{
    size_t outputs = 2 * n + n * n;
    return TOKENS * (outputs + 2 + WARPS * (outputs + 1))
               * sizeof(float)
         + TOKENS * (n * slice + APART) * sizeof(uint16_t);
}

struct room gpu_room_of(int version, size_t shared)
{
    return { shared - RESERVED, has_clusters(version) ? 8u : 1u };
}

struct room gpu_room_for_tiles(struct device *d)
{
    int most = 0;
    gpu_check(d, cudaDeviceGetAttribute(&most,
                  cudaDevAttrMaxSharedMemoryPerBlockOptin, 0),
              "cross_kernel");
    return gpu_room_of(((const struct gpu *)d->state)->version,
                       (size_t)most);
}

/* the least with which a tile leaves room for another block, or else
   the most that there may be */
unsigned gpu_blocks_forward(struct room r, size_t streams, size_t width)
{
    unsigned best = 0;
    for (unsigned b = 1; b <= r.blocks && width % (b * EIGHT) == 0;
         b *= 2) {
        if (gpu_cross_room(streams, width / b) > r.bytes)
            continue;
        best = b;
        if (gpu_cross_room(streams, width / b) <= r.bytes / 2)
            break;
    }
    return best;
}

template <int n>
static bool cross_by(struct device *d, struct hop *h, unsigned blocks)
{
    struct room most = gpu_room_for_tiles(d);
    if (blocks == 0)
        blocks = gpu_blocks_forward(most, n, h->width);
    size_t room = gpu_cross_room(n, h->width / blocks);
    if (h->width % (blocks * EIGHT) != 0 || room > most.bytes
        || blocks > most.blocks)
        return false;
    bool writes = h->stream != NULL;
    auto kernel = blocks > 1 ? writes ? cross_kernel<n, true, true>
                                      : cross_kernel<n, true, false>
                  : writes ? cross_kernel<n, false, true>
                           : cross_kernel<n, false, false>;
    // Make room for what products take
    room = room_with_square(&h->operand, 0, room, most.bytes);
    launch_in_clusters(d, "cross_kernel", kernel, h,
                       blocks_for(h->tokens, TOKENS), blocks, THREADS,
                       room);
    if (n != N)
        gpu_sinkhorn_forward(d, h->reached + 2 * n,
                             h->reached + 2 * n,
                             2 * (2 * n + n * n) + 1, h->tokens, n,
                             (size_t)h->iterations, false);
    // See that products have it
    gpu_make_images(d, h->operand);
    return true;
}

static bool is_wide(struct array a)
{
    return (uintptr_t)a.at % 16 == 0;
}

bool crosses_at_once(struct device *d, const struct site *from,
                     const struct site *to)
{
    size_t n = to->streams;
    return !to->exit && to->layout.mix == MIX_SINKHORN
        && (from == NULL
            || (is_wide(from->stream) && is_wide(from->answer)
                && is_wide(from->dstream) && is_wide(from->danswer)))
        && is_wide(to->stream) && is_wide(to->normed)
        && is_wide(to->dstream) && is_wide(to->dnormed)
        && is_wide(to->phi) && is_wide(to->input)
        && (n == 2 || n == 4 || n == 8)
        && gpu_blocks_forward(gpu_room_for_tiles(d), n, to->width) > 0;
}

bool gpu_cross_at_once(struct device *d, const struct site *from,
                       const struct site *to, unsigned blocks)
{
    const struct layout *l = &to->layout;
    if (!crosses_at_once(d, from, to))
        return false;
    if (to->tokens == 0)
        return true;
    struct hop h = {
        .phi = floats(to->phi), .alpha = floats(to->alpha),
        .bias = floats(to->bias), .gain = floats(to->gain),
        .next = (uint16_t *)to->stream.at,
        .normed = (uint16_t *)to->normed.at,
        .reached = floats(to->coefficients),
        .inverse_rms = floats(to->inverse_rms), .tokens = to->tokens,
        .width = to->width, .iterations = (int)l->iterations };
    if (from == NULL)
        h.input = (uint16_t *)to->input.at;
    else {
        h.stream = (const uint16_t *)from->stream.at;
        h.answer = (const uint16_t *)from->answer.at;
        h.left = floats(from->coefficients);
    }
    // Name what products take
    h.operand = gpu_operand(d, to->normed, to->tokens);
    if (from == NULL)       /* seldom; and it has no registers for it */
        h.operand.left = NULL;
    return l->streams == 2 ? cross_by<2>(d, &h, blocks)
         : l->streams == 4 ? cross_by<4>(d, &h, blocks)
                           : cross_by<8>(d, &h, blocks);
}
