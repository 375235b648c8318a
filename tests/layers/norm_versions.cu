#include "layers/norm_versions.h"
#include "layers/norm.h"
#include "device/gpu.cuh"

// Norms that are not in the program
__global__ void norm_1_kernel(float *out, float *inverse_rms,
                              const float *x, const float *gain,
                              size_t rows, size_t width)
{
    size_t t = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (t >= rows)
        return;
    const float *row = x + t * width;
    float sum = 0;
    for (size_t c = 0; c < width; c++)
        sum += row[c] * row[c];
    float r = 1 / sqrtf(sum / (float)width + (float)NORM_EPSILON);
    for (size_t c = 0; c < width; c++)
        out[t * width + c] = gain[c] * (row[c] * r);
    inverse_rms[t] = r;
}
enum { THREADS = 256 };

__global__ void norm_2_kernel(float *out, float *inverse_rms,
                              const float *x, const float *gain,
                              size_t width)
{
    __shared__ float part[THREADS];
    size_t t = blockIdx.x, i = threadIdx.x;
    const float *row = x + t * width;
    float sum = 0;
    for (size_t c = i; c < width; c += THREADS)
        sum += row[c] * row[c];
    part[i] = sum;
    __syncthreads();
    for (size_t half = THREADS / 2; half > 0; half /= 2) {
        if (i < half)
            part[i] += part[i + half];
        __syncthreads();
    }
    float r = 1 / sqrtf(part[0] / (float)width + (float)NORM_EPSILON);
    for (size_t c = i; c < width; c += THREADS)
        out[t * width + c] = gain[c] * (row[c] * r);
    if (i == 0)
        inverse_rms[t] = r;
}

// Launches of the norms that are not in the program
void norm_1_forward(struct device *d, float *out, float *inverse_rms,
                    const float *x, const float *gain, size_t rows,
                    size_t width)
{
    if (rows == 0)
        return;
    norm_1_kernel<<<blocks_for(rows, THREADS), THREADS, 0,
                    stream_of(d)>>>(out, inverse_rms, x, gain, rows,
                                    width);
    gpu_launched(d, "norm_1_kernel");
}

void norm_2_forward(struct device *d, float *out, float *inverse_rms,
                    const float *x, const float *gain, size_t rows,
                    size_t width)
{
    if (rows == 0)
        return;
    norm_2_kernel<<<(unsigned)rows, THREADS, 0, stream_of(d)>>>(
        out, inverse_rms, x, gain, width);
    gpu_launched(d, "norm_2_kernel");
}
