#define SIXTEEN
#include "boundary/cross.cuh"
#include "boundary/mixing.cuh"
#include "boundary/written.cuh"
// Headers of the way back
#include "boundary/again.cuh"

enum { WARPS = 8, THREADS = 32 * WARPS,
       ACROSS = 32 * 8 };       /* channels that a warp reads */

/* tokens of a block, in the second walk */
static __host__ __device__ constexpr size_t tile_of(size_t streams)
{
    return streams == 8 ? 8 : 16;
}

/* what the way back takes and leaves */
struct hop_back {
    struct source stream, next;
    const uint16_t *dnext, *answer, *dnormed;
    const float *left, *row, *inverse_rms, *phi, *gain;
    uint16_t *dstream, *danswer;
    float *drow, *dleft;
    float *dgain;           /* [tiles][C] */
    float *along;           /* [T] r^2 s */
    size_t tokens, width;
};

// Sums and stores of the way back
/* of four lanes */
static __device__ float of_group(float x)
{
    x += __shfl_xor_sync(~0u, x, 1);
    return x + __shfl_xor_sync(~0u, x, 2);
}

static __device__ float rounded(float x)
{
    return half_of(pack_bf16(x, 0), 0);
}

static __device__ void store(uint16_t *to, const float x[EIGHT])
{
    struct numbers all;
    #pragma unroll
    for (int k = 0; k < EIGHT / 2; k++)
        all.pair[k] = pack_bf16(x[2 * k], x[2 * k + 1]);
    *(struct numbers *)to = all;
}

// Add up what a token's gates get
template <int n>
static __global__ void gates_kernel(struct hop_back h)
{
    constexpr int ROW = 2 * (2 * n + n * n) + 1;
    size_t t = (size_t)blockIdx.x * WARPS + threadIdx.x / WARP;
    size_t C = h.width;
    int lane = threadIdx.x % WARP;
    float s = 0, along[n] = { }, across[n] = { };
    if (t >= h.tokens)
        return;
    const float *pre = h.row + t * ROW;
    for (size_t c = lane * EIGHT; c < C; c += ACROSS) {
        struct numbers x[n], dx;
        dx = numbers_at<true>(h.dnormed + t * C + c, EIGHT);
        streams_at<n>(x, h.next, t, C, c, EIGHT);
        #pragma unroll
        for (int k = 0; k < EIGHT; k++) {
            float in = rounded(read<n>(x, pre, k));
            float u = h.gain[c + k] * number(dx, k);
            s += u * in;
            #pragma unroll
            for (int i = 0; i < n; i++) {
                float it = number(x[i], k);
                along[i] += u * it;
                across[i] += in * it;
            }
        }
    }
    float r = h.inverse_rms[t];
    s = warp_sum(s) * r / (float)C;
    #pragma unroll
    for (int i = 0; i < n; i++) {
        float sum = r * warp_sum(along[i])
                  - r * r * s * warp_sum(across[i]);
        if (lane == 0)
            h.drow[t * ROW + i] = sum;
    }
    if (lane == 0)
        h.along[t] = r * r * s;
}

// Apply the gradients
template <int n>
static __global__ void __launch_bounds__(THREADS, 1)
apply_kernel(struct hop_back h)
{
    constexpr int OUTPUTS = 2 * n + n * n, GATES = n + n * n;
    constexpr int ROW = 2 * OUTPUTS + 1, RMS = ROW - 1;
    constexpr int TILE = tile_of(n), EACH = TILE / 8;
    constexpr int MANY = n == 8 ? 4 : n;    /* streams at once */
    __shared__ float left_gates[TILE][GATES], gate[TILE][n];
    __shared__ float draw[TILE][OUTPUTS], told[TILE][3];
    __shared__ float part[WARPS][TILE][GATES];
    size_t C = h.width, first = (size_t)blockIdx.x * TILE;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int group = lane / 4, in_group = lane % 4;
    // What a block knows of its tokens
    for (int k = threadIdx.x; k < TILE * OUTPUTS; k += THREADS) {
        size_t at = k / OUTPUTS, e = k % OUTPUTS, t = first + at;
        bool is = t < h.tokens;
        draw[at][e] = is ? h.row[t * ROW + RMS]
                           * h.drow[t * ROW + OUTPUTS + e] : 0;
        if (e < n)
            gate[at][e] = is ? h.row[t * ROW + e] : 0;
        else
            left_gates[at][e - n] = is ? h.left[t * ROW + e] : 0;
    }
    __syncthreads();
    if (threadIdx.x < TILE) {
        size_t at = threadIdx.x, t = first + at;
        float all = 0, rms = t < h.tokens ? h.row[t * ROW + RMS] : 0;
        for (int e = 0; e < OUTPUTS && t < h.tokens; e++)
            all += draw[at][e] * h.row[t * ROW + OUTPUTS + e];
        told[at][0] = t < h.tokens ? h.inverse_rms[t] : 0;
        told[at][1] = all * rms * rms / (float)(n * C);
        told[at][2] = t < h.tokens ? h.along[t] : 0;
    }
    __syncthreads();
    #pragma unroll
    for (int from = 0; from < n; from += MANY) {
        float post[EACH][n] = { }, res[EACH][n][MANY] = { };
        #pragma unroll 1
        for (size_t c0 = warp * 4 * EIGHT; c0 < C;
             c0 += WARPS * 4 * EIGHT) {
            size_t c = c0 + in_group * EIGHT;
            size_t left = c < C ? EIGHT : 0;
            float dgain[EIGHT] = { };
            #pragma unroll
            for (int r = 0; r < EACH; r++) {
                int at = group + 8 * r;
                size_t t = first + at, own = t < h.tokens ? left : 0;
                // Make the tile's streams again
                struct numbers x[n], next[n];
                struct numbers y = numbers_at<true>(h.answer + t * C + c, own);
                struct numbers dn = numbers_at<true>(h.dnormed + t * C + c, own);
                float din[EIGHT];
                streams_at<n>(x, h.stream, t, C, c, own);
                #pragma unroll
                for (int i = 0; i < n; i++)
                    next[i] = written<n>(x, y, left_gates[at], i);
                #pragma unroll
                for (int k = 0; k < EIGHT; k++) {
                    float in = rounded(read<n>(next, gate[at], k));
                    float d = number(dn, k);
                    float gain = left > 0 ? h.gain[c + k] : 0;
                    din[k] = told[at][0] * gain * d - told[at][2] * in;
                    dgain[k] += d * in * told[at][0];
                }
                // Go back over the streams
                float dx[MANY][EIGHT] = { }, dy[EIGHT] = { };
                #pragma unroll
                for (int i = 0; i < n; i++) {
                    // All of the gradient of a stream
                    float D[EIGHT];
                    struct numbers d = numbers_at<true>(h.dnext + (t * n + i) * C + c, own);
                    #pragma unroll
                    for (int k = 0; k < EIGHT; k++)
                        D[k] = number(d, k) + gate[at][i] * din[k]
                             - told[at][1] * number(next[i], k);
                    #pragma unroll (n == 8 ? 1 : 4)
                    for (int e = 0; e < OUTPUTS; e++) {
                        struct eight_floats w = weights_at<true>(
                            h.phi + ((size_t)e * n + i) * C + c, left);
                        #pragma unroll
                        for (int k = 0; k < EIGHT; k++)
                            D[k] += draw[at][e] * w.at[k];
                    }
                    // Give it to the streams and gates behind
                    #pragma unroll
                    for (int k = 0; k < EIGHT; k++) {
                        dy[k] += left_gates[at][i] * D[k];
                        post[r][i] += D[k] * number(y, k);
                        #pragma unroll
                        for (int j = 0; j < MANY; j++) {
                            dx[j][k] += left_gates[at][n + i * n + from + j] * D[k];
                            res[r][i][j] += D[k] * number(x[from + j], k);
                        }
                    }
                }
                if (own > 0) {
                    if (from == 0)
                        store(h.danswer + t * C + c, dy);
                    #pragma unroll
                    for (int j = 0; j < MANY; j++)
                        store(h.dstream + (t * n + from + j) * C + c, dx[j]);
                }
            }
            // Add up the gain's gradient
            #pragma unroll
            for (int k = 0; k < EIGHT && from == 0; k++) {
                for (int half = 4; half < WARP; half *= 2)
                    dgain[k] += __shfl_xor_sync(~0u, dgain[k], half);
                if (group == 0 && left > 0)
                    h.dgain[blockIdx.x * C + c + k] = dgain[k];
            }
        }
        // Leave the gates' gradients
        #pragma unroll
        for (int r = 0; r < EACH; r++)
            #pragma unroll
            for (int i = 0; i < n; i++) {
                float *to = part[warp][group + 8 * r];
                float all = of_group(post[r][i]);
                if (from == 0 && in_group == 0)
                    to[i] = all;
                #pragma unroll
                for (int j = 0; j < MANY; j++) {
                    all = of_group(res[r][i][j]);
                    if (in_group == 0)
                        to[n + i * n + from + j] = all;
                }
            }
    }
    // Add up the gates' gradients
    __syncthreads();
    for (int k = threadIdx.x; k < TILE * GATES; k += THREADS) {
        size_t t = first + k / GATES;
        float all = 0;
        for (int w = 0; w < WARPS; w++)
            all += part[w][k / GATES][k % GATES];
        if (t < h.tokens)
            h.dleft[t * ROW + n + k % GATES] = all;
    }
}

// Launch the way back
static struct source source_of(const struct site *s)
{
    struct source it = { (const uint16_t *)s->stream.at };
    // Find from where streams are made
    it.past = past_of(s);
    it.stream = (const uint16_t *)it.past.start;
    return it;
}

static size_t tiles_of(const struct site *s)
{
    return blocks_for(s->tokens, tile_of(s->streams));
}

size_t gpu_cross_work(const struct site *to)
{
    return tiles_of(to) * to->width + to->tokens
         + in_sixteen::gpu_coefficients_work(&to->layout);
}

template <int n>
static void back_by(struct device *d, const struct site *to,
                    struct hop_back h, float *work)
{
    size_t tiles = tiles_of(to);
    gates_kernel<n><<<blocks_for(h.tokens, WARPS), THREADS, 0,
                      stream_of(d)>>>(h);
    gpu_launched(d, "gates_kernel");
    gpu_mix_backward(d, h.drow, floats(to->dalpha), floats(to->dbias),
                     work, h.row, floats(to->alpha), floats(to->bias),
                     &to->layout, h.tokens);
    apply_kernel<n><<<(unsigned)tiles, THREADS, 0, stream_of(d)>>>(h);
    gpu_launched(d, "apply_kernel");
    bool done = false;
    // Add up the gradient of phi without streams in memory
    if (h.next.past.writes > 0) {
        gpu_phi_again(d, floats(to->dphi), work, h.drow, h.row, &h.next,
                      &to->layout, h.tokens);
        done = true;
    }
    if (!done)
        in_sixteen::gpu_project_backward(
            d, NULL, floats(to->dphi), work, h.drow, NULL,
            (const kept *)to->stream.at, h.row, NULL, &to->layout,
            h.tokens);
    in_sixteen::gpu_fold(d, floats(to->dgain), h.dgain, h.width, tiles);
}

void gpu_cross_back_at_once(struct device *d, const struct site *from,
                            const struct site *to, float *work)
{
    struct hop_back h = {
        source_of(from), source_of(to),
        (const uint16_t *)to->dstream.at,
        (const uint16_t *)from->answer.at,
        (const uint16_t *)to->dnormed.at, floats(from->coefficients),
        floats(to->coefficients), floats(to->inverse_rms),
        floats(to->phi), floats(to->gain),
        (uint16_t *)from->dstream.at, (uint16_t *)from->danswer.at,
        floats(to->dcoefficients), floats(from->dcoefficients), work,
        work + tiles_of(to) * to->width, to->tokens, to->width };
    work = h.along + h.tokens;
    if (to->streams == 2)
        back_by<2>(d, to, h, work);
    else if (to->streams == 4)
        back_by<4>(d, to, h, work);
    else
        back_by<8>(d, to, h, work);
}
