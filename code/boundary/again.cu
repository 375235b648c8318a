#define SIXTEEN
#include "boundary/again.cuh"
#include "boundary/mixing.cuh"

enum { RUNS = 16,           /* of tokens, each with sums of its own */
       CHANNELS = 128,      /* of a block, counting each stream's */
       GROUP = 24,          /* outputs in registers */
       STAGE = 16 };        /* tokens in shared memory at a time */

// Make a number of the streams again
/* stream i of token t in channel c; the lanes of one channel, 32 / n
   apart, have a stream each; all lanes come here */
template <int n>
static __device__ float number_again(const struct source &from,
                                     size_t t, size_t C, size_t c,
                                     int i, bool is)
{
    constexpr int ROW = 2 * (2 * n + n * n) + 1, LANES = WARP / n;
    int first = threadIdx.x % LANES;
    float x = is ? half_of(from.stream[(t * n + i) * C + c], 0) : 0;
    for (int k = 0; k < from.past.writes; k++) {
        auto answer = (const uint16_t *)from.past.answer[k];
        float y = is ? half_of(answer[t * C + c], 0) : 0, next = 0;
        auto post = (const float *)from.past.row[k] + t * ROW + n;
        const float *res = post + n + i * n;
        #pragma unroll
        for (int j = 0; j < n; j++) {
            float it = __shfl_sync(~0u, x, first + j * LANES);
            next = j == 0 ? res[0] * it : next + res[j] * it;
        }
        next += post[i] * y;
        x = half_of(pack_bf16(next, 0), 0);
    }
    return x;
}

// Add up a run's gradient of phi
template <int n>
static __global__ void phi_again_kernel(float *partial,
                                        const float *drows,
                                        const float *rows,
                                        struct source next, size_t C,
                                        size_t tokens)
{
    constexpr int OUTPUTS = 2 * n + n * n, ROW = 2 * OUTPUTS + 1;
    constexpr int LANES = WARP / n;
    __shared__ float draw[STAGE][GROUP];
    size_t warp = ((size_t)blockIdx.x * CHANNELS + threadIdx.x) / WARP;
    size_t c = warp * LANES + threadIdx.x % LANES;
    int i = threadIdx.x % WARP / LANES;
    size_t run = blockIdx.y, end = (run + 1) * tokens / RUNS;
    bool is = c < C;
    for (int begin = 0; begin < OUTPUTS; begin += GROUP) {
        float sum[GROUP] = {};
        for (size_t t = run * tokens / RUNS; t < end; t += STAGE) {
            int here = end - t < STAGE ? (int)(end - t) : STAGE;
            __syncthreads();
            // Bring the gradients of a stage of rows
            for (int k = threadIdx.x; k < STAGE * GROUP; k += CHANNELS) {
                int s = k / GROUP, e = begin + k % GROUP;
                size_t at = (t + s) * ROW;
                draw[s][k % GROUP] = s < here && e < OUTPUTS
                    ? rows[at + ROW - 1] * drows[at + OUTPUTS + e] : 0;
            }
            __syncthreads();
            for (int s = 0; s < here; s++) {
                float x = number_again<n>(next, t + s, C, c, i, is);
                #pragma unroll
                for (int k = 0; k < GROUP; k++)
                    sum[k] += draw[s][k] * x;
            }
        }
        #pragma unroll
        for (int k = 0; k < GROUP; k++)
            if (begin + k < OUTPUTS && is)
                partial[((run * OUTPUTS + begin + k) * n + i) * C + c]
                    = sum[k];
    }
}

void gpu_phi_again(struct device *d, float *dphi, float *work,
                   const float *drows, const float *rows,
                   const struct source *next, const struct layout *l,
                   size_t tokens)
{
    size_t n = l->streams, inputs = n * l->width;
    dim3 blocks(blocks_for(inputs, CHANNELS), RUNS);
    auto kernel = n == 2 ? phi_again_kernel<2>
                : n == 4 ? phi_again_kernel<4> : phi_again_kernel<8>;
    kernel<<<blocks, CHANNELS, 0, stream_of(d)>>>(
        work, drows, rows, *next, l->width, tokens);
    gpu_launched(d, "phi_again_kernel");
    in_sixteen::gpu_fold(d, dphi, work, l->outputs * inputs, RUNS);
}
