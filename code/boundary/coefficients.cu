#include "boundary/mixing.cuh"
#include "layers/norm.h"
#include "mix/places.cuh"
// Headers of the coefficients
#include "boundary/project.cuh"

KEPT_BEGIN
#ifndef SIXTEEN
// Project a tile of tokens
enum { TILE = 16,           /* tokens of a block */
       CHUNK = 128,         /* channels in shared memory at a time */
       WARPS = 8, EACH = 3, /* outputs of a warp at a time */
       OWN = TILE / WARPS };    /* tokens a warp squares */

static __global__ void project_kernel(float *coefficients,
                                      const kept *stream,
                                      const float *phi,
                                      struct places p, size_t tokens)
{
    __shared__ float x[TILE][CHUNK];
    size_t first = (size_t)blockIdx.x * TILE, part = blockIdx.y;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int here = tokens - first < TILE ? (int)(tokens - first) : TILE;
    for (int begin = 0; begin < p.outputs; begin += EACH * WARPS) {
        float sum[EACH][TILE] = {}, squares[OWN] = {};
        for (size_t c = 0; c < p.inputs; c += CHUNK) {
            // Bring a chunk of the tile
            for (int i = threadIdx.x; i < TILE * CHUNK; i += 32 * WARPS) {
                int t = i / CHUNK, k = i % CHUNK;
                x[t][k] = t < here && c + k < p.inputs
                    ? (float)stream[((first + t) * p.parts + part) * p.inputs
                                    + c + k] : 0;
            }
            __syncthreads();
            // Multiply the chunk by the warp's rows of phi
            for (int i = lane; i < CHUNK; i += WARP) {
                #pragma unroll
                for (int e = 0; e < EACH; e++) {
                    int k = begin + e * WARPS + warp;
                    float weight = k < p.outputs && c + i < p.inputs
                                 ? phi[k * p.inputs + c + i] : 0;
                    #pragma unroll
                    for (int t = 0; t < TILE; t++)
                        sum[e][t] += weight * x[t][i];
                }
                #pragma unroll
                for (int s = 0; s < OWN; s++)
                    squares[s] += x[warp * OWN + s][i] * x[warp * OWN + s][i];
            }
            __syncthreads();
        }
        // Store the warp's projections
        #pragma unroll
        for (int e = 0; e < EACH; e++) {
            int k = begin + e * WARPS + warp;
            #pragma unroll
            for (int t = 0; t < TILE; t++)
                if (k < p.outputs && t < here) {
                    float all = warp_sum(sum[e][t]);
                    if (lane == 0)
                        coefficients[(first + t) * p.row + p.raw
                                     + part * p.outputs + k] = all;
                }
        }
        #pragma unroll
        for (int s = 0; s < OWN; s++)
            if (begin == 0 && warp * OWN + s < here) {
                float mean = warp_sum(squares[s]) / (float)p.inputs;
                if (lane == 0)
                    coefficients[(first + warp * OWN + s) * p.row + p.rms
                                 + part] =
                        1 / sqrtf(mean + (float)NORM_EPSILON);
            }
    }
}
#endif

// Coefficients of all tokens
#ifndef SIXTEEN
static void project(struct device *d, float *coefficients,
                    const float *stream, const float *phi,
                    const struct layout *l, size_t tokens)
{
    struct places p = places_of(l);
    dim3 blocks(blocks_for(tokens, TILE), (unsigned)p.parts);
    project_kernel<<<blocks, 32 * WARPS, 0, stream_of(d)>>>(
        coefficients, stream, phi, p, tokens);
    gpu_launched(d, "project_kernel");
}
#else
// Project streams of sixteen bits
static void project(struct device *d, float *coefficients,
                    const struct sixteen *stream, const float *phi,
                    const struct layout *l, size_t tokens)
{
    gpu_project_sixteen(d, coefficients, stream, phi, l, tokens);
}
#endif

void gpu_coefficients(struct device *d, float *coefficients,
                      const kept *stream, const float *phi,
                      const float *alpha, const float *bias,
                      const struct layout *l, size_t tokens)
{
    struct places p = places_of(l);
    if (p.outputs > 0)
        project(d, coefficients, stream, phi, l, tokens);
    gpu_mix_forward(d, coefficients, alpha, bias, l, tokens);
}

// How far a token goes along itself
static __global__ void along_kernel(float *dcoefficients,
                                    const float *coefficients,
                                    struct places p, size_t tokens)
{
    size_t at = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (at >= tokens * p.parts)
        return;
    size_t t = at / p.parts, part = at % p.parts;
    const float *row = coefficients + t * p.row;
    float *drow = dcoefficients + t * p.row;
    const float *raw = row + p.raw + part * p.outputs;
    const float *dz = drow + p.raw + part * p.outputs;
    float r = row[p.rms + part], sum = 0;
    for (int k = 0; k < p.outputs; k++)
        sum += dz[k] * (r * raw[k]);
    drow[p.rms + part] = sum * (r * r / (float)p.inputs);
}

// Project a slice of channels backward
enum { RUNS = 16,           /* of tokens, each with sums of its own */
       CHANNELS = 128,      /* of a block, a thread each */
       GROUP = 24,          /* outputs in registers */
       STAGE = 16 };        /* tokens in shared memory at a time */

/* ADDS to dstream; or else only the sums of phi */
template <bool ADDS>
static __global__ void project_backward_kernel(
    kept *dstream, float *partial, const float *dcoefficients,
    const kept *dinput, const kept *stream, const float *coefficients,
    const float *phi, struct places p, size_t tokens)
{
    __shared__ float draw[STAGE][GROUP], along[STAGE];
    size_t c = (size_t)blockIdx.x * CHANNELS + threadIdx.x;
    size_t run = blockIdx.y;
    size_t end = (run + 1) * tokens / RUNS;
    size_t reads = c / p.width, channel = c % p.width;
    for (int begin = 0; begin < p.outputs; begin += GROUP) {
        float weight[GROUP], sum[GROUP] = {};
        #pragma unroll
        for (int k = 0; k < GROUP; k++)
            weight[k] = ADDS && begin + k < p.outputs && c < p.inputs
                      ? phi[(begin + k) * p.inputs + c] : 0;
        for (size_t t = run * tokens / RUNS; t < end; t += STAGE)
            for (size_t part = 0; part < (size_t)p.parts; part++) {
                int here = end - t < STAGE ? (int)(end - t) : STAGE;
                __syncthreads();
                // Bring the gradients of a stage
                for (int i = threadIdx.x; i < STAGE * GROUP; i += CHANNELS) {
                    int s = i / GROUP, k = begin + i % GROUP;
                    size_t at = (t + s) * p.row;
                    draw[s][i % GROUP] = s < here && k < p.outputs
                        ? coefficients[at + p.rms + part]
                          * dcoefficients[at + p.raw + part * p.outputs + k] : 0;
                }
                if (ADDS && (int)threadIdx.x < here)
                    along[threadIdx.x] =
                        dcoefficients[(t + threadIdx.x) * p.row + p.rms + part];
                __syncthreads();
                // Go through the tokens of a stage
                for (int s = 0; s < here && c < p.inputs; s++) {
                    size_t at = ((t + s) * p.parts + part) * p.inputs + c;
                    float x = stream[at], dx = ADDS && begin == 0 ? -along[s] * x : 0;
                    float d = ADDS ? (float)dstream[at] : 0;
                    #pragma unroll
                    for (int k = 0; k < GROUP; k++) {
                        dx += draw[s][k] * weight[k];
                        sum[k] += draw[s][k] * x;
                    }
                    if (!ADDS)
                        continue;
                    if (begin == 0)
                        d += coefficients[(t + s) * p.row + part + reads]
                           * dinput[(t + s) * p.width + channel];
                    dstream[at] = d + dx;
                }
            }
        // Store the sums of a run
        #pragma unroll
        for (int k = 0; k < GROUP; k++)
            if (begin + k < p.outputs && c < p.inputs)
                partial[(run * p.outputs + begin + k) * p.inputs + c] = sum[k];
    }
}

// Fold the runs
static __global__ void fold_kernel(float *sum, const float *partial,
                                   size_t count, size_t parts)
{
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    float all = 0;
    if (i >= count)
        return;
    for (size_t part = 0; part < parts; part++)
        all += partial[part * count + i];
    sum[i] += all;
}

// Coefficients of all tokens, backward
size_t gpu_coefficients_work(const struct layout *l)
{
    size_t phi = RUNS * l->outputs * layout_inputs(l);
    return phi > gpu_mix_work(l) ? phi : gpu_mix_work(l);
}

void gpu_fold(struct device *d, float *sum, const float *partial,
              size_t count, size_t parts)
{
    fold_kernel<<<blocks_for(count, 128), 128, 0, stream_of(d)>>>(
        sum, partial, count, parts);
    gpu_launched(d, "fold_kernel");
}

void gpu_project_backward(struct device *d, kept *dstream, float *dphi,
                          float *work, const float *dcoefficients,
                          const kept *dinput, const kept *stream,
                          const float *coefficients, const float *phi,
                          const struct layout *l, size_t tokens)
{
    struct places p = places_of(l);
    dim3 blocks(blocks_for(p.inputs, CHANNELS), RUNS);
    auto kernel = dstream != NULL ? project_backward_kernel<true>
                                  : project_backward_kernel<false>;
    kernel<<<blocks, CHANNELS, 0, stream_of(d)>>>(
        dstream, work, dcoefficients, dinput, stream, coefficients, phi,
        p, tokens);
    gpu_launched(d, "project_backward_kernel");
    gpu_fold(d, dphi, work, p.outputs * p.inputs, RUNS);
}

void gpu_coefficients_backward(
    struct device *d, kept *dstream, float *dphi, float *dalpha,
    float *dbias, float *dcoefficients, float *work,
    const kept *dinput, const kept *stream, const float *coefficients,
    const float *phi,
    const float *alpha, const float *bias, const struct layout *l,
    size_t tokens)
{
    struct places p = places_of(l);
    gpu_mix_backward(d, dcoefficients, dalpha, dbias, work,
                     coefficients, alpha, bias, l, tokens);
    if (p.outputs == 0)
        return;
    along_kernel<<<blocks_for(tokens * p.parts, 128), 128, 0,
                   stream_of(d)>>>(dcoefficients, coefficients, p,
                                   tokens);
    gpu_launched(d, "along_kernel");
    gpu_project_backward(d, dstream, dphi, work, dcoefficients, dinput,
                         stream, coefficients, phi, l, tokens);
}
KEPT_END
