#include "array/rows.cuh"
#include "device/eight.cuh"
#include "ground/random.h"
#include <float.h>

enum { BLOCK = 128, THREADS = 256, WARPS = 8 };

/* rows of so many bytes each, and how they are rounded */
struct rows {
    fp8 *at;
    size_t columns, bytes, mean_at, streams, first;
    bool by_chance;
    unsigned place;
    const uint32_t *now;        /* seed (2), update, tokens before */
};

/* the chances of four channels from c on, of row t */
static __device__ void draw(float chance[4], const struct rows &a,
                            size_t t, size_t c)
{
    struct philox x = { { (uint32_t)(c / 8),
        (uint32_t)(a.now[3] + a.first + t), a.place, a.now[2] } };
    uint32_t k0 = a.now[0], k1 = a.now[1];
    for (int round = 0; round < 10; round++) {
        // One round of Philox
        uint64_t p0 = (uint64_t)0xd2511f53 * x.word[0];
        uint64_t p1 = (uint64_t)0xcd9e8d57 * x.word[2];
        x = (struct philox){ {
            (uint32_t)(p1 >> 32) ^ x.word[1] ^ k0, (uint32_t)p1,
            (uint32_t)(p0 >> 32) ^ x.word[3] ^ k1, (uint32_t)p0 } };
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    for (int i = 0; i < 4; i++) {
        uint32_t word = x.word[c % 8 / 2 + i / 2];
        uint32_t bits = i % 2 == 0 ? word & 0xffff : word >> 16;
        chance[i] = ((float)bits + .5f) * 0x1p-16f;
    }
}

// Store a row on the gpu
/* the four numbers of a lane from column c on, what is left of them
   without their mean */
static __device__ void four(float x[4], const float *from,
                            const struct rows &a,
                            const struct sixteen *mean, size_t c)
{
    size_t C = a.streams > 0 ? a.columns / a.streams : 1;
    for (size_t k = 0; k < 4; k++) {
        x[k] = c + k < a.columns ? from[c + k] : 0;
        if (a.streams == 1)
            x[k] = 0;
        else if (a.streams > 1 && c + k < a.columns)
            x[k] -= mean[(c + k) % C];
    }
}

static __global__ void __launch_bounds__(THREADS)
rows_store_kernel(struct rows a, const float *from,
                  unsigned long long *counts)
{
    size_t t = blockIdx.x;
    size_t C = a.streams > 0 ? a.columns / a.streams : 0;
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    fp8 *code = a.at + t * a.bytes;
    int8_t *exponent = (int8_t *)code + a.columns;
    struct sixteen *mean = (struct sixteen *)(code + a.mean_at);
    from += t * a.columns;
    // Store the mean of a row on the gpu
    for (size_t c = threadIdx.x; c < C; c += THREADS) {
        float sum = from[c];
        for (size_t i = 1; i < a.streams; i++)
            sum += from[i * C + c];
        mean[c] = sum / (float)a.streams;
    }
    __syncthreads();
    for (size_t b = warp; b * BLOCK < a.columns; b += WARPS) {
        size_t c = b * BLOCK + 4 * lane;
        float x[4], chance[4], amax = 0;
        unsigned infinite = 0, codes = 0;
        four(x, from, a, mean, c);
        for (float v : x) {
            float size = fabsf(v);
            infinite += size > FLT_MAX;
            amax = size > amax && size <= FLT_MAX ? size : amax;
        }
        int k = fp8_exponent(warp_max(amax), e4m3());
        if (a.by_chance)
            draw(chance, a, t, c);
        for (int i = 0; i < 4; i++) {
            float y = x[i] * power(-k);
            unsigned it = a.by_chance
                ? fp8_round_by(y, chance[i], e4m3())
                : fp8_round(y, e4m3());
            codes |= it << 8 * i;
        }
        if (c + 4 <= a.columns)
            *(unsigned *)(code + c) = codes;
        for (size_t i = 0; c + 4 > a.columns && c + i < a.columns; i++)
            code[c + i] = (fp8)(codes >> 8 * i);
        if (lane == 0)
            exponent[b] = (int8_t)k;
        if (infinite > 0 && counts != NULL)
            atomicAdd(&counts[1], (unsigned long long)infinite);
    }
    if (t == 0 && threadIdx.x == 0 && counts != NULL)
        atomicAdd(&counts[0],
                  (unsigned long long)(gridDim.x * a.columns));
}

// Load a row on the gpu
static __device__ float number_at(const fp8 *code,
                                  const int8_t *exponent, size_t c)
{
    return fp8_widen(code[c], e4m3()) * power(exponent[c / BLOCK]);
}

static __global__ void __launch_bounds__(THREADS)
rows_load_kernel(float *to, struct rows a)
{
    size_t t = blockIdx.x, n = a.streams > 0 ? a.streams : 1;
    size_t C = a.columns / n;
    const fp8 *code = a.at + t * a.bytes;
    const int8_t *exponent = (const int8_t *)code + a.columns;
    const auto *mean = (const struct sixteen *)(code + a.mean_at);
    to += t * a.columns;
    for (size_t c = threadIdx.x; c < C; c += THREADS) {
        float more = number_at(code, exponent, c);
        for (size_t i = 1; i < n; i++)
            more += number_at(code, exponent, i * C + c);
        if (a.streams > 0)
            more = mean[c] - more / (float)n;
        for (size_t i = 0; i < n; i++) {
            float x = number_at(code, exponent, i * C + c);
            to[i * C + c] = a.streams > 0 ? x + more : x;
        }
    }
}

static struct rows rows_of(const struct device *d, struct array a)
{
    const struct gpu *g = (const struct gpu *)d->state;
    size_t codes = a.columns + (a.columns + BLOCK - 1) / BLOCK;
    bool by_chance = a.eight != NULL && a.eight->by_chance;
    return (struct rows){ (fp8 *)a.at, a.columns, row_bytes(a),
        rows_of_sixteen(codes), a.streams, a.first, by_chance, a.place,
        g->now };
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
