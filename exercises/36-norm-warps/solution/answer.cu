#include <cuda_runtime.h>
#include "layers/norm.h"
#include "support/lab_kernels.h"

enum { LANES = 32, WARPS = 4 };

__global__ void norm_kernel(float *out, float *inverse_rms,
                            const float *x, const float *gain,
                            size_t rows, size_t width)
{
    const size_t warp = threadIdx.x / LANES, lane = threadIdx.x % LANES;
    const size_t row = (size_t)blockIdx.x * WARPS + warp;
    float sum = 0;
    if (row >= rows)
        return;
    for (size_t c = lane; c < width; c += LANES)
        sum += x[row * width + c] * x[row * width + c];
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(0xffffffff, sum, distance);
    const float mean = sum / (float)width;
    const float scale = 1 / sqrtf(mean + (float)NORM_EPSILON);
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
