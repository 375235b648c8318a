#ifndef SINKHORN_CUH
#define SINKHORN_CUH
#include "mix/deepseek.h"
#include "mix/places.cuh"

/* Sinkhorn-Knopp in registers: of a thread, and, for n = 4, of sixteen
   lanes */
enum { STEPS = 20 };        /* iterations between two beginnings */

// Iterates of a thread
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

// Iterates of sixteen lanes
// Sums and maxima of rows and columns
enum { N = 4, LANES = N * N };
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
#endif
