/* expect: race */
// The first half of a crossing by tiles
#include <cuda_runtime.h>
#include "device/tensor.cuh"
#include "layers/norm.h"
#include "support/lab_kernels.h"

enum { N = 4, OUTPUTS = 2 * N + N * N, EIGHT = 8,
       TOKENS = 16, WARPS = 4, THREADS = 32 * WARPS };

struct __align__(16) numbers { unsigned pair[EIGHT / 2]; };

static __device__ float number(const struct numbers &x, int k)
{
    return __uint_as_float(k % 2 == 0 ? x.pair[k / 2] << 16
                                      : x.pair[k / 2] & 0xffff0000);
}

/* eight channels of stream i; gates: post [N], res [N][N] */
static __device__ struct numbers written(const struct numbers x[N],
                                         const struct numbers &y,
                                         const float *gates, int i)
{
    struct numbers next;
    for (int m = 0; m < EIGHT / 2; m++) {
        float v[2];
        for (int h = 0; h < 2; h++) {
            v[h] = gates[i] * number(y, 2 * m + h);
            for (int j = 0; j < N; j++)
                v[h] += gates[N + i * N + j] * number(x[j], 2 * m + h);
        }
        next.pair[m] = pack_bf16(v[0], v[1]);
    }
    return next;
}

/* channels 8 k to 8 k + 7 of token t, which is in this tile; sum has
   shares of OUTPUTS products and of the squares */
static __device__ void write_eight(struct numbers *tile, float *sum,
                                   const struct passage &p, size_t t,
                                   size_t k)
{
    const size_t C = p.width, W = C / EIGHT, at = t * N * W + k;
    auto stream = (const struct numbers *)p.stream + at;
    auto answer = (const struct numbers *)p.answer + t * W + k;
    const float *gates = p.left + t * OUTPUTS + N;
    struct numbers x[N], y = *answer;
    for (int j = 0; j < N; j++)
        x[j] = stream[j * W];
    for (int i = 0; i < N; i++) {
        const struct numbers next = written(x, y, gates, i);
        const float *phi = p.phi + i * C + EIGHT * k;
        ((struct numbers *)p.next)[at + i * W] = next;
        tile[(t % TOKENS * N + i) * W + k] = next;
        for (int m = 0; m < EIGHT; m++) {
            const float v = number(next, m);
            for (int e = 0; e < OUTPUTS; e++)
                sum[e] += v * phi[e * N * C + m];
            sum[OUTPUTS] += v * v;
        }
    }
}

static __device__ void write_and_project(
    struct numbers *tile, float (*part)[TOKENS][OUTPUTS + 1],
    const struct passage &p, size_t first)
{
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int group = lane / 4, in_group = lane % 4;
    float sum[2][OUTPUTS + 1] = { };
    for (size_t k = warp * 4 + in_group; k < p.width / EIGHT;
         k += WARPS * 4)
        for (int r = 0; r < 2; r++)
            if (first + group + 8 * r < p.tokens)
                write_eight(tile, sum[r], p, first + group + 8 * r, k);
    for (int r = 0; r < 2; r++)
        for (int e = 0; e <= OUTPUTS; e++) {
            float all = sum[r][e];
            all += __shfl_xor_sync(0xffffffff, all, 1);
            all += __shfl_xor_sync(0xffffffff, all, 2);
            if (in_group == 0)
                part[warp][group + 8 * r][e] = all;
        }
}

// Begin a crossing by tiles
static __global__ void __launch_bounds__(THREADS)
passage_kernel(struct passage p)
{
    extern __shared__ __align__(16) float memory[];
    __shared__ float part[WARPS][TOKENS][OUTPUTS + 1];
    struct numbers *tile = (struct numbers *)memory;
    const size_t first = (size_t)blockIdx.x * TOKENS;
    write_and_project(tile, part, p, first);
// What the second half of a crossing knows
    __shared__ float row[TOKENS][OUTPUTS];
    const size_t C = p.width, W = C / EIGHT;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
// How many tokens a tile has
    const int here = p.tokens - first < TOKENS
                   ? (int)(p.tokens - first) : TOKENS;
    __syncthreads();
// Find the rows of the tile
    for (int k = threadIdx.x; k < here * OUTPUTS; k += THREADS) {
        const int t = k / OUTPUTS, e = k % OUTPUTS, which = e / N;
        float sum = 0, square = 0;
        for (int w = 0; w < WARPS; w++) {
            sum += part[w][t][e];
            square += part[w][t][OUTPUTS];
        }
        const float r = 1 / sqrtf(square / (float)(N * C)
                                  + (float)NORM_EPSILON);
        const float logit = p.alpha[which < 2 ? which : 2] * (r * sum)
                          + p.bias[e];
        row[t][e] = which > 1 ? logit
                              : (which + 1) / (1 + expf(-logit));
        p.row[(first + t) * OUTPUTS + e] = row[t][e];
    }
// Read and normalise the tile
    for (int t = warp; t < here; t += WARPS) {
        float square = 0;
        for (size_t k = lane; k < W; k += 32) {
            struct numbers *x = tile + t * N * W + k, in;
            for (int m = 0; m < EIGHT / 2; m++) {
                float v[2] = { };
                for (int h = 0; h < 2; h++)
                    for (int j = 0; j < N; j++)
                        v[h] += row[t][j]
                              * number(x[j * W], 2 * m + h);
                in.pair[m] = pack_bf16(v[0], v[1]);
            }
            for (int m = 0; m < EIGHT; m++)
                square += number(in, m) * number(in, m);
            ((struct numbers *)p.input)[(first + t) * W + k] = in;
            x[0] = in;
        }
// Normalise a token
        for (int distance = 16; distance > 0; distance /= 2)
            square += __shfl_xor_sync(0xffffffff, square, distance);
        const float r = 1 / sqrtf(square / (float)C
                                  + (float)NORM_EPSILON);
        for (size_t k = lane; k < W; k += 32) {
            const struct numbers in = tile[t * N * W + k];
            const float *gain = p.gain + EIGHT * k;
            struct numbers out;
            for (int m = 0; m < EIGHT / 2; m++)
                out.pair[m] = pack_bf16(
                    gain[2 * m] * (number(in, 2 * m) * r),
                    gain[2 * m + 1] * (number(in, 2 * m + 1) * r));
            ((struct numbers *)p.normed)[(first + t) * W + k] = out;
        }
        if (lane == 0)
            p.inverse_rms[first + t] = r;
    }
}

// Launch a crossing by tiles
void cross_by_tiles(struct passage p)
{
    const size_t tiles = (p.tokens + TOKENS - 1) / TOKENS;
    const size_t room = TOKENS * N * p.width * 2;
    if (tiles > 0)
        passage_kernel<<<(unsigned)tiles, THREADS, room>>>(p);
}
