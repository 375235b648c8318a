#ifndef WRITTEN_CUH
#define WRITTEN_CUH
#include "boundary/eight.cuh"

// Write eight channels of a stream
static __device__ float half_of(unsigned both, int which)
{
    return __uint_as_float(which == 0 ? both << 16
                                      : both & 0xffff0000);
}

/* of stream i: gates are post [n], res [n][n] of the token */
template <int n, class some>
static __device__ some written(const some x[n], some y,
                               const float *gates, int i)
{
    const float *res = gates + n + i * n;
    some next;
    #pragma unroll
    for (size_t k = 0; k < sizeof next.pair / 4; k++) {
        float v[2];
        #pragma unroll
        for (int h = 0; h < 2; h++) {
            v[h] = res[0] * half_of(x[0].pair[k], h);
            #pragma unroll
            for (int j = 1; j < n; j++)
                v[h] += res[j] * half_of(x[j].pair[k], h);
            v[h] += gates[i] * half_of(y.pair[k], h);
        }
        next.pair[k] = pack_bf16(v[0], v[1]);
    }
    return next;
}

// Read a channel of the streams
template <class some>
static __device__ float number(const some &x, int k)
{
    return half_of(x.pair[k / 2], k % 2);
}

/* not rounded yet; pre: of the token */
template <int n, class some>
static __device__ float read(const some x[n], const float *pre, int k)
{
    float in = 0;
    #pragma unroll
    for (int j = 0; j < n; j++)
        in += pre[j] * number(x[j], k);
    return in;
}

// Bring channels of the streams
struct source {
    const uint16_t *stream;         /* [T][n][C] */
    // More of a source of streams
    struct past past;               /* what makes them from there */
};

/* of token t, those from c on; own: how many, or 0 */
template <int n, class some>
static __device__ void streams_at(some x[n], const struct source &from,
                                  size_t t, size_t C, size_t c,
                                  size_t own)
{
    #pragma unroll
    for (int j = 0; j < n; j++) {
        some it = numbers_at<true, some>(
            from.stream + (t * n + j) * C + c, own);
        x[j] = it;
    }
    // Go on from there
    constexpr int OF_ROW = 2 * (2 * n + n * n) + 1;
    #pragma unroll 1
    for (int k = 0; own > 0 && k < from.past.writes; k++) {
        some next[n], y = numbers_at<true, some>(
            (const uint16_t *)from.past.answer[k] + t * C + c, own);
        const float *gates = (const float *)from.past.row[k]
                           + t * OF_ROW + n;
        #pragma unroll
        for (int i = 0; i < n; i++)
            next[i] = written<n>(x, y, gates, i);
        #pragma unroll
        for (int i = 0; i < n; i++)
            x[i] = next[i];
    }
}
#endif
