#include "array/rows.cuh"
#include "array/draws.cuh"
#include <float.h>

enum { BLOCK = 128, THREADS = 256, WARPS = 8 };

/* rows of so many bytes each, and how they are rounded */
struct rows {
    fp8 *at;
    size_t bytes, mean_at;
    unsigned columns, streams, width;   /* of a stream, or all */
    struct drawing how;
};

// Store a row on the gpu
/* the four numbers of a lane from column c on, what is left of them
   without their mean */
static __device__ void four(float x[4], const float *from,
                            const struct rows &a,
                            const struct sixteen *mean, unsigned c)
{
    for (unsigned k = 0; k < 4; k++) {
        x[k] = c + k < a.columns ? from[c + k] : 0;
        if (a.streams == 1)
            x[k] = 0;
        else if (a.streams > 1 && c + k < a.columns)
            x[k] -= mean[(c + k) % a.width];
    }
}

static __global__ void __launch_bounds__(THREADS)
rows_store_kernel(struct rows a, const float *from,
                  unsigned long long *counts)
{
    size_t t = blockIdx.x;
    unsigned C = a.streams > 0 ? a.width : 0;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    fp8 *code = a.at + t * a.bytes;
    int8_t *exponent = (int8_t *)code + a.columns;
    struct sixteen *mean = (struct sixteen *)(code + a.mean_at);
    from += t * a.columns;
    // Store the mean of a row on the gpu
    for (unsigned c = threadIdx.x; c < C; c += THREADS) {
        float sum = from[c];
        for (unsigned i = 1; i < a.streams; i++)
            sum += from[i * C + c];
        mean[c] = sum / (float)a.streams;
    }
    __syncthreads();
    for (unsigned b = warp; b * BLOCK < a.columns; b += WARPS) {
        unsigned c = b * BLOCK + 4 * lane;
        float x[4], amax = 0;
        struct philox bits = { };
        unsigned infinite = 0, codes = 0;
        four(x, from, a, mean, c);
        for (float v : x) {
            float size = fabsf(v);
            infinite += size > FLT_MAX;
            amax = size > amax && size <= FLT_MAX ? size : amax;
        }
        int k = fp8_exponent(warp_max(amax), e4m3());
        if (a.how.by_chance)
            bits = draws(a.how, t, c);
        for (int i = 0; i < 4; i++) {
            float y = x[i] * power(-k);
            unsigned it = a.how.by_chance
                ? fp8_round_by(y, chance(bits, c + i), e4m3())
                : fp8_round(y, e4m3());
            codes |= it << 8 * i;
        }
        if (c + 4 <= a.columns)
            *(unsigned *)(code + c) = codes;
        for (int i = 0; c + 4 > a.columns && c + i < a.columns; i++)
            code[c + i] = (fp8)(codes >> 8 * i);
        if (lane == 0)
            exponent[b] = (int8_t)k;
        if (infinite > 0 && counts != NULL)
            atomicAdd(&counts[1], (unsigned long long)infinite);
    }
    if (t == 0 && threadIdx.x == 0 && counts != NULL)
        atomicAdd(&counts[0],
                  (unsigned long long)gridDim.x * a.columns);
}

// Load a row on the gpu
static __device__ float number_at(const fp8 *code,
                                  const int8_t *exponent, unsigned c)
{
    return fp8_widen(code[c], e4m3()) * power(exponent[c / BLOCK]);
}

static __global__ void __launch_bounds__(THREADS)
rows_load_kernel(float *to, struct rows a)
{
    size_t t = blockIdx.x;
    unsigned n = a.streams > 0 ? a.streams : 1, C = a.width;
    const fp8 *code = a.at + t * a.bytes;
    const int8_t *exponent = (const int8_t *)code + a.columns;
    const auto *mean = (const struct sixteen *)(code + a.mean_at);
    to += t * a.columns;
    for (unsigned c = threadIdx.x; c < C; c += THREADS) {
        float more = number_at(code, exponent, c);
        for (unsigned i = 1; i < n; i++)
            more += number_at(code, exponent, i * C + c);
        if (a.streams > 0)
            more = mean[c] - more / (float)n;
        for (unsigned i = 0; i < n; i++) {
            float x = number_at(code, exponent, i * C + c);
            to[i * C + c] = a.streams > 0 ? x + more : x;
        }
    }
}

static struct rows rows_of(const struct device *d, struct array a)
{
    size_t codes = a.columns + (a.columns + BLOCK - 1) / BLOCK;
    unsigned n = (unsigned)a.streams, all = (unsigned)a.columns;
    return (struct rows){ (fp8 *)a.at, row_bytes(a),
        rows_of_sixteen(codes), all, n, n > 0 ? all / n : all,
        drawing_of(d, a) };
}

void gpu_rows_store(struct device *d, struct array to,
                    const float *from)
{
    const struct gpu *g = (const struct gpu *)d->state;
    if (to.rows == 0)
        return;
    rows_store_kernel<<<(unsigned)to.rows, THREADS, 0, stream_of(d)>>>(
        rows_of(d, to), from, to.eight != NULL ? g->counts : NULL);
    gpu_launched(d, "rows_store_kernel");
}

void gpu_rows_load(struct device *d, float *to, struct array from)
{
    if (from.rows == 0)
        return;
    rows_load_kernel<<<(unsigned)from.rows, THREADS, 0,
                       stream_of(d)>>>(to, rows_of(d, from));
    gpu_launched(d, "rows_load_kernel");
}
