#ifndef ROUNDED_CUH
#define ROUNDED_CUH
#include "array/draws.cuh"
#include "boundary/written.cuh"
#include <float.h>

/* Streams of tokens in E4M3: rows of nC codes, an exponent for each
   128, up to so many bytes; and how they are rounded */
struct eight_rows {
    fp8 *at;
    size_t bytes, columns;
    struct drawing how;
    unsigned long long *counts;     /* stored, infinite */
};

/* channels from `column` on of token t, exact in bf16 */
template <class some>
static __device__ some stored(const struct eight_rows &s, size_t t,
                              size_t column, size_t own)
{
    constexpr int HAS = sizeof(some) / 2;
    some x = { };
    if (own == 0)
        return x;
    const fp8 *row = s.at + t * s.bytes;
    uint2 codes = { };
    float scale = power(((const int8_t *)row)[s.columns
                                              + column / 128]);
    if (HAS == 8)
        codes = *(const uint2 *)(row + column);
    else
        codes.x = *(const unsigned *)(row + column);
    #pragma unroll
    for (int k = 0; k < HAS; k += 2) {
        unsigned two = (k < 4 ? codes.x : codes.y) >> k % 4 * 8;
        float v = fp8_widen(two & 0xff, e4m3()) * scale;
        float w = fp8_widen(two >> 8 & 0xff, e4m3()) * scale;
        x.pair[k / 2] = __float_as_uint(v) >> 16
                      | (__float_as_uint(w) & 0xffff0000);
    }
    return x;
}

/* channel k of stream i as `written` makes it, but not rounded */
template <int n, class some>
static __device__ float next_at(const some x[n], const some &y,
                                const float *gates, int i, int k)
{
    const float *res = gates + n + i * n;
    float v = res[0] * number(x[0], k);
    #pragma unroll
    for (int j = 1; j < n; j++)
        v += res[j] * number(x[j], k);
    return v + gates[i] * number(y, k);
}

static __device__ float larger(float most, float x)
{
    float size = fabsf(x);
    return size > most && size <= FLT_MAX ? size : most;
}

/* some channels: their codes, their exponent, and what these mean */
template <class some> struct rounded_channels {
    unsigned codes[sizeof(some) / 8];
    int exponent, infinite;
    some kept;
};

template <class some>
static __device__ struct rounded_channels<some> rounded_by(
    const float v[sizeof(some) / 2], int exponent,
    const struct eight_rows &s, size_t t, size_t column)
{
    constexpr int HAS = sizeof(some) / 2;
    struct rounded_channels<some> to = { };
    struct philox x = { };
    to.exponent = exponent;
    if (s.how.by_chance)
        x = draws(s.how, t, column);
    #pragma unroll
    for (int k = 0; k < HAS; k += 2) {
        float a = v[k] * power(-exponent);
        float b = v[k + 1] * power(-exponent);
        unsigned two = !s.how.by_chance ? e4m3_pair(a, b)
            : fp8_round_by(a, chance(x, column + k), e4m3())
              | (unsigned)fp8_round_by(b, chance(x, column + k + 1),
                                       e4m3()) << 8;
        a = fp8_widen(two & 0xff, e4m3()) * power(exponent);
        b = fp8_widen(two >> 8, e4m3()) * power(exponent);
        to.codes[k / 4] |= two << k % 4 * 8;
        to.kept.pair[k / 2] = __float_as_uint(a) >> 16
                            | (__float_as_uint(b) & 0xffff0000);
        to.infinite += (fabsf(v[k]) > FLT_MAX)
                     + (fabsf(v[k + 1]) > FLT_MAX);
    }
    return to;
}

template <class some>
static __device__ struct rounded_channels<some> rounded_to(
    const float v[sizeof(some) / 2], float amax,
    const struct eight_rows &s, size_t t, size_t column)
{
    return rounded_by<some>(v, fp8_exponent(amax, e4m3()), s, t,
                            column);
}

/* by one lane of a block of 128, its exponent too */
template <class some>
static __device__ void store(const struct eight_rows &s, size_t t,
                             size_t column,
                             const struct rounded_channels<some> &c,
                             bool exponent)
{
    constexpr int HAS = sizeof(some) / 2;
    fp8 *row = s.at + t * s.bytes;
    if (HAS == 8)
        *(uint2 *)(row + column) = { c.codes[0], c.codes[HAS / 4 - 1] };
    else
        *(unsigned *)(row + column) = c.codes[0];
    if (exponent)
        row[s.columns + column / 128] = (fp8)c.exponent;
    if (c.infinite > 0 && s.counts != NULL)
        atomicAdd(&s.counts[1], (unsigned long long)c.infinite);
}

/* so many numbers were stored: by each thread, once */
static __device__ void count_stored(const struct eight_rows &s,
                                    size_t numbers)
{
    if (blockIdx.x == 0 && threadIdx.x == 0 && s.counts != NULL)
        atomicAdd(&s.counts[0], (unsigned long long)numbers);
}

// The largest of a block of channels
/* amax[r][i]: of token g + 8 r and stream i, of a lane's channels;
   becomes that of all lanes and warps, SPAN of them, that share their
   exponent. All threads of the block; room: [WARPS][TILE][n] */
template <int SPAN, int TILE, int n, int EACH>
static __device__ void largest(float (&amax)[EACH][n], float *room)
{
    int warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    for (int r = 0; r < EACH; r++)
        for (int i = 0; i < n; i++) {
            float a = amax[r][i];
            a = fmaxf(a, __shfl_xor_sync(~0u, a, 1));
            a = fmaxf(a, __shfl_xor_sync(~0u, a, 2));
            int at = lane / 4 + 8 * r;
            if (lane % 4 == 0)
                room[(warp * TILE + at) * n + i] = a;
        }
    __syncthreads();
    for (int r = 0; r < EACH; r++)
        for (int i = 0; i < n; i++) {
            int first = warp / SPAN * SPAN, at = lane / 4 + 8 * r;
            float a = 0;
            for (int w = first; w < first + SPAN; w++)
                a = fmaxf(a, room[(w * TILE + at) * n + i]);
            amax[r][i] = a;
        }
}

static inline struct eight_rows eight_rows(const struct device *d,
                                           struct array a)
{
    const struct gpu *g = (const struct gpu *)d->state;
    return { (fp8 *)a.at, row_bytes(a), a.columns, drawing_of(d, a),
             a.eight != NULL ? g->counts : NULL };
}
#endif
