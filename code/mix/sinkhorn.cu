#include "mix/mix.cuh"
#include "mix/deepseek.h"
#include "mix/places.cuh"

enum { STEPS = 20 };        /* iterations between two beginnings */

// A token to a thread
/* entry i, j is row[i] kernel[i][j] column[j] */
template <int n> struct scaled {
    float kernel[n][n], row[n], column[n];
    /* what was taken from the logits, and has been added since */
    float row_most[n], column_most[n], row_log[n], column_log[n];
};

// The kernel from the logits
static __device__ float below(float logit, float most)
{
    float difference = logit - most;
    return difference < -FLT_MAX ? -FLT_MAX : difference;
}

template <int n>
static __device__ void fill(struct scaled<n> *m,
                            const volatile float *logits)
{
    #pragma unroll
    for (int i = 0; i < n; i++)
        #pragma unroll
        for (int j = 0; j < n; j++)
            m->kernel[i][j] = expf(
                below(logits[i * n + j], m->column_most[j])
                - m->row_most[i] + (m->row_log[i] + m->column_log[j]));
}

// Begin with the largest entries at one, in a thread
template <int n>
static __device__ void begin(struct scaled<n> *m,
                             const volatile float *logits)
{
    for (int j = 0; j < n; j++) {
        float most = logits[j];
        for (int i = 1; i < n; i++)
            most = logits[i * n + j] > most ? logits[i * n + j] : most;
        m->column_most[j] = most;
        m->column_log[j] = 0;
    }
    for (int i = 0; i < n; i++) {
        float most = below(logits[i * n], m->column_most[0]);
        for (int j = 1; j < n; j++) {
            float x = below(logits[i * n + j], m->column_most[j]);
            most = x > most ? x : most;
        }
        m->row_most[i] = most;
        m->row_log[i] = 0;
        m->row[i] = expf(most);
    }
    fill(m, logits);
}

// Begin with a softmax, in a thread
/* DeepSeek's rows are our columns */
template <int n>
static __device__ void begin_released(struct scaled<n> *m,
                                      const float *logits)
{
    for (int j = 0; j < n; j++) {
        float most = logits[j * n], sum = 0;
        for (int i = 1; i < n; i++)
            most = logits[j * n + i] > most ? logits[j * n + i] : most;
        for (int i = 0; i < n; i++) {
            m->kernel[i][j] = expf(logits[j * n + i] - most);
            sum += m->kernel[i][j];
        }
        for (int i = 0; i < n; i++)
            m->kernel[i][j] = m->kernel[i][j] / sum + DEEPSEEK_EPSILON;
        m->row[j] = m->column[j] = 1;
    }
}

// One iteration in a thread
template <int n, bool released>
static __device__ void iterate(struct scaled<n> *m, bool first)
{
    for (int j = 0; j < n; j++) {
        float sum = 0, b = m->column[j];
        for (int i = 0; i < n; i++)
            sum += m->row[i] * m->kernel[i][j];
        if (!released)
            m->column[j] = 1 / sum;
        else if (!first)        /* the softmax has done it */
            m->column[j] = b / (b * sum + DEEPSEEK_EPSILON);
    }
    for (int i = 0; i < n; i++) {
        float sum = 0, a = m->row[i];
        for (int j = 0; j < n; j++)
            sum += m->kernel[i][j] * m->column[j];
        m->row[i] = released ? a / (a * sum + DEEPSEEK_EPSILON)
                             : 1 / sum;
    }
}

// Begin again, in a thread
template <int n>
static __device__ void begin_again(struct scaled<n> *m,
                                   const float *logits)
{
    for (int i = 0; i < n; i++) {
        m->row_log[i] += logf(m->row[i]);
        m->column_log[i] += logf(m->column[i]);
        m->row[i] = 1;
    }
    fill(m, logits);
}

// So many iterations in a thread
/* the matrix before iteration `count`, counted from 0 */
template <int n, bool released>
static __device__ void run(struct scaled<n> *m, const float *logits,
                           int count)
{
    if (released)
        begin_released(m, logits);
    else
        begin(m, logits);
    for (int t = 0; t < count; t++) {
        if (!released && t > 0 && t % STEPS == 0)
            begin_again(m, logits);
        iterate<n, released>(m, t == 0);
    }
}

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
// Sums and maxima of rows and columns
enum { N = 4, LANES = N * N, TOKENS = 8 };      /* tokens of a block */
#define WHOLE 0xffffffffu

static __device__ float row_sum(float v)
{
    v += __shfl_xor_sync(WHOLE, v, 1, LANES);
    return v + __shfl_xor_sync(WHOLE, v, 2, LANES);
}

static __device__ float column_sum(float v)
{
    v += __shfl_xor_sync(WHOLE, v, 4, LANES);
    return v + __shfl_xor_sync(WHOLE, v, 8, LANES);
}

/* of the lanes that differ from this one in bit `step` or 2 `step` */
static __device__ float largest(float v, int step)
{
    for (int s = step; s <= 2 * step; s += step) {
        float other = __shfl_xor_sync(WHOLE, v, s, LANES);
        v = other > v ? other : v;
    }
    return v;
}

// A lane's entry
/* entry i, j of lane 4 i + j is row * kernel * column */
struct lane { float log, kernel, row, column; };

static __device__ struct lane begin(float logit)
{
    struct lane m = { .column = 1 };
    m.log = below(logit, largest(logit, N));
    float most = largest(m.log, 1);
    m.log -= most;
    m.kernel = expf(m.log);
    m.row = expf(most);
    return m;
}

static __device__ void iterate(struct lane *m)
{
    m->column = 1 / column_sum(m->row * m->kernel);
    m->row = 1 / row_sum(m->kernel * m->column);
}

static __device__ void begin_again(struct lane *m)
{
    m->log += logf(m->row) + logf(m->column);
    m->kernel = expf(m->log);
    m->row = 1;
}

/* before iteration `count` */
static __device__ struct lane run(float logit, int count)
{
    struct lane m = begin(logit);
    for (int t = 0; t < count; t++) {
        if (t > 0 && t % STEPS == 0)
            begin_again(&m);
        iterate(&m);
    }
    return m;
}

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
        lanes_kernel<<<blocks_for(count, TOKENS), TOKENS * LANES, 0,
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
                                TOKENS * LANES, 0, stream_of(d)>>>(
            dlogits, dmatrix, logits, stride, count, (int)iterations);
        gpu_launched(d, "lanes_backward_kernel");
    }
}
