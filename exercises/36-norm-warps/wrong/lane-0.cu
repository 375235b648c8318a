/* expect: the warps access memory */
#include <cuda_runtime.h>
#include "layers/norm.h"
#include "support/lab_kernels.h"

__global__ void norm_kernel(float *out, float *inverse_rms,
                            const float *x, const float *gain,
                            size_t rows, size_t width)
{
    size_t r = blockIdx.x;
    float sum = 0;
    if (threadIdx.x > 0)
        return;
    for (size_t c = 0; c < width; c++)
        sum += x[r * width + c] * x[r * width + c];
    float scale = 1 / sqrtf(sum / (float)width + (float)NORM_EPSILON);
    inverse_rms[r] = scale;
    for (size_t c = 0; c < width; c++)
        out[r * width + c] = gain[c] * x[r * width + c] * scale;
}

void rms_norm_by_warps(float *out, float *inverse_rms, const float *x,
                       const float *gain, size_t rows, size_t width)
{
    if (rows > 0)
        norm_kernel<<<(unsigned)rows, 32>>>(out, inverse_rms, x, gain,
                                            rows, width);
}
