/* expect: out of bounds */
#include <cuda_runtime.h>
#include "layers/norm.h"
#include "support/lab_kernels.h"
#define FIRST LANES / 2
#define COUNT (float)width
#define LAST (width + LANES - 1) / LANES * LANES
#define AT_THE_END if (row >= rows) return;
// A norm by warps, with macros
enum { LANES = 32, WARPS = 4 };

__global__ void norm_kernel(float *out, float *inverse_rms,
                            const float *x, const float *gain,
                            size_t rows, size_t width)
{
    const size_t warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
    size_t row = (size_t)blockIdx.x * WARPS + warp;
    float sum = 0;
    AT_THE_END
    for (size_t c = lane; c < LAST; c += LANES)
        sum += x[row * width + c] * x[row * width + c];
    for (int distance = FIRST; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(0xffffffff, sum, distance);
    const float scale = 1 / sqrtf(sum / COUNT + (float)NORM_EPSILON);
    for (size_t c = lane; c < width; c += LANES)
        out[row * width + c] = gain[c] * x[row * width + c] * scale;
    if (lane == 0)
        inverse_rms[row] = scale;
}

void rms_norm_by_warps(float *out, float *inverse_rms, const float *x,
                       const float *gain, size_t rows, size_t width)
{
    if (rows == 0)
        return;
    norm_kernel<<<(unsigned)((rows + WARPS - 1) / WARPS),
                  WARPS * LANES>>>(out, inverse_rms, x, gain, rows,
                                   width);
}
