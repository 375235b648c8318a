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
    (void)lane; (void)row; (void)out; (void)inverse_rms;
    (void)x; (void)gain; (void)rows; (void)width;
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
