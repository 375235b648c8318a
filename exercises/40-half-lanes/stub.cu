#include <cuda_runtime.h>
#include "support/lab_kernels.h"

// The sum of a warp
__device__ float warp_total(float sum)
{
    for (int distance = 16; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(0xffffffff, sum, distance);
    return sum;
}

__device__ float block_total(float sum)
{
    __shared__ float of_warp[32];
    const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const unsigned warps = blockDim.x / 32;
    sum = warp_total(sum);
    if (lane == 0)
        of_warp[warp] = sum;
    __syncthreads();
    sum = lane < warps ? of_warp[lane] : 0;
    for (int distance = 8; distance > 0; distance /= 2)
        sum += __shfl_down_sync(0xffffffff, sum, distance);
    return __shfl_sync(0xffffffff, sum, 0);
}

// Normalise with the total of a block
__global__ void normalise_kernel(float *out, const float *x,
                                 size_t width)
{
    const size_t row = (size_t)blockIdx.x * width;
    float sum = 0;
    for (size_t c = threadIdx.x; c < width; c += blockDim.x)
        sum += x[row + c] * x[row + c];
    const float total = block_total(sum);
    const float scale = 1 / sqrtf(total / (float)width);
    for (size_t c = threadIdx.x; c < width; c += blockDim.x)
        out[row + c] = x[row + c] * scale;
}

void normalise_by_blocks(float *out, const float *x, size_t rows,
                         size_t width, unsigned threads)
{
    if (rows > 0)
        normalise_kernel<<<(unsigned)rows, threads>>>(out, x, width);
}
