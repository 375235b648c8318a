#include "device/gpu.cuh"
#include "layers/matmul_versions.h"

// Version 1 of the product
static __global__ void version1(float *y, const float *x,
                                const float *w, size_t T, size_t out,
                                size_t in)
{
    size_t t = (size_t)blockIdx.y * 16 + threadIdx.y;
    size_t o = (size_t)blockIdx.x * 16 + threadIdx.x;
    float sum = 0;
    if (t >= T || o >= out)
        return;
    for (size_t i = 0; i < in; i++)
        sum += x[t * in + i] * w[o * in + i];
    y[t * out + o] = sum;
}

// Version 2 of the product
enum { TILE = 32 };

static __global__ void version2(float *y, const float *x,
                                const float *w, size_t T, size_t out,
                                size_t in)
{
    __shared__ float left[TILE][TILE], right[TILE][TILE + 1];
    size_t t0 = (size_t)blockIdx.y * TILE;
    size_t o0 = (size_t)blockIdx.x * TILE;
    int down = threadIdx.y, over = threadIdx.x;
    float sum = 0;
    for (size_t i0 = 0; i0 < in; i0 += TILE) {
        size_t i = i0 + over;
        bool in_x = t0 + down < T && i < in;
        bool in_w = o0 + down < out && i < in;
        left[down][over] = in_x ? x[(t0 + down) * in + i] : 0;
        right[down][over] = in_w ? w[(o0 + down) * in + i] : 0;
        __syncthreads();
        for (int k = 0; k < TILE; k++)
            sum += left[down][k] * right[over][k];
        __syncthreads();
    }
    if (t0 + down < T && o0 + over < out)
        y[(t0 + down) * out + o0 + over] = sum;
}

// Launch the earlier versions
void matmul_version1(struct device *d, struct array y, struct array x,
                     struct array w)
{
    dim3 grid(blocks_for(y.columns, 16), blocks_for(y.rows, 16));
    dim3 block(16, 16);
    version1<<<grid, block, 0, stream_of(d)>>>(
        floats(y), floats(x), floats(w), y.rows, y.columns, x.columns);
    gpu_launched(d, "version1");
}

void matmul_version2(struct device *d, struct array y, struct array x,
                     struct array w)
{
    dim3 grid(blocks_for(y.columns, TILE), blocks_for(y.rows, TILE));
    dim3 block(TILE, TILE);
    version2<<<grid, block, 0, stream_of(d)>>>(
        floats(y), floats(x), floats(w), y.rows, y.columns, x.columns);
    gpu_launched(d, "version2");
}
