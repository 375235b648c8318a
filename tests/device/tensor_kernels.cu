#include "device/gpu.cuh"
#include "device/tensor.cuh"
#include "device/tensor_kernels.h"

static __global__ void multiply_kernel(float *sum, const uint32_t *a,
                                       const uint32_t *b, bool in_tf32)
{
    float d[4];
    unsigned x[4], y[2];
    for (int i = 0; i < 4; i++) {
        d[i] = sum[threadIdx.x * 4 + i];
        x[i] = a[threadIdx.x * 4 + i];
    }
    for (int i = 0; i < 2; i++)
        y[i] = b[threadIdx.x * 2 + i];
    if (in_tf32)
        mma_tf32(d, x, y);
    else
        mma_bf16(d, x, y);
    for (int i = 0; i < 4; i++)
        sum[threadIdx.x * 4 + i] = d[i];
}

static __global__ void load_kernel(uint32_t *r, const uint16_t *rows,
                                   const uint32_t *from, bool turned)
{
    __shared__ __align__(16) uint16_t tile[32][8];
    unsigned got[4];
    for (int j = 0; j < 8; j++)
        tile[threadIdx.x][j] = rows[threadIdx.x * 8 + j];
    __syncwarp();
    if (turned)
        ldmatrix_4_turned(got, tile[from[threadIdx.x]]);
    else
        ldmatrix_4(got, tile[from[threadIdx.x]]);
    for (int i = 0; i < 4; i++)
        r[threadIdx.x * 4 + i] = got[i];
}

static __global__ void round_kernel(uint32_t *got, const float *x,
                                    size_t count)
{
    for (size_t i = threadIdx.x; i < count; i += WARP) {
        got[i] = tf32(x[i]);
        got[count + i] = pack_bf16(x[i], i + 1 < count ? x[i + 1] : 0);
    }
}

void tensor_multiply(struct device *d, float *sum, const uint32_t *a,
                     const uint32_t *b, bool in_tf32)
{
    multiply_kernel<<<1, WARP, 0, stream_of(d)>>>(sum, a, b, in_tf32);
    gpu_launched(d, "multiply_kernel");
}

void tensor_load(struct device *d, uint32_t *r, const uint16_t *rows,
                 const uint32_t *from, bool turned)
{
    load_kernel<<<1, WARP, 0, stream_of(d)>>>(r, rows, from, turned);
    gpu_launched(d, "load_kernel");
}

void tensor_round(struct device *d, uint32_t *got, const float *x,
                  size_t count)
{
    round_kernel<<<1, WARP, 0, stream_of(d)>>>(got, x, count);
    gpu_launched(d, "round_kernel");
}
