#include "mix/mix.cuh"
#include "mix/deepseek.h"
#include "mix/places.cuh"

// An entry and its z
/* which of alpha scales entry e: 0 pre, 1 post, 2 the matrix */
static __device__ int scale_of(int e, const struct places *p)
{
    int k = e / p->streams;
    return k < 2 ? k : p->mix == MIX_TANH_TWO ? 0 : 2;
}

static __device__ size_t raw_of(int e, const struct places *p)
{
    int n = p->streams;
    return p->raw + (p->apart ? e % n * p->outputs + e / n : e);
}

static __device__ float z_of(const float *row, int e,
                             const struct places *p)
{
    return row[p->rms + (p->apart ? e % p->streams : 0)]
         * row[raw_of(e, p)];
}

static __device__ float shift_of(int e, const struct places *p)
{
    return p->mix == MIX_RELEASED && e < p->streams ? DEEPSEEK_EPSILON
                                                    : 0;
}

// All entries
static __device__ float entry(const float *row, int e,
                              const float *alpha, const float *bias,
                              const struct places *p)
{
    int n = p->streams;
    if (p->mix == MIX_STATIC)
        return bias[e];
    if (p->mix == MIX_IDENTITY && e >= 2 * n)
        return (e - 2 * n) % (n + 1) == 0 ? 1 : 0;
    float z = z_of(row, e, p), slope = alpha[scale_of(e, p)];
    if (p->apart)
        return slope * tanhf(z) + bias[e];
    float h = slope * z + bias[e];
    return e >= 2 * n ? h           /* a logit */
         : (e < n ? 1 : 2) / (1 + expf(-h)) + shift_of(e, p);
}

static __global__ void entries_kernel(float *coefficients,
                                      const float *alpha,
                                      const float *bias, int entries,
                                      struct places p, size_t tokens)
{
    size_t at = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (at >= tokens * entries)
        return;
    float *row = coefficients + at / entries * p.row;
    int e = (int)(at % entries);
    row[e] = entry(row, e, alpha, bias, &p);
}

/* logits where the gradient of z will stand */
static __global__ void logits_kernel(float *dcoefficients,
                                     const float *coefficients,
                                     const float *alpha,
                                     const float *bias, struct places p,
                                     size_t tokens)
{
    size_t at = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    int gates = 2 * p.streams, logits = p.outputs - gates;
    if (at >= tokens * logits)
        return;
    size_t t = at / logits;
    int e = gates + (int)(at % logits);
    dcoefficients[t * p.row + p.raw + e] =
        entry(coefficients + t * p.row, e, alpha, bias, &p);
}

// Mean of permutations
/* row i of number k of the permutations of 0 .. n-1, in lexicographic
   order, has its 1 in this column */
template <int n> static __device__ int column_of(int k, int i)
{
    unsigned left = (1u << n) - 1;
    int tails = 1, column = 0;
    for (int m = 2; m < n; m++)
        tails *= m;                         /* (n-1)! */
    for (int row = 0; row <= i; row++) {
        unsigned rest = left;
        for (int skip = k / tails; skip > 0; skip--)
            rest &= rest - 1;
        column = __ffs((int)rest) - 1;
        left &= ~(1u << column);
        k %= tails;
        tails /= n - 1 - row > 0 ? n - 1 - row : 1;
    }
    return column;
}

/* the softmax of a token's logits: weight k is
   expf(logit k - most) / sum */
struct softmax { float most, sum; };

static __device__ struct softmax softmax_of(const float *row, int count,
                                            const float *alpha,
                                            const float *bias,
                                            const struct places *p)
{
    int gates = 2 * p->streams;
    struct softmax s = { entry(row, gates, alpha, bias, p), 0 };
    for (int k = 1; k < count; k++) {
        float logit = entry(row, gates + k, alpha, bias, p);
        s.most = logit > s.most ? logit : s.most;
    }
    for (int k = 0; k < count; k++)
        s.sum += expf(entry(row, gates + k, alpha, bias, p) - s.most);
    return s;
}

template <int n>
static __global__ void permutations_kernel(float *coefficients,
                                           const float *alpha,
                                           const float *bias,
                                           struct places p,
                                           size_t tokens)
{
    size_t t = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (t >= tokens)
        return;
    float *row = coefficients + t * p.row, sum[n][n] = {};
    int count = p.outputs - 2 * n;
    struct softmax s = softmax_of(row, count, alpha, bias, &p);
    for (int k = 0; k < count; k++) {
        float a = expf(entry(row, 2 * n + k, alpha, bias, &p) - s.most)
                / s.sum;
        #pragma unroll
        for (int i = 0; i < n; i++)
            #pragma unroll
            for (int j = 0; j < n; j++)
                sum[i][j] += column_of<n>(k, i) == j ? a : 0;
    }
    #pragma unroll
    for (int i = 0; i < n; i++)
        #pragma unroll
        for (int j = 0; j < n; j++)
            row[2 * n + i * n + j] = sum[i][j];
}

template <int n>
static __global__ void permutations_backward_kernel(
    float *dcoefficients, const float *coefficients, const float *alpha,
    const float *bias, struct places p, size_t tokens)
{
    size_t t = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (t >= tokens)
        return;
    const float *row = coefficients + t * p.row;
    float *drow = dcoefficients + t * p.row, mean = 0;
    int count = p.outputs - 2 * n;
    struct softmax s = softmax_of(row, count, alpha, bias, &p);
    for (int pass = 0; pass < 2; pass++)
        for (int k = 0; k < count; k++) {
            float a = expf(entry(row, 2 * n + k, alpha, bias, &p)
                           - s.most) / s.sum, slope = 0;
            for (int i = 0; i < n; i++)
                slope += drow[2 * n + i * n + column_of<n>(k, i)];
            if (pass == 0)
                mean += a * slope;
            else
                drow[p.raw + 2 * n + k] = a * (slope - mean);
        }
}

// Launch permutations
static void permutations(struct device *d, float *coefficients,
                         const float *alpha, const float *bias,
                         struct places p, size_t tokens)
{
    dim3 blocks(blocks_for(tokens, 128));
    if (p.streams == 1)
        permutations_kernel<1><<<blocks, 128, 0, stream_of(d)>>>(
            coefficients, alpha, bias, p, tokens);
    else if (p.streams == 2)
        permutations_kernel<2><<<blocks, 128, 0, stream_of(d)>>>(
            coefficients, alpha, bias, p, tokens);
    else if (p.streams == 3)
        permutations_kernel<3><<<blocks, 128, 0, stream_of(d)>>>(
            coefficients, alpha, bias, p, tokens);
    else
        permutations_kernel<4><<<blocks, 128, 0, stream_of(d)>>>(
            coefficients, alpha, bias, p, tokens);
    gpu_launched(d, "permutations_kernel");
}

static void permutations_backward(struct device *d,
                                  float *dcoefficients,
                                  const float *coefficients,
                                  const float *alpha, const float *bias,
                                  struct places p, size_t tokens)
{
    dim3 blocks(blocks_for(tokens, 128));
    cudaStream_t s = stream_of(d);
    if (p.streams == 1)
        permutations_backward_kernel<1><<<blocks, 128, 0, s>>>(
            dcoefficients, coefficients, alpha, bias, p, tokens);
    else if (p.streams == 2)
        permutations_backward_kernel<2><<<blocks, 128, 0, s>>>(
            dcoefficients, coefficients, alpha, bias, p, tokens);
    else if (p.streams == 3)
        permutations_backward_kernel<3><<<blocks, 128, 0, s>>>(
            dcoefficients, coefficients, alpha, bias, p, tokens);
    else
        permutations_backward_kernel<4><<<blocks, 128, 0, s>>>(
            dcoefficients, coefficients, alpha, bias, p, tokens);
    gpu_launched(d, "permutations_backward_kernel");
}

// Product of Kronecker factors
struct factor { float p, q; };

static __device__ struct factor factor_of(float logit)
{
    float e = expf(logit < 0 ? logit : -logit);
    float more = 1 / (1 + e), less = e * more;
    return logit < 0 ? (struct factor){ less, more }
                     : (struct factor){ more, less };
}

/* does factor k, of m, the first outermost, swap at distance s? */
static __device__ bool swaps(int s, int k, int m)
{
    return (s >> (m - 1 - k) & 1) != 0;
}

/* a thread to a token; n = 2^m */
static __global__ void kronecker_kernel(float *coefficients,
                                        const float *alpha,
                                        const float *bias, int m,
                                        struct places p, size_t tokens)
{
    size_t t = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (t >= tokens)
        return;
    int n = p.streams;
    float *row = coefficients + t * p.row;
    for (int s = 0; s < n; s++) {
        float product = 1;
        for (int k = 0; k < m; k++) {
            struct factor f =
                factor_of(entry(row, 2 * n + k, alpha, bias, &p));
            product *= swaps(s, k, m) ? f.q : f.p;
        }
        for (int i = 0; i < n; i++)
            row[2 * n + i * n + (i ^ s)] = product;
    }
}

static __global__ void kronecker_backward_kernel(
    float *dcoefficients, const float *coefficients, const float *alpha,
    const float *bias, int m, struct places p, size_t tokens)
{
    size_t t = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (t >= tokens)
        return;
    int n = p.streams;
    const float *row = coefficients + t * p.row;
    float *drow = dcoefficients + t * p.row;
    for (int k = 0; k < m; k++) {
        struct factor f =
            factor_of(entry(row, 2 * n + k, alpha, bias, &p));
        float sum = 0;
        for (int s = 0; s < n; s++) {
            float d = 0;
            for (int i = 0; i < n; i++)
                d += drow[2 * n + i * n + (i ^ s)];
            sum += d * row[2 * n + s] * (swaps(s, k, m) ? -f.p : f.q);
        }
        drow[p.raw + 2 * n + k] = sum;
    }
}

// Sums over the tokens
enum { RUNS = 128 };        /* of tokens, each with sums of its own */

/* thread e goes through the tokens of a run: raw of dcoefficients is
   the gradient of z, where a logit's own stood; partial
   [RUNS][biases][2]: sums of what goes to alpha, and to bias */
static __global__ void entries_backward_kernel(
    float *dcoefficients, float *partial, const float *coefficients,
    const float *alpha, struct places p, size_t tokens)
{
    size_t run = blockIdx.x, end = (run + 1) * tokens / RUNS;
    int e = threadIdx.x, gates = 2 * p.streams;
    float slope = 0, bias = 0;
    for (size_t t = run * tokens / RUNS; t < end; t++) {
        const float *row = coefficients + t * p.row;
        float *drow = dcoefficients + t * p.row;
        float d = 0, u = 0;
        // Go back through entry e
        bool logit = !p.apart && p.mix != MIX_STATIC && e >= gates;
        if (!logit)
            d = drow[e];
        if (p.mix != MIX_STATIC) {
            float *dz = drow + raw_of(e, &p), scale = alpha[scale_of(e, &p)];
            u = z_of(row, e, &p);
            if (p.apart) {
                u = tanhf(u);
                scale *= 1 - u * u;
            } else if (logit)
                d = *dz;
            else {
                float factor = e < p.streams ? 1 : 2;
                float s = (row[e] - shift_of(e, &p)) / factor;
                d *= factor * s * (1 - s);
            }
            *dz = scale * d;
        }
        slope += d * u;
        bias += d;
    }
    partial[(run * p.biases + e) * 2] = slope;
    partial[(run * p.biases + e) * 2 + 1] = bias;
}
static __global__ void scales_kernel(float *dalpha, float *dbias,
                                     const float *partial, size_t runs,
                                     int scales, struct places p)
{
    __shared__ float slopes[MIX_OUTPUTS];
    int e = threadIdx.x;
    float slope = 0, bias = 0;
    for (size_t run = 0; run < runs; run++) {
        slope += partial[(run * p.biases + e) * 2];
        bias += partial[(run * p.biases + e) * 2 + 1];
    }
    slopes[e] = slope;
    dbias[e] += bias;
    __syncthreads();
    if (e < scales) {
        float sum = 0;
        for (int k = 0; k < p.biases; k++)
            sum += scale_of(k, &p) == e ? slopes[k] : 0;
        dalpha[e] += sum;
    }
}

// Mix, forward
static int factors_of(struct places p)
{
    return p.outputs - 2 * p.streams;
}

void gpu_mix_forward(struct device *d, float *coefficients,
                     const float *alpha, const float *bias,
                     const struct layout *l, size_t tokens)
{
    struct places p = places_of(l);
    bool fewer = l->mix == MIX_PERMUTATIONS || l->mix == MIX_KRONECKER;
    int entries = fewer ? 2 * p.streams : p.entries;
    float *matrix = coefficients + 2 * l->streams;
    entries_kernel<<<blocks_for(tokens * entries, 128), 128, 0,
                     stream_of(d)>>>(coefficients, alpha, bias, entries,
                                     p, tokens);
    gpu_launched(d, "entries_kernel");
    if (l->mix == MIX_SINKHORN || l->mix == MIX_RELEASED)
        gpu_sinkhorn_forward(d, matrix, matrix, p.row, tokens,
                             l->streams, l->iterations,
                             l->mix == MIX_RELEASED);
    else if (l->mix == MIX_PERMUTATIONS)
        permutations(d, coefficients, alpha, bias, p, tokens);
    else if (l->mix == MIX_KRONECKER) {
        kronecker_kernel<<<blocks_for(tokens, 128), 128, 0,
                           stream_of(d)>>>(coefficients, alpha, bias,
                                           factors_of(p), p, tokens);
        gpu_launched(d, "kronecker_kernel");
    }
}

// Mix, backward
size_t gpu_mix_work(const struct layout *l)
{
    return RUNS * 2 * mix_biases(l->mix, l->streams);
}

void gpu_matrix_backward(struct device *d, float *dcoefficients,
                         const float *coefficients, const float *alpha,
                         const float *bias, const struct layout *l,
                         size_t tokens)
{
    struct places p = places_of(l);
    float *logits = dcoefficients + p.raw + 2 * l->streams;
    const float *dmatrix = dcoefficients + 2 * l->streams;
    size_t count = tokens * (p.outputs - 2 * p.streams);
    if (l->mix == MIX_SINKHORN || l->mix == MIX_RELEASED) {
        logits_kernel<<<blocks_for(count, 128), 128, 0,
                        stream_of(d)>>>(dcoefficients, coefficients,
                                        alpha, bias, p, tokens);
        gpu_launched(d, "logits_kernel");
        gpu_sinkhorn_backward(d, logits, dmatrix, logits, p.row, tokens,
                              l->streams, l->iterations,
                              l->mix == MIX_RELEASED);
    } else if (l->mix == MIX_PERMUTATIONS)
        permutations_backward(d, dcoefficients, coefficients, alpha,
                              bias, p, tokens);
    else if (l->mix == MIX_KRONECKER) {
        kronecker_backward_kernel<<<blocks_for(tokens, 128), 128, 0,
                                    stream_of(d)>>>(
            dcoefficients, coefficients, alpha, bias, factors_of(p), p,
            tokens);
        gpu_launched(d, "kronecker_backward_kernel");
    }
}

void gpu_mix_fold(struct device *d, float *dalpha, float *dbias,
                  const float *partial, const struct layout *l,
                  size_t runs)
{
    struct places p = places_of(l);
    scales_kernel<<<1, (unsigned)p.biases, 0, stream_of(d)>>>(
        dalpha, dbias, partial, runs, (int)mix_scales(l->mix), p);
    gpu_launched(d, "scales_kernel");
}

void gpu_mix_backward(struct device *d, float *dcoefficients,
                      float *dalpha, float *dbias, float *work,
                      const float *coefficients, const float *alpha,
                      const float *bias, const struct layout *l,
                      size_t tokens)
{
    gpu_matrix_backward(d, dcoefficients, coefficients, alpha, bias, l,
                        tokens);
    entries_backward_kernel<<<RUNS,
                              (unsigned)mix_biases(l->mix, l->streams),
                              0, stream_of(d)>>>(
        dcoefficients, work, coefficients, alpha, places_of(l), tokens);
    gpu_launched(d, "entries_backward_kernel");
    gpu_mix_fold(d, dalpha, dbias, work, l, RUNS);
}
