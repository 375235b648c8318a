/* expect: numbers read by the weights of the tile's first token */
// Rows of a tile, and who iterates
#include <cuda_runtime.h>
#include "support/lab_kernels.h"

enum { N = 4, ENTRIES = N * N, ROW = 2 * N + ENTRIES, TILE = 8,
       WARPS = 4, THREADS = 32 * WARPS };

/* entry: of two tokens, sixteen lanes to each; all lanes of a warp */
static __device__ float iterate(float entry, float *clock)
{
    float column = entry + __shfl_xor_sync(~0u, entry, 4);
    column += __shfl_xor_sync(~0u, column, 8);
    entry /= column;
    float row = entry + __shfl_xor_sync(~0u, entry, 1);
    row += __shfl_xor_sync(~0u, row, 2);
    if (threadIdx.x % 32 == 0)
        atomicAdd(clock, 1.0f);
    return entry / row;
}

/* of token t, by its reading weights; clock: of its tile */
static __device__ void read_channel(const struct arrival &a, size_t t,
                                    size_t c, const float *pre,
                                    float *clock)
{
    float sum = 0;
    for (int j = 0; j < N; j++)
        sum += pre[j] * a.stream[(t * N + j) * a.width + c];
    a.input[t * a.width + c] = sum;
    a.when[t * a.width + c] = atomicAdd(clock, 0.0f);
}

/* number e of a row, before the iterations */
static __device__ float gate(const struct arrival &a, size_t t, int e)
{
    const float logit = a.alpha[e < 2 * N ? e / N : 2]
                      * a.z[t * ROW + e] + a.bias[e];
    return e < 2 * N ? (float)(1 + e / N) / (1 + expf(-logit))
                     : expf(logit);
}

// Begin an arrival
static __global__ void __launch_bounds__(THREADS)
arrival_kernel(struct arrival a)
{
    __shared__ float row[TILE][ROW];
    const size_t first = (size_t)blockIdx.x * TILE;
    const int here = a.tokens - first < TILE ? (int)(a.tokens - first)
                                             : TILE;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    float *clock = a.clock + blockIdx.x;
// Find the gates of the tile
    for (int k = threadIdx.x; k < here * ROW; k += THREADS)
        row[k / ROW][k % ROW] = gate(a, first + k / ROW, k % ROW);
    __syncthreads();
    if (warp < WARPS - 1) {
        for (int t = warp; t < here; t += WARPS - 1)
            for (size_t c = lane; c < a.width; c += 32)
                read_channel(a, first + t, c, row[0], clock);
        for (int k = threadIdx.x; k < here * 2 * N; k += THREADS - 32)
            a.rows[(first + k / (2 * N)) * ROW + k % (2 * N)]
                = row[k / (2 * N)][k % (2 * N)];
    } else {
// Iterate with one warp
        for (int pair = 0; pair < here; pair += 2) {
            const int t = pair + lane / ENTRIES, at = lane % ENTRIES;
            float entry = t < here ? row[t][2 * N + at] : 1;
            for (int k = 0; k < a.iterations; k++)
                entry = iterate(entry, clock);
            if (t < here)
                a.rows[(first + t) * ROW + 2 * N + at] = entry;
        }
    }
}

// Launch an arrival
void arrive_off_path(struct arrival a)
{
    if (a.tokens > 0)
        arrival_kernel<<<(unsigned)((a.tokens + TILE - 1) / TILE),
                         THREADS>>>(a);
}
