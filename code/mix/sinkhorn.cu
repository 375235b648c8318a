#include "mix/mix.cuh"
#include "mix/sinkhorn.cuh"

// A token to a thread
// Sinkhorn forward, a token to a thread
template <int n, bool released>
static __global__ void thread_kernel(float *matrix, const float *logits,
                                     size_t stride, size_t count,
                                     int iterations)
{
    size_t t = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    struct scaled<n> m;
    if (t >= count)
        return;
    run<n, released>(&m, logits + t * stride, iterations);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            matrix[t * stride + i * n + j] =
                m.row[i] * (m.kernel[i][j] * m.column[j]);
}

// Launch a thread for each token
template <int n>
static void forward_by(struct device *d, float *matrix,
                       const float *logits, size_t stride, size_t count,
                       int iterations, bool released)
{
    dim3 blocks(blocks_for(count, 64));
    if (released)
        thread_kernel<n, true><<<blocks, 64, 0, stream_of(d)>>>(
            matrix, logits, stride, count, iterations);
    else
        thread_kernel<n, false><<<blocks, 64, 0, stream_of(d)>>>(
            matrix, logits, stride, count, iterations);
    gpu_launched(d, "thread_kernel");
}

void gpu_sinkhorn_forward_by_threads(
    struct device *d, float *matrix, const float *logits, size_t stride,
    size_t count, size_t n, size_t iterations, bool released)
{
    if (count > 0)
        BY_STREAMS(n, forward_by, d, matrix, logits, stride, count,
                   (int)iterations, released)
}

// Sinkhorn backward, a token to a thread
enum { THREADS = 32 };      /* of a block */

template <int n, bool released>
static __global__ void thread_backward_kernel(
    float *dlogits, const float *dmatrix, const float *logits,
    size_t stride, size_t count, int iterations)
{
    __shared__ float row[STEPS][n][THREADS];
    __shared__ float column[STEPS][n][THREADS];
    __shared__ float parked[n][n][THREADS];
    size_t t = blockIdx.x * (size_t)THREADS + threadIdx.x;
    int own = threadIdx.x;
    struct scaled<n> m = {};
    float g[n][n] = {};
    if (t >= count)
        return;
    for (int first = (iterations - 1) / STEPS * STEPS; first >= 0;
         first -= STEPS) {
        int steps = iterations - first;
        bool last = steps <= STEPS;
        if (steps > STEPS)
            steps = STEPS;
        // Go to iteration first, then keep each scale
        run<n, released>(&m, logits + t * stride, first);
        if (!released && first > 0)
            begin_again(&m, logits + t * stride);
        for (int s = 0; s < steps; s++) {
            for (int i = 0; i < n; i++)
                row[s][i][own] = m.row[i];
            iterate<n, released>(&m, first + s == 0);
            for (int j = 0; j < n; j++)
                column[s][j][own] = m.column[j];
        }
        // Take up the gradient of the logarithms
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                g[i][j] = last ? m.row[i] * (m.kernel[i][j] * m.column[j])
                                 * dmatrix[t * stride + i * n + j]
                               : parked[i][j][own];
        // Walk back through what was kept
        for (int s = steps - 1; s >= 0; s--) {
            for (int i = 0; i < n; i++) {
                float sum = 0;
                for (int j = 0; j < n; j++)
                    sum += g[i][j];
                for (int j = 0; j < n; j++)
                    g[i][j] -= sum * (m.row[i] *
                                      (m.kernel[i][j] * column[s][j][own]));
                m.row[i] = row[s][i][own];
            }
            if (released && first + s == 0)     /* the softmax comes next */
                break;
            for (int j = 0; j < n; j++) {
                float sum = 0, b = column[s][j][own];
                for (int i = 0; i < n; i++)
                    sum += g[i][j];
                for (int i = 0; i < n; i++)
                    g[i][j] -= sum * (m.row[i] * m.kernel[i][j] * b);
            }
        }
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                parked[i][j][own] = g[i][j];
    }
    // Store the gradient of the logits
    float *to = dlogits + t * stride;
    for (int j = 0; j < n; j++) {
        float common = 0;
        for (int i = 0; i < n && released; i++) {
            float share = m.kernel[i][j] - DEEPSEEK_EPSILON;
            g[i][j] *= share / m.kernel[i][j];
            common += g[i][j];
        }
        for (int i = 0; i < n; i++)
            if (released)
                to[j * n + i] = g[i][j]
                    - (m.kernel[i][j] - DEEPSEEK_EPSILON) * common;
            else
                to[i * n + j] = g[i][j];
    }
}

// Launch a thread for each token, backward
template <int n>
static void backward_by(struct device *d, float *dlogits,
                        const float *dmatrix, const float *logits,
                        size_t stride, size_t count, int iterations,
                        bool released)
{
    dim3 blocks(blocks_for(count, THREADS));
    if (released)
        thread_backward_kernel<n, true><<<blocks, THREADS, 0,
                                          stream_of(d)>>>(
            dlogits, dmatrix, logits, stride, count, iterations);
    else
        thread_backward_kernel<n, false><<<blocks, THREADS, 0,
                                           stream_of(d)>>>(
            dlogits, dmatrix, logits, stride, count, iterations);
    gpu_launched(d, "thread_backward_kernel");
}

void gpu_sinkhorn_backward_by_threads(
    struct device *d, float *dlogits, const float *dmatrix,
    const float *logits, size_t stride, size_t count, size_t n,
    size_t iterations, bool released)
{
    if (count > 0)
        BY_STREAMS(n, backward_by, d, dlogits, dmatrix, logits, stride,
                   count, (int)iterations, released)
}

// Sixteen lanes to a token
enum { TOKENS = 8, BLOCK = TOKENS * LANES };    /* of a block */

// Sinkhorn forward, sixteen lanes to a token
static __global__ void lanes_kernel(float *matrix, const float *logits,
                                    size_t stride, size_t count,
                                    int iterations)
{
    size_t t = (size_t)blockIdx.x * TOKENS + threadIdx.x / LANES;
    size_t at = t * stride + threadIdx.x % LANES;
    struct lane m = run(t < count ? logits[at] : 0, iterations);
    if (t < count)
        matrix[at] = m.row * (m.kernel * m.column);
}

// Sinkhorn backward, sixteen lanes to a token
static __global__ void lanes_backward_kernel(
    float *dlogits, const float *dmatrix, const float *logits,
    size_t stride, size_t count, int iterations)
{
    size_t t = (size_t)blockIdx.x * TOKENS + threadIdx.x / LANES;
    size_t at = t * stride + threadIdx.x % LANES;
    float logit = t < count ? logits[at] : 0;
    float dentry = t < count ? dmatrix[at] : 0, g = 0;
    for (int first = (iterations - 1) / STEPS * STEPS; first >= 0;
         first -= STEPS) {
        int steps = iterations - first;
        float row[STEPS + 1], column[STEPS];
        // Go to iteration first, then keep each scale in the lane
        struct lane m = run(logit, first);
        if (first > 0)
            begin_again(&m);
        row[0] = m.row;
        #pragma unroll
        for (int s = 0; s < STEPS; s++)
            if (s < steps) {
                iterate(&m);
                column[s] = m.column;
                row[s + 1] = m.row;
            }
        if (steps <= STEPS)             /* the last ones */
            g = m.row * (m.kernel * m.column) * dentry;
        // Walk back through what the lane has kept
        #pragma unroll
        for (int s = STEPS - 1; s >= 0; s--)
            if (s < steps) {
                float x = row[s + 1] * (m.kernel * column[s]);
                g -= row_sum(g) * x;
                x = row[s] * m.kernel * column[s];
                g -= column_sum(g) * x;
            }
    }
    if (t < count)
        dlogits[at] = g;
}

// Choose a version
void gpu_sinkhorn_forward(struct device *d, float *matrix,
                          const float *logits, size_t stride,
                          size_t count, size_t n, size_t iterations,
                          bool released)
{
    assert(iterations > 0 && iterations <= 100);
    if (n != N || released)
        gpu_sinkhorn_forward_by_threads(d, matrix, logits, stride,
                                        count, n, iterations, released);
    else if (count > 0) {
        lanes_kernel<<<blocks_for(count, TOKENS), BLOCK, 0,
                       stream_of(d)>>>(matrix, logits, stride, count,
                                       (int)iterations);
        gpu_launched(d, "lanes_kernel");
    }
}

void gpu_sinkhorn_backward(struct device *d, float *dlogits,
                           const float *dmatrix, const float *logits,
                           size_t stride, size_t count, size_t n,
                           size_t iterations, bool released)
{
    assert(iterations > 0 && iterations <= 100);
    if (n != N || released)
        gpu_sinkhorn_backward_by_threads(d, dlogits, dmatrix, logits,
                                         stride, count, n, iterations,
                                         released);
    else if (count > 0) {
        lanes_backward_kernel<<<blocks_for(count, TOKENS),
                                BLOCK, 0, stream_of(d)>>>(
            dlogits, dmatrix, logits, stride, count, (int)iterations);
        gpu_launched(d, "lanes_backward_kernel");
    }
}
