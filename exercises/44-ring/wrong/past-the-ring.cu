/* expect: accesses of warps to device memory */
// A ring of three stages
#include <cuda_runtime.h>
#include "device/hopper.cuh"
#include "support/lab_kernels.h"

enum { LANES = 32, READERS = 4, STAGES = 3, WIDE = READERS * LANES };

struct stage { float x[WIDE], y[WIDE]; };

// Fill a stage, with zeros behind the end
__device__ void fill(struct stage *stage, const float *x,
                     const float *y, size_t left, unsigned lane)
{
    for (unsigned k = lane; k < WIDE; k += LANES) {
        stage->x[k] = k < left ? x[k] : 0;
        stage->y[k] = k < left ? y[k] : 0;
    }
}

// Add up what the readers have
__device__ void finish(float *dot, float sum, unsigned warp,
                       unsigned lane)
{
    __shared__ float of_warp[1 + READERS];
    for (int distance = LANES / 2; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(0xffffffff, sum, distance);
    if (lane == 0)
        of_warp[warp] = sum;
    __syncthreads();
    if (threadIdx.x > 0)
        return;
    sum = 0;
    for (int w = 1; w <= READERS; w++)
        sum += of_warp[w];
    *dot = sum;
}

__global__ void dot_kernel(float *dots, const float *x, const float *y,
                           size_t width)
{
    __shared__ struct stage stages[STAGES];
    __shared__ uint64_t full[STAGES], empty[STAGES];
    const unsigned warp = threadIdx.x / LANES;
    const unsigned lane = threadIdx.x % LANES;
    const size_t row = (size_t)blockIdx.x * width;
    unsigned step = 0;
    float sum = 0;
// Make the ring's barriers
    if (threadIdx.x < STAGES) {
        mbarrier_init(&full[threadIdx.x], LANES);
        mbarrier_init(&empty[threadIdx.x], READERS);
    }
    __syncthreads();
    for (size_t c = 0; c < width; c += WIDE, step++) {
        const unsigned s = step % STAGES, round = step / STAGES % 2;
// Fill the stages in turn
        if (warp == 0) {
            mbarrier_wait(&empty[s], round ^ 1);
            fill(&stages[s], x + row + c, y + row + c, width - c, lane);
            mbarrier_arrive(&full[s]);
        } else {
            const size_t k = (warp - 1) * LANES + lane;
            mbarrier_wait(&full[s], round);
            if (c + k < width)
                sum += x[row + c + k] * y[row + c + k];
            __syncwarp();
            if (lane == 0)
                mbarrier_arrive(&empty[s]);
        }
    }
// Launch the ring
    finish(&dots[blockIdx.x], sum, warp, lane);
}

void dot_rows(float *dots, const float *x, const float *y, size_t rows,
              size_t width)
{
    if (rows > 0)
        dot_kernel<<<(unsigned)rows, (1 + READERS) * LANES>>>(
            dots, x, y, width);
}
