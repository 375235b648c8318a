#include "boundary/project.cuh"
#include "device/tensor.cuh"
#include "layers/norm.h"
#include "mix/places.cuh"

enum { TOKENS = 64, ROWS = 16,  /* of a block, of a fragment */
       OUTPUTS = 24,            /* at a time */
       SHARES = 8,              /* of the channels, a warp each */
       LANES = SHARES * 32,
       EIGHT = 8 };             /* channels of a lane at a time */

// Eight channels of a lane
struct alignas(16) numbers { unsigned pair[EIGHT / 2]; };
struct alignas(16) weights { float at[EIGHT]; };

/* the first `left` of eight; WIDE: all, if any */
template <bool WIDE>
static __device__ struct numbers numbers_at(const uint16_t *from,
                                            size_t left)
{
    struct numbers x = { };
    if (WIDE && left > 0)
        x = *(const struct numbers *)from;
    #pragma unroll
    for (size_t i = 0; i < (WIDE ? 0 : EIGHT); i++)
        if (i < left)
            x.pair[i / 2] |= (unsigned)from[i] << (i % 2 * 16);
    return x;
}

template <bool WIDE>
static __device__ struct weights weights_at(const float *from,
                                            size_t left)
{
    struct weights w = { };
    if (WIDE && left > 0)
        w = *(const struct weights *)from;
    #pragma unroll
    for (size_t i = 0; i < (WIDE ? 0 : EIGHT); i++)
        if (i < left)
            w.at[i] = from[i];
    return w;
}

// Project by fragments
template <bool WIDE>
static __global__ void __launch_bounds__(LANES)
project_kernel(float *coefficients, const uint16_t *stream,
               const float *phi, struct places p, size_t tokens)
{
    size_t first = (size_t)blockIdx.x * TOKENS, part = blockIdx.y;
    int share = threadIdx.x / WARP, lane = threadIdx.x % WARP;
    int group = lane / 4, in_group = lane % 4;
    for (int begin = 0; begin < p.outputs; begin += OUTPUTS) {
        float sum[TOKENS / ROWS][OUTPUTS / 8][4] = { };
        float squares[TOKENS / ROWS][2] = { };
        for (size_t c0 = share * 4 * EIGHT; c0 < p.inputs;
             c0 += SHARES * 4 * EIGHT) {
            size_t c = c0 + in_group * EIGHT;
            size_t left = c < p.inputs ? p.inputs - c : 0;
            // Load the lane's weights and numbers
            struct weights w[OUTPUTS / 8];
            struct numbers x[TOKENS / ROWS][2];
            #pragma unroll
            for (int j = 0; j < OUTPUTS / 8; j++) {
                int k = begin + 8 * j + group;
                w[j] = weights_at<WIDE>(phi + k * p.inputs + c,
                                        k < p.outputs ? left : 0);
            }
            #pragma unroll
            for (int m = 0; m < TOKENS / ROWS * 2; m++) {
                size_t t = first + 8 * m + group;
                x[m / 2][m % 2] = numbers_at<WIDE>(
                    stream + (t * p.parts + part) * p.inputs + c,
                    t < tokens ? left : 0);
            }
            // Multiply two channels of each lane at a time
            #pragma unroll
            for (int s = 0; s < EIGHT / 2; s++) {
                unsigned high[OUTPUTS / 8][2], low[OUTPUTS / 8][2];
                #pragma unroll
                for (int n = 0; n < OUTPUTS / 4; n++) {
                    float whole = w[n / 2].at[2 * s + n % 2];
                    high[n / 2][n % 2] = tf32(whole);
                    low[n / 2][n % 2]
                        = tf32(whole - __uint_as_float(high[n / 2][n % 2]));
                }
                #pragma unroll
                for (int m = 0; m < TOKENS / ROWS; m++) {
                    unsigned a[4];
                    #pragma unroll
                    for (int r = 0; r < 4; r++) {
                        unsigned both = x[m][r % 2].pair[s];
                        a[r] = r < 2 ? both << 16 : both & 0xffff0000;
                        float number = __uint_as_float(a[r]);
                        squares[m][r % 2] += number * number;
                    }
                    #pragma unroll
                    for (int j = 0; j < OUTPUTS / 8; j++) {
                        mma_tf32(sum[m][j], a, low[j]);
                        mma_tf32(sum[m][j], a, high[j]);
                    }
                }
            }
        }
        // Add up the shares, and store
        __shared__ float parts[SHARES][ROWS][OUTPUTS + 1];
        #pragma unroll
        for (int m = 0; m < TOKENS / ROWS; m++) {
            // Leave the sums of a fragment
            #pragma unroll
            for (int r = 0; r < 2; r++) {
                float square = squares[m][r];
                square += __shfl_xor_sync(~0u, square, 1);
                square += __shfl_xor_sync(~0u, square, 2);
                if (in_group == 0)
                    parts[share][group + 8 * r][OUTPUTS] = square;
            }
            #pragma unroll
            for (int n = 0; n < OUTPUTS / 2; n++)
                parts[share][group + n / 2 % 2 * 8][n / 4 * 8 + in_group * 2
                                                    + n % 2] = sum[m][n / 4][n % 4];
            __syncthreads();
            for (int n = threadIdx.x; n < ROWS * (OUTPUTS + 1); n += LANES) {
                size_t t = first + m * ROWS + n / (OUTPUTS + 1);
                int k = n % (OUTPUTS + 1);
                float all = 0;
                for (int w = 0; w < SHARES; w++)
                    all += parts[w][n / (OUTPUTS + 1)][k];
                float *row = coefficients + t * p.row;
                if (t < tokens && k < OUTPUTS && begin + k < p.outputs)
                    row[p.raw + part * p.outputs + begin + k] = all;
                if (t < tokens && k == OUTPUTS && begin == 0)
                    row[p.rms + part] = 1 / sqrtf(all / (float)p.inputs
                                                  + (float)NORM_EPSILON);
            }
            __syncthreads();
        }
    }
}

// Launch the projections
void gpu_project_sixteen(struct device *d, float *coefficients,
                         const void *stream, const float *phi,
                         const struct layout *l, size_t tokens)
{
    struct places p = places_of(l);
    bool wide = p.inputs % EIGHT == 0 && (uintptr_t)stream % 16 == 0
             && (uintptr_t)phi % 16 == 0;
    if (tokens == 0 || p.outputs == 0)
        return;
    dim3 blocks(blocks_for(tokens, TOKENS), (unsigned)p.parts);
    auto kernel = wide ? project_kernel<true> : project_kernel<false>;
    kernel<<<blocks, LANES, 0, stream_of(d)>>>(
        coefficients, (const uint16_t *)stream, phi, p, tokens);
    gpu_launched(d, "project_kernel");
}
