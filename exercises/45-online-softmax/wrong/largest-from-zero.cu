/* expect: begin with a number */
#define SHRINK most == -INFINITY ? 0 : expf(most - larger)
#define WEIGHT x == -INFINITY ? 0 : expf(x - fmaxf(larger, 0))
#define SUM_SHRINKS * shrink
#define MEAN_SHRINKS * shrink
#define JOIN expf(fmaxf(most, 0) - fmaxf(all, 0))
#define TOTAL warp_total
#define LARGEST fmaxf(all, 0) +
// An online softmax with these steps
// A total of a warp, and the largest
#include <cuda_runtime.h>
#include "support/lab_kernels.h"

__device__ float warp_total(float x)
{
    for (int distance = 16; distance > 0; distance /= 2)
        x += __shfl_xor_sync(0xffffffff, x, distance);
    return x;
}
__device__ float warp_most(float x)
{
    for (int distance = 16; distance > 0; distance /= 2)
        x = fmaxf(x, __shfl_xor_sync(0xffffffff, x, distance));
    return x;
}

__global__ void online_kernel(float *mean, float *lse,
                              const float *score, const float *value,
                              size_t keys)
{
    const float *row = score + blockIdx.x * keys;
    float most = -INFINITY, sum = 0, values = 0;
    for (size_t k = threadIdx.x; k < keys; k += 32) {
        const float x = row[k], larger = fmaxf(most, x);
        const float shrink = SHRINK, weight = WEIGHT;
        (void)shrink;
        sum = sum SUM_SHRINKS + weight;
        values = values MEAN_SHRINKS + weight * value[k];
        most = larger;
    }
    const float all = warp_most(most), join = JOIN;
    sum = TOTAL(sum * join);
    values = TOTAL(values * join);
    if (threadIdx.x == 0) {
        mean[blockIdx.x] = values / sum;
        lse[blockIdx.x] = LARGEST logf(sum);
    }
}

// Launch a warp for each row
void online_means(float *mean, float *lse, const float *score,
                  const float *value, size_t rows, size_t keys)
{
    if (rows > 0)
        online_kernel<<<(unsigned)rows, 32>>>(mean, lse, score, value,
                                              keys);
}
