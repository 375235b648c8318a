#include "layers/hopper_versions.h"
#include "device/gpu.cuh"
#include "device/hopper.cuh"

// Version 1 of the product on sm_90a
static __global__ void __launch_bounds__(128)
version1(float *c, const __grid_constant__ CUtensorMap a,
         const __grid_constant__ CUtensorMap b, int M, int N, int K)
{
    extern __shared__ __align__(1024) char memory[];
    __shared__ uint64_t full;
    char *left = memory + (1024 - (uintptr_t)memory % 1024) % 1024;
    char *right = left + 8192;
    int i0 = blockIdx.y * 64, j0 = blockIdx.x * 128;
    float sum[64] = {};
    if (threadIdx.x == 0)
        mbarrier_init(&full, 1);
    __syncthreads();
    for (int k0 = 0; k0 < K; k0 += 64) {
        if (threadIdx.x == 0) {
            mbarrier_expect(&full, 3 * 8192);
            tma_load(left, &a, i0, k0, &full);
            tma_load(right, &b, j0, k0, &full);
        }
        mbarrier_wait(&full, k0 / 64 % 2);
        wgmma_fence(sum);
        for (int k = 0; k < 64; k += 16)
            wgmma<false, false>(sum, operand(left + 2 * k, 0),
                                operand(right + 2 * k, 0));
        wgmma_commit();
        wgmma_wait<0>(sum);
        __syncthreads();
    }
    // Write the sums of version 1
    int lane = threadIdx.x % 32;
    for (int n = 0; n < 64; n++) {
        int i = i0 + threadIdx.x / 32 * 16 + lane / 4 + n / 2 % 2 * 8;
        int j = j0 + n / 4 * 8 + lane % 4 * 2 + n % 2;
        if (i < M && j < N)
            c[(size_t)i * N + j] = sum[n];
    }
}

bool hopper_version1(struct device *d, struct array c, struct array a,
                     struct array b)
{
    CUtensorMap left, right;
    dim3 grid(blocks_for(c.columns, 128), blocks_for(c.rows, 64));
    if (!tensor_map(&left, a.at, a.rows, a.columns, 64)
        || !tensor_map(&right, b.at, b.rows, b.columns, 128))
        return false;
    version1<<<grid, 128, 3 * 8192 + 1024, stream_of(d)>>>(
        floats(c), left, right, (int)c.rows, (int)c.columns,
        (int)a.columns);
    gpu_launched(d, "version1");
    return true;
}
