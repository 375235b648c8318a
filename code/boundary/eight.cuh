#ifndef EIGHT_CUH
#define EIGHT_CUH
#include "device/gpu.cuh"
#include "device/tensor.cuh"

enum { EIGHT = 8 };         /* channels of a lane at a time */

// Eight channels of a lane
/* of floats: each is high + low, but for 2^-22 of it */
template <int many> struct pieces { unsigned high[many], low[many]; };

template <int many>
static __device__ void split(struct pieces<many> *p, int i, float x)
{
    p->high[i] = tf32(x);
    p->low[i] = tf32(x - __uint_as_float(p->high[i]));
}
struct alignas(16) numbers { unsigned pair[EIGHT / 2]; };
struct alignas(16) eight_floats { float at[EIGHT]; };

/* the first `left` of eight; WIDE: all, if any, or as many as `some`
   has */
template <bool WIDE, class some = struct numbers>
static __device__ some numbers_at(const uint16_t *from, size_t left)
{
    some x = { };
    if (WIDE && left > 0)
        x = *(const some *)from;
    #pragma unroll
    for (size_t i = 0; i < (WIDE ? 0 : EIGHT); i++)
        if (i < left)
            x.pair[i / 2] |= (unsigned)from[i] << (i % 2 * 16);
    return x;
}

template <bool WIDE>
static __device__ struct eight_floats weights_at(const float *from,
                                            size_t left)
{
    struct eight_floats w = { };
    if (WIDE && left > 0)
        w = *(const struct eight_floats *)from;
    #pragma unroll
    for (size_t i = 0; i < (WIDE ? 0 : EIGHT); i++)
        if (i < left)
            w.at[i] = from[i];
    return w;
}

/* sum += x w, over eight channels of each lane: fragments of 16 tokens,
   8 many outputs; squares += those of x, of rows g and g + 8 */
// Multiply eight channels of each lane
template <int fragments, int many>
static __device__ __forceinline__ void multiply_eight(
    float sum[][many][4], float squares[][2],
    const struct numbers x[][2], const struct eight_floats w[])
{
    #pragma unroll
    for (int s = 0; s < EIGHT / 2; s++) {
        struct pieces<2> b[many];
        #pragma unroll
        for (int n = 0; n < 2 * many; n++) {
            split(&b[n / 2], n % 2, w[n / 2].at[2 * s + n % 2]);
        }
        #pragma unroll
        for (int m = 0; m < fragments; m++) {
            unsigned a[4];
            #pragma unroll
            for (int r = 0; r < 4; r++) {
                unsigned both = x[m][r % 2].pair[s];
                a[r] = r < 2 ? both << 16 : both & 0xffff0000;
                float number = __uint_as_float(a[r]);
                squares[m][r % 2] += number * number;
            }
            #pragma unroll
            for (int j = 0; j < many; j++) {
                mma_tf32(sum[m][j], a, b[j].low);
                mma_tf32(sum[m][j], a, b[j].high);
            }
        }
    }
}

// Leave the sums of a fragment
/* part [16][8 many + 1]: a warp's sums of 16 tokens, and squares */
template <int many>
static __device__ __forceinline__ void leave(
    float part[][8 * many + 1], const float sum[][4],
    const float squares[])
{
    int lane = threadIdx.x % WARP;
    int group = lane / 4, in_group = lane % 4;
    #pragma unroll
    for (int r = 0; r < 2; r++) {
        float square = squares[r];
        square += __shfl_xor_sync(~0u, square, 1);
        square += __shfl_xor_sync(~0u, square, 2);
        if (in_group == 0)
            part[group + 8 * r][8 * many] = square;
    }
    #pragma unroll
    for (int n = 0; n < 4 * many; n++)
        part[group + n / 2 % 2 * 8][n / 4 * 8 + in_group * 2 + n % 2]
            = sum[n / 4][n % 4];
}
#endif
