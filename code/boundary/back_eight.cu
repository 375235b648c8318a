#define SIXTEEN
#include "boundary/cross_eight.cuh"
#include "boundary/clusters.cuh"
#include "boundary/mixing.cuh"
#include "boundary/rounded.cuh"

// Sizes of the way back
enum { WARPS = 8, THREADS = 32 * WARPS,
       FOUR = 4,                /* channels of a lane, second walk */
       APART = 16,              /* numbers, between rows of the tile */
       BESIDE = 8,              /* between rows of what phi gets */
       ALL_BLOCKS = 128 };      /* at most, of all runs */

/* tokens of a tile */
static __host__ __device__ constexpr int tile_of(size_t streams)
{
    return streams == 8 ? 8 : 16;
}

struct hop_back_eight {
    struct eight_rows start;    /* of streams, or behind lazy ones */
    struct past past;
    struct eight_rows next, dnext, dstream;
    const uint16_t *answer, *dnormed;
    const float *left, *row, *inverse_rms, *phi, *gain, *alpha;
    uint16_t *danswer;
    float *drow, *dleft;
    float *dgain, *dmix;    /* [runs][C], [runs][2n + n^2][2] */
    float *dphi;            /* [runs][2n + n^2][nC] */
    size_t tokens, width, runs;
    struct way_back way;
    // What products take of a crossing
    struct operand operand;     /* what it normalises, or danswer */
};

// Sums and stores of the way back
/* of four lanes */
static __device__ float of_group(float x)
{
    x += __shfl_xor_sync(~0u, x, 1);
    return x + __shfl_xor_sync(~0u, x, 2);
}

/* to what the warps have left in part, when all have */
template <int TILE, int count, int room>
static __device__ void add_up(float (&to)[TILE][count],
                              const float (*part)[TILE][room])
{
    __syncthreads();
    for (int k = threadIdx.x; k < TILE * count; k += THREADS) {
        float all = 0;
        for (int w = 0; w < WARPS; w++)
            all += part[w][k / count][k % count];
        to[k / count][k % count] = all;
    }
}

/* of what the blocks of a tile have in this place */
template <bool CLUSTER>
static __device__ float of_blocks(const float *at, unsigned blocks)
{
    float all = 0;
    for (unsigned b = 0; b < blocks; b++)
        all += *at_block<CLUSTER>(at, b);
    return all;
}

static __device__ float rounded(float x)
{
    return half_of(pack_bf16(x, 0), 0);
}

struct alignas(8) four { unsigned pair[FOUR / 2]; };
template <int n> struct of_lane { typedef struct numbers some; };
template <> struct of_lane<8> { typedef struct four some; };

static __device__ void store(uint16_t *to, const float x[FOUR])
{
    *(struct four *)to = { { pack_bf16(x[0], x[1]),
                             pack_bf16(x[2], x[3]) } };
}

// Add the rows of phi
/* D += draw phi: of tokens g and g + 8, channels 4 q .. of 16; phi: at
   the first of them in row 0; left: how many there are */
template <int OUTPUTS, int TILE>
static __device__ void add_rows(float D[][FOUR],
                                const uint2 draw[][OUTPUTS + 4],
                                const float *phi, size_t stride,
                                size_t left)
{
    int group = threadIdx.x % WARP / 4, in_group = threadIdx.x % 4;
    size_t c = group / 2 * FOUR;
    float sum[2][4] = { };
    #pragma unroll (OUTPUTS > 24 ? 1 : OUTPUTS / 8)
    for (int k = 0; k < OUTPUTS; k += 8) {
        struct pieces<4> a = { };
        struct pieces<2> b[2];
        #pragma unroll
        for (int r = 0; r < 4; r++)
            if (r % 2 * 8 < TILE) {
                uint2 w = draw[group + r % 2 * 8]
                              [k + in_group + r / 2 * 4];
                a.high[r] = w.x, a.low[r] = w.y;
            }
        #pragma unroll
        for (int r = 0; r < 2; r++) {
            size_t e = k + in_group + 4 * r;
            float4 w = { };
            if (c < left)
                w = *(const float4 *)(phi + e * stride + c);
            split(&b[0], r, group % 2 == 0 ? w.x : w.y);
            split(&b[1], r, group % 2 == 0 ? w.z : w.w);
        }
        #pragma unroll
        for (int half = 0; half < 2; half++) {
            mma_tf32(sum[half], a.low, b[half].high);
            mma_tf32(sum[half], a.high, b[half].low);
            mma_tf32(sum[half], a.high, b[half].high);
        }
    }
    #pragma unroll
    for (int r = 0; r < TILE / 8; r++)
        #pragma unroll
        for (int k = 0; k < FOUR; k++)
            D[r][k] += sum[k / 2][2 * r + k % 2];
}

template <int n, bool CLUSTER>
static __global__ void __launch_bounds__(THREADS)
back_eight_kernel(struct hop_back_eight h, unsigned blocks)
{
#if defined __CUDA_ARCH__ && __CUDA_ARCH__ < 900
    __trap();                       /* too many registers */
#else
    // What a block has on the way back
    constexpr int OUTPUTS = 2 * n + n * n, GATES = n + n * n;
    constexpr int ROW = 2 * OUTPUTS + 1, RMS = ROW - 1;
    constexpr int TILE = tile_of(n), EACH = TILE / 8;
    constexpr int ROWS = n == 8 ? 2 : n;    /* of a matrix, at once */
    using some = typename of_lane<n>::some; /* channels, first walk */
    constexpr int HAS = sizeof(some) / sizeof(uint16_t);
    constexpr int SUMS = 2 * n + 1;
    extern __shared__ __align__(16) float memory[];
    __shared__ float left_gates[TILE][GATES], gate[TILE][n];
    __shared__ float dlogit[TILE][OUTPUTS];
    __shared__ uint2 draw[TILE][OUTPUTS + 4];       /* high, low */
    __shared__ float told[TILE][3], mix[OUTPUTS][2];
    auto &sums = *(float (*)[TILE][SUMS])memory;
    auto &leaving = *(float (*)[TILE][GATES])(sums + TILE);
    auto part = (float (*)[TILE][GATES])(leaving + TILE);
    unsigned rank = CLUSTER ? cluster_rank() : 0;
    size_t C = h.width, slice = C / blocks, begin = rank * slice;
    size_t kept = slice + h.way.phi * OUTPUTS * (n * slice + BESIDE);
    float *gains = (float *)(part + WARPS), *phis = gains + slice;
    uint16_t *tile = (uint16_t *)(gains + kept);
    size_t step = (n + 2) * slice + APART;
    size_t tiles = (h.tokens + TILE - 1) / TILE;
    size_t run = blockIdx.x / blocks, end = (run + 1) * tiles / h.runs;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int group = lane / 4, in_group = lane % 4;
    if (threadIdx.x < OUTPUTS)
        mix[threadIdx.x][0] = mix[threadIdx.x][1] = 0;
    for (size_t k = threadIdx.x; k < kept; k += THREADS)
        gains[k] = 0;
    constexpr int ROOM = WARPS * TILE * n;
    step += n * slice;              /* of what was written */
    float *room = (float *)(tile + TILE * step), *other = room + ROOM;
    for (size_t a = run * tiles / h.runs; a < end; a++) {
        size_t first = a * TILE;
        // What a block knows of its tokens
        for (int k = threadIdx.x; k < TILE * OUTPUTS; k += THREADS) {
            size_t at = k / OUTPUTS, e = k % OUTPUTS, t = first + at;
            bool is = t < h.tokens;
            if (e < n)
                gate[at][e] = is ? h.row[t * ROW + e] : 0;
            else
                left_gates[at][e - n] = is ? h.left[t * ROW + e] : 0;
        }
        __syncthreads();
        // Add up what the gates get, in eight bits
        float s[EACH] = { }, along[EACH][n] = { }, across[EACH][n] = { };
        #pragma unroll 1
        for (size_t c0 = 0; c0 < slice; c0 += WARPS * 4 * HAS) {
            constexpr int SPAN = 128 / (4 * HAS);
            size_t c = c0 + (warp * 4 + in_group) * HAS;
            size_t left = c < slice ? HAS : 0;
            some x[EACH][n], y[EACH];
            float amax[EACH][n];
            auto turn = [&]() {
                float *used = room;
                room = other, other = used;
            };
            #pragma unroll
            for (int r = 0; r < EACH; r++) {
                size_t t = first + group + 8 * r;
                size_t own = t < h.tokens ? left : 0;
                y[r] = numbers_at<true, some>(h.answer + t * C + begin + c,
                                              own);
                #pragma unroll
                for (int j = 0; j < n; j++)
                    x[r][j] = stored<some>(h.start, t, j * C + begin + c, own);
            }
            // Write the streams again, one site after the other
            #pragma unroll 1
            for (int w = 0; w < h.past.writes; w++) {
                struct eight_rows made = h.start;
                made.how.place += 2 * (w + 1);
                for (int pass = 0; pass < 2; pass++)
                    #pragma unroll
                    for (int r = 0; r < EACH; r++) {
                        size_t t = first + group + 8 * r;
                        size_t own = t < h.tokens ? left : 0;
                        const float *gates = (const float *)h.past.row[w]
                                           + (own > 0 ? t : 0) * ROW + n;
                        some z = numbers_at<true, some>(
                            (const uint16_t *)h.past.answer[w] + t * C + begin + c,
                            own), next[n];
                        #pragma unroll
                        for (int i = 0; i < n; i++) {
                            float v[HAS], most = 0;
                            for (int k = 0; k < HAS; k++) {
                                v[k] = next_at<n>(x[r], z, gates, i, k);
                                most = larger(most, v[k]);
                            }
                            if (pass == 0)
                                amax[r][i] = most;
                            else
                                next[i] = rounded_to<some>(v, amax[r][i], made, t,
                                                           i * C + begin + c).kept;
                        }
                        #pragma unroll
                        for (int i = 0; i < n && pass == 1; i++)
                            x[r][i] = next[i];
                        if (pass == 0 && r == EACH - 1) {
                            largest<SPAN, TILE>(amax, room);
                            turn();
                        }
                    }
            }
            #pragma unroll
            for (int r = 0; r < EACH; r++)
                #pragma unroll
                for (int i = 0; i < n; i++) {
                    amax[r][i] = 0;
                    for (int k = 0; k < HAS; k++)
                        amax[r][i] = larger(amax[r][i], next_at<n>(
                            x[r], y[r], left_gates[group + 8 * r], i, k));
                }
            largest<SPAN, TILE>(amax, room);
            turn();
            #pragma unroll
            for (int r = 0; r < EACH; r++) {
                int at = group + 8 * r;
                size_t t = first + at, own = t < h.tokens ? left : 0;
                some dn = numbers_at<true, some>(h.dnormed + t * C + begin + c,
                                                 own), next[n];
                #pragma unroll
                for (int i = 0; i < n; i++) {
                    float v[HAS];
                    for (int k = 0; k < HAS; k++)
                        v[k] = next_at<n>(x[r], y[r], left_gates[at], i, k);
                    auto it = rounded_to<some>(v, amax[r][i], h.next, t,
                                               i * C + begin + c);
                    next[i] = it.kept;
                }
                if (left > 0) {
                    uint16_t *to = tile + at * step + c;
                    #pragma unroll
                    for (int j = 0; j < n; j++) {
                        *(some *)(to + j * slice) = x[r][j];
                        *(some *)(to + (n + 2 + j) * slice) = next[j];
                    }
                    *(some *)(to + n * slice) = y[r];
                    *(some *)(to + (n + 1) * slice) = dn;
                }
                // Add up what the gates of a token get
                #pragma unroll
                for (int k = 0; k < HAS; k++) {
                    float in = rounded(read<n>(next, gate[at], k));
                    float gain = left > 0 ? h.gain[begin + c + k] : 0;
                    float u = gain * number(dn, k);
                    s[r] += u * in;
                    #pragma unroll
                    for (int i = 0; i < n; i++) {
                        along[r][i] += u * number(next[i], k);
                        across[r][i] += in * number(next[i], k);
                    }
                }
            }
        }
        // Add up the tile's sums
        #pragma unroll
        for (int r = 0; r < EACH; r++) {
            float *to = part[warp][group + 8 * r];
            float all = of_group(s[r]);
            if (in_group == 0)
                to[0] = all;
            #pragma unroll
            for (int i = 0; i < n; i++) {
                float u = of_group(along[r][i]), in = of_group(across[r][i]);
                if (in_group == 0)
                    to[1 + i] = u, to[1 + n + i] = in;
            }
        }
        add_up(sums, part);
        meet<CLUSTER>();
        // Go back through the gates
        for (int k = threadIdx.x; k < TILE * OUTPUTS; k += THREADS) {
            int at = k / OUTPUTS, e = k % OUTPUTS;
            size_t t = first + at;
            float d = 0, rms = 0;
            if (t < h.tokens) {
                const float *row = h.row + t * ROW, *drow = h.drow + t * ROW;
                if (e < n) {
                    float r = h.inverse_rms[t];
                    float s = of_blocks<CLUSTER>(&sums[at][0], blocks) * r
                            / (float)C;
                    if (e == 0)
                        told[at][0] = r, told[at][2] = r * r * s;
                    d = r * of_blocks<CLUSTER>(&sums[at][1 + e], blocks)
                      - r * r * s
                        * of_blocks<CLUSTER>(&sums[at][1 + n + e], blocks);
                } else
                    d = drow[e < 2 * n ? e : OUTPUTS + e];
                float half = row[e] / (float)(1 + e / n);
                if (e < 2 * n)
                    d *= (float)(1 + e / n) * half * (1 - half);
                rms = row[RMS];
            }
            dlogit[at][e] = d;
            struct pieces<1> p;
            split(&p, 0, rms * (h.alpha[e < 2 * n ? e / n : 2] * d));
            draw[at][e].x = p.high[0];
            draw[at][e].y = p.low[0];
        }
        __syncthreads();
        // Find how far the tokens go along themselves
        if (threadIdx.x < TILE) {
            size_t at = threadIdx.x, t = first + at;
            float all = 0, rms = t < h.tokens ? h.row[t * ROW + RMS] : 0;
            for (int e = 0; e < OUTPUTS && t < h.tokens; e++)
                all += rms * (h.alpha[e < 2 * n ? e / n : 2] * dlogit[at][e])
                     * h.row[t * ROW + OUTPUTS + e];
            told[at][1] = all * rms * rms / (float)(n * C);
            if (t >= h.tokens)
                told[at][0] = told[at][2] = 0;
        }
        if (threadIdx.x < OUTPUTS)
            for (int at = 0; at < TILE && first + at < h.tokens; at++) {
                const float *row = h.row + (first + at) * ROW;
                float d = dlogit[at][threadIdx.x];
                mix[threadIdx.x][0] += d * (row[RMS]
                                            * row[OUTPUTS + threadIdx.x]);
                mix[threadIdx.x][1] += d;
            }
        __syncthreads();
        // Go back over the tile, in eight bits
        #pragma unroll
        for (int pass = n == ROWS; pass <= n / ROWS; pass++) {
            const bool gives = pass == (n == ROWS), sums_up = pass > 0;
            const bool last = pass == n / ROWS;
            const int from = sums_up ? (pass - 1) * ROWS : 0;
            const int until = sums_up ? from + ROWS : n;
            float post[EACH][ROWS] = { }, res[EACH][ROWS][n] = { };
            #pragma unroll 1
            for (size_t c0 = warp * 4 * FOUR; c0 < slice;
                 c0 += WARPS * 4 * FOUR) {
                {
                    size_t c = c0 + in_group * FOUR;
                    constexpr size_t left = FOUR;
                    float D[n][EACH][FOUR] = { }, dgain[FOUR] = { };
                    auto add = [&](int i) {
                        add_rows<OUTPUTS, TILE>(D[i], draw,
                                                h.phi + i * C + begin + c0,
                                                n * C, slice - c0);
                    };
                    #pragma unroll
                    for (int i = from; i < until && EACH > 1; i++)
                        add(i);
                    #pragma unroll
                    for (int r = 0; r < EACH; r++) {
                        int at = group + 8 * r;
                        size_t t = first + at, own = t < h.tokens ? left : 0;
                        // Find what was read, in eight bits, and its gradient
                        struct four x[n], next[n];
                        const uint16_t *of = tile + at * step + c;
                        struct four y = numbers_at<true, struct four>(of + n * slice, left);
                        struct four dn = numbers_at<true, struct four>(of + (n + 1) * slice,
                                                                       left);
                        float din[FOUR];
                        #pragma unroll
                        for (int j = 0; j < n; j++) {
                            x[j] = numbers_at<true, struct four>(of + j * slice, left);
                            next[j] = numbers_at<true, struct four>(
                                of + (n + 2 + j) * slice, left);
                        }
                        // Find the gradient of what was read
                        #pragma unroll
                        for (int k = 0; k < FOUR; k++) {
                            float in = rounded(read<n>(next, gate[at], k));
                            float d = number(dn, k);
                            float gain = left > 0 ? h.gain[begin + c + k] : 0;
                            din[k] = told[at][0] * gain * d - told[at][2] * in;
                            dgain[k] += d * in * told[at][0];
                        }
                        float dx[n][FOUR] = { }, dy[FOUR] = { };
                        #pragma unroll
                        for (int i = from; i < until; i++) {
                            if (EACH == 1)
                                add(i);
                            size_t column = i * C + begin + c;
                            auto d = stored<struct four>(h.dnext, t, column,
                                                         own);
                            // Add all of the gradient of a stream
                            #pragma unroll
                            for (int k = 0; k < FOUR; k++)
                                D[i][r][k] += number(d, k) + gate[at][i] * din[k]
                                            - told[at][1] * number(next[i], k);
                            // Give it to the streams and gates behind
                            #pragma unroll
                            for (int k = 0; k < FOUR; k++) {
                                float all = D[i][r][k];
                                dy[k] += left_gates[at][i] * all;
                                post[r][i % ROWS] += all * number(y, k);
                                #pragma unroll
                                for (int j = 0; j < n; j++) {
                                    if (gives)
                                        dx[j][k] += left_gates[at][n + i * n + j] * all;
                                    if (sums_up)
                                        res[r][i % ROWS][j] += all * number(x[j], k);
                                }
                            }
                        }
                        #pragma unroll
                        for (int i = 0; i < n && last; i++)
                            *(struct four *)(tile + at * step + i * slice + c)
                                = next[i];
                        if (own > 0 && gives)
                            store(h.danswer + t * C + begin + c, dy);
                        if (gives) {
                            // Store the gradients of the streams behind
                            float amax[1][n];
                            for (int j = 0; j < n; j++) {
                                amax[0][j] = 0;
                                for (int k = 0; k < FOUR; k++)
                                    amax[0][j] = larger(amax[0][j], dx[j][k]);
                            }
                            largest<WARPS, TILE>(amax, room);
                            #pragma unroll
                            for (int j = 0; j < n && own > 0; j++) {
                                size_t column = j * C + begin + c;
                                auto it = rounded_to<struct four>(dx[j], amax[0][j], h.dstream, t,
                                                                  column);
                                store(h.dstream, t, column, it, warp == 0 && in_group == 0);
                            }
                            float *used = room;
                            room = other, other = used;
                        }
                    }
                    // Add up the gain's gradient
                    #pragma unroll
                    for (int k = 0; k < FOUR && gives; k++) {
                        for (int half = 4; half < WARP; half *= 2)
                            dgain[k] += __shfl_xor_sync(~0u, dgain[k], half);
                        if (group == 0 && left > 0)
                            gains[c + k] += dgain[k];
                    }
                }
                if (last) {
                    // Add to what phi gets
                    __syncwarp();
                    size_t c = c0 + 2 * group, row = n * slice + BESIDE;
                    bool is = c < slice;
                    #pragma unroll 1
                    for (int i = 0; i < n; i++) {
                        unsigned x[TILE / 8][4] = { };
                        #pragma unroll
                        for (int r = 0; r < TILE / 4; r++) {
                            const unsigned *two = (const unsigned *)(
                                tile + (4 * r + in_group) * step + i * slice + c);
                            unsigned both = is ? *two : 0;
                            x[r / 2][r % 2 * 2] = both << 16;
                            x[r / 2][r % 2 * 2 + 1] = both & 0xffff0000;
                        }
                        #pragma unroll (OUTPUTS > 24 ? 1 : OUTPUTS / 8)
                        for (int k = 0; k < OUTPUTS; k += 8) {
                            float *to = phis + (k + 2 * in_group) * row + i * slice + c;
                            float sum[4] = { };
                            // Multiply two channels by eight projections
                            #pragma unroll
                            for (int e = 0; e < 2 && is; e++) {
                                float2 two = *(float2 *)(to + e * row);
                                sum[e] = two.x, sum[2 + e] = two.y;
                            }
                            #pragma unroll
                            for (int r = 0; r < TILE / 8; r++) {
                                uint2 w[2] = { draw[8 * r + in_group][k + group],
                                               draw[8 * r + in_group + 4][k + group] };
                                const unsigned high[] = { w[0].x, w[1].x };
                                const unsigned low[] = { w[0].y, w[1].y };
                                mma_tf32(sum, x[r], low);
                                mma_tf32(sum, x[r], high);
                            }
                            #pragma unroll
                            for (int e = 0; e < 2 && is; e++)
                                *(float2 *)(to + e * row) = { sum[e], sum[2 + e] };
                        }
                    }
                }
            }
            // Leave the gates' gradients
            #pragma unroll
            for (int r = 0; r < EACH; r++)
                #pragma unroll
                for (int i = from; i < until && sums_up; i++) {
                    float *to = part[warp][group + 8 * r];
                    float all = of_group(post[r][i % ROWS]);
                    if (in_group == 0)
                        to[i] = all;
                    #pragma unroll
                    for (int j = 0; j < n; j++) {
                        all = of_group(res[r][i % ROWS][j]);
                        if (in_group == 0)
                            to[n + i * n + j] = all;
                    }
                }
        }
        // Add up the gates' gradients
        add_up(leaving, part);
        meet<CLUSTER>();
        for (int k = threadIdx.x; k < TILE * GATES; k += THREADS) {
            size_t at = k / GATES, t = first + at;
            if (t < h.tokens && at % blocks == rank)
                h.dleft[t * ROW + n + k % GATES]
                    = of_blocks<CLUSTER>(&leaving[at][k % GATES], blocks);
        }
        for (int k = threadIdx.x; k < TILE * OUTPUTS && !h.way.phi;
             k += THREADS) {
            size_t at = k / OUTPUTS, e = k % OUTPUTS, t = first + at;
            if (t < h.tokens && at % blocks == rank)
                h.drow[t * ROW + OUTPUTS + e]
                    = h.alpha[e < 2 * n ? e / n : 2] * dlogit[at][e];
        }
        // Leave what products take, going back
        if (h.operand.left != NULL)
            leave_images((struct square *)tile, h.operand, first, TILE, begin,
                         slice);
    }
    count_stored(h.dstream, h.tokens * n * C);
    // Leave the sums of a run
    for (size_t k = threadIdx.x; k < slice; k += THREADS)
        h.dgain[run * C + begin + k] = gains[k];
    #pragma unroll 1
    for (int e = 0; e < OUTPUTS && h.way.phi; e++)
        for (size_t k = threadIdx.x; k < n * slice; k += THREADS)
            h.dphi[((run * OUTPUTS + e) * n + k / slice) * C + begin
                   + k % slice] = phis[e * (n * slice + BESIDE) + k];
    if (rank == 0 && threadIdx.x < OUTPUTS) {
        float *to = h.dmix + (run * OUTPUTS + threadIdx.x) * 2;
        to[0] = mix[threadIdx.x][0];
        to[1] = mix[threadIdx.x][1];
    }
    if (CLUSTER)
        meet<CLUSTER>();
#endif
}

// Launch the way back, in eight bits
size_t gpu_room_back_eight(size_t n, size_t slice)
{
    struct way_back w = { 1, true, true };
    size_t tokens = (size_t)tile_of(n);
    return gpu_back_room(n, slice, w)
         + 2 * WARPS * tokens * n * sizeof(float)
         + tokens * n * slice * sizeof(uint16_t);
}

template <int n>
static void back_by(struct device *d, const struct site *to,
                    struct hop_back_eight *h)
{
    unsigned blocks = h->way.blocks;
    const struct layout *l = &to->layout;
    size_t room = gpu_room_back_eight(n, h->width / blocks);
    // Make room for what products take, going back
    struct way_back bare = { blocks, false, h->way.phi };
    room = room_with_square(&h->operand,
                            gpu_back_room(n, h->width / blocks, bare), room,
                            gpu_room_for_tiles(d).bytes);
    gpu_matrix_backward(d, h->drow, h->row, h->alpha, floats(to->bias),
                        l, h->tokens);
    launch_in_clusters(d, "back_eight_kernel",
                       blocks > 1 ? back_eight_kernel<n, true>
                                  : back_eight_kernel<n, false>,
                       h, (unsigned)h->runs, blocks, THREADS, room);
    // See that products have it
    gpu_make_images(d, h->operand);
    gpu_mix_fold(d, floats(to->dalpha), floats(to->dbias), h->dmix, l,
                 h->runs);
    in_sixteen::gpu_fold(d, floats(to->dgain), h->dgain, h->width,
                         h->runs);
    in_sixteen::gpu_fold(d, floats(to->dphi), h->dphi,
                         l->outputs * n * h->width, h->runs);
}

bool gpu_cross_back_eight(struct device *d, const struct site *from,
                          const struct site *to, unsigned blocks)
{
    struct way_back way = { gpu_blocks_eight(d, to, true, blocks), true,
                            true };
    if (from == NULL || way.blocks == 0)
        return false;
    size_t C = to->width, runs = gpu_runs(to, way);
    float *work = (float *)device_scratch(
        d, gpu_cross_work(to, way) * sizeof(float));
    if (work == NULL || to->tokens == 0)
        return true;            /* planning, no memory, nothing to do */
    struct past past = past_of(from);
    struct array start = from->stream;
    start.at = (void *)(uintptr_t)past.start;
    start.place -= 2 * (unsigned)past.writes;
    struct hop_back_eight h = {
        eight_rows(d, start), past, eight_rows(d, to->stream),
        eight_rows(d, to->dstream), eight_rows(d, from->dstream),
        (const uint16_t *)from->answer.at,
        (const uint16_t *)to->dnormed.at, floats(from->coefficients),
        floats(to->coefficients), floats(to->inverse_rms),
        floats(to->phi), floats(to->gain), floats(to->alpha),
        (uint16_t *)from->danswer.at, floats(to->dcoefficients),
        floats(from->dcoefficients), work, work + runs * C,
        work + runs * (C + 2 * to->layout.outputs), to->tokens, C, runs,
        way };
    // Name what products take, going back
    h.operand = gpu_operand(d, from->danswer, to->tokens);
    if (to->streams == 2)
        back_by<2>(d, to, &h);
    else
        back_by<4>(d, to, &h);
    return true;
}
