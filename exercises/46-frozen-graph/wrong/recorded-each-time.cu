/* expect: calls for */
// An update that is told its number
#include <cuda_runtime.h>
#include "support/lab_kernels.h"

enum { THREADS = 128 };

static __device__ void adam(float *weight, float *first, float *second,
                            float g, float k)
{
    const float m = 0.9f * *first + 0.1f * g;
    const float v = 0.95f * *second + 0.05f * (g * g);
    const float rate = 0.04f / (3 + k);
    const float m_hat = m / (1 - powf(0.9f, k));
    const float v_hat = v / (1 - powf(0.95f, k));
    *first = m;
    *second = v;
    *weight -= rate * m_hat / (sqrtf(v_hat) + 1e-8f);
}

// An update that looks its number up
__global__ void begin_kernel(float *number)
{
    *number = 1;
}

__global__ void update_kernel(float *weight, float *first,
                              float *second, const float *number,
                              const float *gradients, size_t count)
{
    const size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;
    const float k = *number;
    if (i < count)
        adam(weight + i, first + i, second + i,
             gradients[((size_t)k - 1) * count + i], k);
}

__global__ void next_kernel(float *number)
{
    *number += 1;
}

void adam_recorded(float *weight, float *first, float *second,
                   float *number, const float *gradients, size_t count,
                   unsigned updates)
{
    const unsigned blocks = (unsigned)((count + THREADS - 1) / THREADS);
    cudaStream_t stream;
    cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking);
    begin_kernel<<<1, 1, 0, stream>>>(number);
    for (unsigned k = 1; k <= updates; k++) {
        cudaGraph_t graph;
        cudaGraphExec_t ready;
        cudaStreamBeginCapture(stream,
                               cudaStreamCaptureModeThreadLocal);
        update_kernel<<<blocks, THREADS, 0, stream>>>(
            weight, first, second, number, gradients, count);
        next_kernel<<<1, 1, 0, stream>>>(number);
        cudaStreamEndCapture(stream, &graph);
        cudaGraphInstantiate(&ready, graph, 0);
        cudaGraphLaunch(ready, stream);
        cudaGraphExecDestroy(ready);
        cudaGraphDestroy(graph);
    }
    cudaStreamSynchronize(stream);
    cudaStreamDestroy(stream);
}
