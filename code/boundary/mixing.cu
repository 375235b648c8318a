#include "boundary/mixing.cuh"
#include "mix/places.cuh"

KEPT_BEGIN
enum { CHANNELS = 128,      /* a block's: a thread each */
       WARPS = 4 };         /* a block's: a token each */

/* a block for each token and 128 of its channels */
static dim3 channel_blocks(size_t tokens, size_t width)
{
    return dim3((unsigned)tokens, blocks_for(width, CHANNELS));
}

// Write on the gpu
template <int n>
static __global__ void write_kernel(kept *next, const kept *stream,
                                    const kept *answer,
                                    const float *coefficients,
                                    size_t row, size_t width)
{
    size_t t = blockIdx.x;
    size_t c = blockIdx.y * CHANNELS + threadIdx.x;
    const float *post = coefficients + t * row + n, *res = post + n;
    if (c >= width)
        return;
    const kept *x = stream + t * n * width + c;
    float in[n], y = answer[t * width + c];
    for (int j = 0; j < n; j++)
        in[j] = x[j * width];
    for (int i = 0; i < n; i++) {
        float sum = res[i * n] * in[0];
        for (int j = 1; j < n; j++)
            sum += res[i * n + j] * in[j];
        next[(t * n + i) * width + c] = sum + post[i] * y;
    }
}

// Launch writing
template <int n>
static void write_by(struct device *d, kept *next, const kept *stream,
                     const kept *answer, const float *coefficients,
                     const struct layout *l, size_t tokens)
{
    write_kernel<n><<<channel_blocks(tokens, l->width), CHANNELS, 0,
                      stream_of(d)>>>(next, stream, answer,
                                      coefficients, layout_row(l),
                                      l->width);
    gpu_launched(d, "write_kernel");
}

void gpu_write(struct device *d, kept *next, const kept *stream,
               const kept *answer, const float *coefficients,
               const struct layout *l, size_t tokens)
{
    BY_STREAMS(l->streams, write_by, d, next, stream, answer,
               coefficients, l, tokens)
}

// Write on the gpu, backward
template <int n>
static __global__ void write_backward_kernel(
    kept *dstream, kept *danswer, float *dcoefficients,
    const kept *dnext, const kept *stream, const kept *answer,
    const float *coefficients, size_t row, size_t width, size_t tokens)
{
    size_t t = (size_t)blockIdx.x * WARPS + threadIdx.x / WARP;
    int lane = threadIdx.x % WARP;
    if (t >= tokens)
        return;
    const float *post = coefficients + t * row + n, *res = post + n;
    float dpost[n] = {}, dres[n][n] = {};
    for (size_t c = lane; c < width; c += WARP) {
        // Write to the streams backward in one channel
        size_t at = t * n * width + c;
        float d[n], y = answer[t * width + c], dy = 0;
        for (int i = 0; i < n; i++) {
            d[i] = dnext[at + i * width];
            dy += post[i] * d[i];
            dpost[i] += d[i] * y;
        }
        danswer[t * width + c] = dy;
        for (int j = 0; j < n; j++) {
            float x = stream[at + j * width], dx = 0;
            for (int i = 0; i < n; i++) {
                dx += res[i * n + j] * d[i];
                dres[i][j] += d[i] * x;
            }
            dstream[at + j * width] = dx;
        }
    }
    // Add up what the lanes have
    float *to = dcoefficients + t * row + n;
    for (int i = 0; i < n; i++) {
        float sum = warp_sum(dpost[i]);
        if (lane == 0)
            to[i] = sum;
        for (int j = 0; j < n; j++) {
            sum = warp_sum(dres[i][j]);
            if (lane == 0)
                to[n + i * n + j] = sum;
        }
    }
}

// Launch writing backward
template <int n>
static void write_backward_by(struct device *d, kept *dstream,
                              kept *danswer, float *dcoefficients,
                              const kept *dnext, const kept *stream,
                              const kept *answer,
                              const float *coefficients,
                              const struct layout *l, size_t tokens)
{
    write_backward_kernel<n><<<blocks_for(tokens, WARPS), 32 * WARPS,
                               0, stream_of(d)>>>(
        dstream, danswer, dcoefficients, dnext, stream, answer,
        coefficients, layout_row(l), l->width, tokens);
    gpu_launched(d, "write_backward_kernel");
}

void gpu_write_backward(struct device *d, kept *dstream,
                        kept *danswer, float *dcoefficients,
                        const kept *dnext, const kept *stream,
                        const kept *answer, const float *coefficients,
                        const struct layout *l, size_t tokens)
{
    BY_STREAMS(l->streams, write_backward_by, d, dstream, danswer,
               dcoefficients, dnext, stream, answer, coefficients, l,
               tokens)
}

// Read on the gpu
template <int n>
static __global__ void read_kernel(kept *input, const kept *stream,
                                   const float *coefficients,
                                   size_t row, size_t width)
{
    size_t t = blockIdx.x;
    size_t c = blockIdx.y * CHANNELS + threadIdx.x;
    const float *pre = coefficients + t * row;
    if (c >= width)
        return;
    float sum = 0;
    for (int i = 0; i < n; i++)
        sum += pre[i] * stream[(t * n + i) * width + c];
    input[t * width + c] = sum;
}

// Launch reading
template <int n>
static void read_by(struct device *d, kept *input, const kept *stream,
                    const float *coefficients, const struct layout *l,
                    size_t tokens)
{
    read_kernel<n><<<channel_blocks(tokens, l->width), CHANNELS, 0,
                     stream_of(d)>>>(input, stream, coefficients,
                                     layout_row(l), l->width);
    gpu_launched(d, "read_kernel");
}

void gpu_read(struct device *d, kept *input, const kept *stream,
              const float *coefficients, const struct layout *l,
              size_t tokens)
{
    BY_STREAMS(l->streams, read_by, d, input, stream, coefficients, l,
               tokens)
}

// Read on the gpu, backward
template <int n>
static __global__ void read_backward_kernel(
    kept *dstream, float *dcoefficients, const kept *dinput,
    const kept *stream, const float *coefficients, size_t row,
    size_t width, size_t tokens)
{
    size_t t = (size_t)blockIdx.x * WARPS + threadIdx.x / WARP;
    int lane = threadIdx.x % WARP;
    if (t >= tokens)
        return;
    const float *pre = coefficients + t * row;
    float dpre[n] = {};
    for (size_t c = lane; c < width; c += WARP) {
        float d = dinput[t * width + c];
        for (int i = 0; i < n; i++) {
            size_t at = (t * n + i) * width + c;
            dpre[i] += d * stream[at];
            if (dstream != NULL)
                dstream[at] = dstream[at] + pre[i] * d;
        }
    }
    for (int i = 0; i < n; i++) {
        float sum = warp_sum(dpre[i]);
        if (lane == 0)
            dcoefficients[t * row + i] = sum;
    }
}

// Launch reading backward
template <int n>
static void read_backward_by(struct device *d, kept *dstream,
                             float *dcoefficients, const kept *dinput,
                             const kept *stream,
                             const float *coefficients,
                             const struct layout *l, size_t tokens)
{
    read_backward_kernel<n><<<blocks_for(tokens, WARPS), 32 * WARPS,
                              0, stream_of(d)>>>(
        dstream, dcoefficients, dinput, stream, coefficients,
        layout_row(l), l->width, tokens);
    gpu_launched(d, "read_backward_kernel");
}

void gpu_read_backward(struct device *d, kept *dstream,
                       float *dcoefficients, const kept *dinput,
                       const kept *stream, const float *coefficients,
                       const struct layout *l, size_t tokens)
{
    BY_STREAMS(l->streams, read_backward_by, d, dstream, dcoefficients,
               dinput, stream, coefficients, l, tokens)
}

// Expand and collapse
static __global__ void expand_kernel(kept *stream, const kept *vector,
                                     float scale, bool add,
                                     int n, size_t width)
{
    size_t t = blockIdx.x;
    size_t c = blockIdx.y * CHANNELS + threadIdx.x;
    if (c >= width)
        return;
    float v = scale * vector[t * width + c];
    for (int i = 0; i < n; i++) {
        kept *x = stream + (t * n + i) * width + c;
        *x = add ? *x + v : v;
    }
}

static __global__ void collapse_kernel(kept *vector,
                                       const kept *stream, float scale,
                                       int n, size_t width)
{
    size_t t = blockIdx.x;
    size_t c = blockIdx.y * CHANNELS + threadIdx.x;
    float part[MIX_STREAMS] = {};
    if (c >= width)
        return;
    #pragma unroll
    for (int i = 0; i < MIX_STREAMS; i++)
        part[i] = i < n ? (float)stream[(t * n + i) * width + c] : 0;
    #pragma unroll
    for (int half = MIX_STREAMS / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            part[i] += part[i + half];
    vector[t * width + c] = scale * part[0];
}

// Launch expanding and collapsing
static void expand(struct device *d, kept *stream, const kept *vector,
                   float scale, bool add, const struct layout *l,
                   size_t tokens)
{
    expand_kernel<<<channel_blocks(tokens, l->width), CHANNELS, 0,
                    stream_of(d)>>>(stream, vector, scale, add,
                                    (int)l->streams, l->width);
    gpu_launched(d, "expand_kernel");
}

void gpu_expand(struct device *d, kept *stream, const kept *vector,
                const struct layout *l, size_t tokens)
{
    expand(d, stream, vector, 1, false, l, tokens);
}

void gpu_collapse(struct device *d, kept *vector, const kept *stream,
                  float scale, const struct layout *l, size_t tokens)
{
    collapse_kernel<<<channel_blocks(tokens, l->width), CHANNELS, 0,
                      stream_of(d)>>>(vector, stream, scale,
                                      (int)l->streams, l->width);
    gpu_launched(d, "collapse_kernel");
}

void gpu_collapse_backward(struct device *d, kept *dstream,
                           const kept *dvector, float scale,
                           const struct layout *l, size_t tokens)
{
    expand(d, dstream, dvector, scale, true, l, tokens);
}
KEPT_END
