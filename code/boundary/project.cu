#include "boundary/eight.cuh"
#include "boundary/project.cuh"
#include "layers/norm.h"
#include "mix/places.cuh"

enum { TOKENS = 64, ROWS = 16,  /* of a block, of a fragment */
       OUTPUTS = 24,            /* at a time */
       SHARES = 8,              /* of the channels, a warp each */
       LANES = SHARES * 32 };

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
            struct eight_floats w[OUTPUTS / 8];
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
            multiply_eight<TOKENS / ROWS, OUTPUTS / 8>(sum, squares, x,
                                                       w);
        }
        // Add up the shares, and store
        __shared__ float parts[SHARES][ROWS][OUTPUTS + 1];
        #pragma unroll
        for (int m = 0; m < TOKENS / ROWS; m++) {
            leave<OUTPUTS / 8>(parts[share], sum[m], squares[m]);
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
