#ifndef CLUSTERS_CUH
#define CLUSTERS_CUH
#include "device/gpu.cuh"
#include "device/hopper.cuh"
// Headers of clusters
#include "layers/operand.cuh"

// Blocks that meet
template <bool CLUSTER> static __device__ void meet(void)
{
    if (CLUSTER) {
        cluster_arrive();
        cluster_wait();
    } else
        __syncthreads();
}

template <bool CLUSTER>
static __device__ const float *at_block(const float *at, unsigned b)
{
    return CLUSTER ? in_block(at, b) : at;
}

// Launch clusters
/* blocks 1: each by itself */
template <class hop>
static void launch_in_clusters(struct device *d, const char *name,
                               void (*kernel)(hop, unsigned),
                               const hop *h, unsigned clusters,
                               unsigned blocks, unsigned threads,
                               size_t room)
{
    gpu_check(d, cudaFuncSetAttribute(kernel,
                  cudaFuncAttributeMaxDynamicSharedMemorySize,
                  (int)room), name);
    cudaLaunchAttribute cluster = {};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim.x = blocks;
    cluster.val.clusterDim.y = cluster.val.clusterDim.z = 1;
    cudaLaunchConfig_t c = {};
    c.gridDim = dim3(clusters * blocks);
    c.blockDim = dim3(threads);
    c.dynamicSmemBytes = room;
    c.stream = stream_of(d);
    c.attrs = &cluster;
    c.numAttrs = blocks > 1;
    gpu_check(d, cudaLaunchKernelEx(&c, kernel, *h, blocks), name);
    gpu_launched(d, name);
}
#endif
