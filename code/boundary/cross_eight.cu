#include "boundary/cross_eight.cuh"
#include "boundary/clusters.cuh"
#include "boundary/rounded.cuh"
#include "layers/norm.h"
#include "mix/mix.cuh"
#include "mix/sinkhorn.cuh"

// Sizes of a crossing
enum { TOKENS = 16,             /* of a tile */
       WARPS = 8, THREADS = 32 * WARPS,
       ACROSS = 32 * 8,         /* channels that a warp reads */
       APART = 32,              /* numbers, between rows of the tile */
       RESERVED = 16 << 10 };   /* bytes, of all else that is shared */

struct hop_eight {
    struct eight_rows from, to;
    const uint16_t *answer;             /* of the site that is left; */
    const float *left;                  /* its coefficients; or NULL */
    const float *phi, *alpha, *bias, *gain;
    uint16_t *normed, *input;           /* input: where left is NULL */
    float *reached, *inverse_rms;
    size_t tokens, width;
    int iterations;
    // What products take of a crossing
    struct operand operand;     /* what it normalises, or danswer */
};

template <int n, bool CLUSTER, bool WRITES>
static __global__ void __launch_bounds__(THREADS)
cross_eight_kernel(struct hop_eight h, unsigned blocks)
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
    constexpr int ROOM = WARPS * TOKENS * n;
    // Write and project the slice, in eight bits
    float sum[PARTS][1][AT_ONCE][4] = { }, squares[PARTS][1][2] = { };
    float *room = (float *)(tile + TOKENS * step), *other = room + ROOM;
    #pragma unroll 1
    for (size_t c0 = 0; c0 < slice; c0 += WARPS * 4 * EIGHT) {
        size_t c = c0 + (warp * 4 + in_group) * EIGHT;
        size_t left = c < slice ? EIGHT : 0;
        struct numbers x[2][n], y[2];
        float amax[2][n] = { };
        #pragma unroll
        for (int r = 0; r < 2; r++) {
            int at = group + 8 * r;
            size_t t = first + at, own = WRITES && t < h.tokens ? left : 0;
            y[r] = numbers_at<true>(h.answer + t * C + begin + c, own);
            #pragma unroll
            for (int j = 0; j < n; j++)
                x[r][j] = stored<struct numbers>(h.from, t,
                                                 j * C + begin + c, own);
            #pragma unroll
            for (int i = 0; WRITES && i < n; i++)
                for (int k = 0; k < EIGHT; k++)
                    amax[r][i] = larger(amax[r][i], next_at<n>(
                        x[r], y[r], left_gates[at], i, k));
        }
        if (WRITES)
            largest<4, TOKENS>(amax, room);
        #pragma unroll (n == 8 ? 1 : n)
        for (int i = 0; i < n; i++) {
            struct numbers next[1][2];
            // Make, store and keep eight channels in E4M3
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                int at = group + 8 * r;
                size_t t = first + at, column = i * C + begin + c;
                if (WRITES) {
                    float v[EIGHT];
                    for (int k = 0; k < EIGHT; k++)
                        v[k] = next_at<n>(x[r], y[r], left_gates[at], i, k);
                    auto s = rounded_to<struct numbers>(v, amax[r][i], h.to, t,
                                                        column);
                    next[0][r] = s.kept;
                    if (left > 0 && at < here)
                        store(h.to, t, column, s, warp % 4 == 0 && in_group == 0);
                } else
                    next[0][r] = stored<struct numbers>(h.to, t, column,
                                                        at < here ? left : 0);
                if (left > 0 && at < here)
                    *(struct numbers *)(tile + at * step + i * slice + c)
                        = next[0][r];
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
        float *used = room;
        room = other, other = used;
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
    if (WRITES)
        count_stored(h.to, h.tokens * n * C);
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

static size_t room_forward(size_t n, size_t slice)
{
    return gpu_cross_room(n, slice)
         + 2 * WARPS * TOKENS * n * sizeof(float);
}

static bool taken(const struct site *s)
{
    size_t n = s->streams;
    return s->layout.mix == MIX_SINKHORN && s->stream.format == E4M3
        && s->stream.streams == 0 && (n == 2 || n == 4)
        && (uintptr_t)s->phi.at % 16 == 0
        && (uintptr_t)s->normed.at % 16 == 0
        && (uintptr_t)s->input.at % 16 == 0
        && (s->answer.at == NULL || (uintptr_t)s->answer.at % 16 == 0);
}

unsigned gpu_blocks_eight(struct device *d, const struct site *to,
                          bool back, unsigned blocks)
{
    struct room r = gpu_room_for_tiles(d);
    unsigned best = 0;
    if (!has_clusters(((const struct gpu *)d->state)->version))
        return 0;
    for (unsigned b = 1; b <= r.blocks; b *= 2) {
        size_t slice = to->width / b;
        size_t room = back ? gpu_room_back_eight(to->streams, slice)
                           : room_forward(to->streams, slice);
        if (to->width % (b * 128) != 0 || room > r.bytes
            || (blocks > 0 && b != blocks))
            continue;
        best = b;
        if (back || room <= r.bytes / 2)
            break;
    }
    return taken(to) && !to->exit ? best : 0;
}

template <int n>
static void cross_by(struct device *d, struct hop_eight *h,
                     unsigned blocks)
{
    bool writes = h->answer != NULL;
    struct room most = gpu_room_for_tiles(d);
    size_t room = room_forward(n, h->width / blocks);
    // Make room for what products take
    room = room_with_square(&h->operand, 0, room, most.bytes);
    auto kernel = blocks > 1
        ? writes ? cross_eight_kernel<n, true, true>
                 : cross_eight_kernel<n, true, false>
        : writes ? cross_eight_kernel<n, false, true>
                 : cross_eight_kernel<n, false, false>;
    launch_in_clusters(d, "cross_eight_kernel", kernel, h,
                       blocks_for(h->tokens, TOKENS), blocks, THREADS,
                       room);
    if (n != N)
        gpu_sinkhorn_forward(d, h->reached + 2 * n, h->reached + 2 * n,
                             2 * (2 * n + n * n) + 1, h->tokens, n,
                             (size_t)h->iterations, false);
    // See that products have it
    gpu_make_images(d, h->operand);
}

bool gpu_cross_eight(struct device *d, const struct site *from,
                     const struct site *to, unsigned blocks)
{
    blocks = gpu_blocks_eight(d, to, false, blocks);
    if (blocks == 0 || (from != NULL && !taken(from)))
        return false;
    if (to->tokens == 0 || d->planning)
        return true;
    struct hop_eight h = {
        .to = eight_rows(d, to->stream), .phi = floats(to->phi),
        .alpha = floats(to->alpha), .bias = floats(to->bias),
        .gain = floats(to->gain), .normed = (uint16_t *)to->normed.at,
        .reached = floats(to->coefficients),
        .inverse_rms = floats(to->inverse_rms), .tokens = to->tokens,
        .width = to->width, .iterations = (int)to->layout.iterations };
    if (from == NULL)
        h.input = (uint16_t *)to->input.at;
    else {
        h.from = eight_rows(d, from->stream);
        h.answer = (const uint16_t *)from->answer.at;
        h.left = floats(from->coefficients);
    }
    // Name what products take
    h.operand = gpu_operand(d, to->normed, to->tokens);
    if (from == NULL)       /* seldom; and it has no registers for it */
        h.operand.left = NULL;
    if (to->streams == 2)
        cross_by<2>(d, &h, blocks);
    else
        cross_by<4>(d, &h, blocks);
    return true;
}
