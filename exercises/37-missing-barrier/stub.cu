#include <cuda_runtime.h>
#include "support/lab_kernels.h"

enum { LANES = 32, WARPS = 4, THREADS = WARPS * LANES };

__global__ void running_sums_kernel(float *sums, const float *x,
                                    size_t width)
{
    __shared__ float total[WARPS];
    const size_t lane = threadIdx.x % LANES, warp = threadIdx.x / LANES;
    const size_t row = (size_t)blockIdx.x * width;
    float carried = 0;
    for (size_t begin = 0; begin < width; begin += THREADS) {
        const size_t c = begin + threadIdx.x;
        float sum = c < width ? x[row + c] : 0;
        for (unsigned distance = 1; distance < LANES; distance *= 2) {
            const float left = __shfl_up_sync(0xffffffff, sum,
                                              distance);
            if (lane >= distance)
                sum += left;
        }
        if (lane == LANES - 1)
            total[warp] = sum;
        float before = carried;
        for (size_t w = 0; w < warp; w++)
            before += total[w];
        if (c < width)
            sums[row + c] = before + sum;
        __syncthreads();
        for (size_t w = 0; w < WARPS; w++)
            carried += total[w];
        __syncthreads();
    }
}

void running_sums(float *sums, const float *x, size_t rows,
                  size_t width)
{
    if (rows > 0)
        running_sums_kernel<<<(unsigned)rows, THREADS>>>(sums, x,
                                                         width);
}
