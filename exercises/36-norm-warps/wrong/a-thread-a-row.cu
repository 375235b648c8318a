/* expect: one access of a warp touches */
#include <cuda_runtime.h>
#include "layers/norm.h"
#include "support/lab_kernels.h"

__global__ void norm_kernel(float *out, float *inverse_rms,
                            const float *x, const float *gain,
                            size_t rows, size_t width)
{
    const size_t row = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    float sum = 0;
    if (row >= rows)
        return;
    for (size_t c = 0; c < width; c++)
        sum += x[row * width + c] * x[row * width + c];
    const float mean = sum / (float)width;
    const float scale = 1 / sqrtf(mean + (float)NORM_EPSILON);
    for (size_t c = 0; c < width; c++)
        out[row * width + c] = gain[c] * x[row * width + c] * scale;
    inverse_rms[row] = scale;
}

void rms_norm_by_warps(float *out, float *inverse_rms, const float *x,
                       const float *gain, size_t rows, size_t width)
{
    if (rows > 0)
        norm_kernel<<<(unsigned)((rows + 31) / 32), 32>>>(out,
            inverse_rms, x, gain, rows, width);
}
