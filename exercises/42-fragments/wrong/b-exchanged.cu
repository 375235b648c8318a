/* expect: the two registers of b have changed places */
#include <cuda_runtime.h>
#include "device/tensor.cuh"
#include "support/lab_kernels.h"

#define OF_A { left[0], left[8 * row], left[4], left[8 * row + 4] }
#define OF_B { right[4], right[0] }
#define OF_D { d[0], d[1], d[2], d[3] }
// Multiply with these fragments
__global__ void multiply_kernel(float *y, const unsigned *x,
                                const unsigned *w, size_t outputs,
                                size_t inputs)
{
    const size_t t = (size_t)blockIdx.y * 16;
    const size_t o = (size_t)blockIdx.x * 8;
    const size_t group = threadIdx.x / 4, in_group = threadIdx.x % 4;
    const size_t row = inputs / 2;      /* words */
    float d[4] = { 0, 0, 0, 0 };
    for (size_t i = in_group; i < row; i += 8) {
        const unsigned *left = x + (t + group) * row + i;
        const unsigned *right = w + (o + group) * row + i;
        const unsigned a[4] = OF_A, b[2] = OF_B;
        mma_bf16(d, a, b);
    }
    const float of_d[4] = OF_D;
    float *to = y + (t + group) * outputs + o + 2 * in_group;
    to[0] = of_d[0];
    to[1] = of_d[1];
    to[8 * outputs] = of_d[2];
    to[8 * outputs + 1] = of_d[3];
}

// Launch a warp for each tile
void multiply_by_warps(float *y, const unsigned *x, const unsigned *w,
                       size_t rows, size_t outputs, size_t inputs)
{
    const dim3 grid((unsigned)(outputs / 8), (unsigned)(rows / 16));
    multiply_kernel<<<grid, 32>>>(y, x, w, outputs, inputs);
}
