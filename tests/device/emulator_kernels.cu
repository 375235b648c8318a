#include "device/emulator_kernels.h"
#include <cuda_pipeline.h>
#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Memory for kernels under test
#define MUST(call) must(call, #call)
static void must(cudaError_t status, const char *call)
{
    if (status == cudaSuccess)
        return;
    fprintf(stderr, "%s: %s\n", call, cudaGetErrorString(status));
    abort();
}

template <class T> static T *zeros(size_t n)
{
    void *memory = NULL;
    MUST(cudaMalloc(&memory, n * sizeof(T)));
    MUST(cudaMemset(memory, 0, n * sizeof(T)));
    return (T *)memory;
}

template <class T> static T *counted(size_t n)
{
    T *x = zeros<T>(n), *host = (T *)malloc(n * sizeof(T));
    for (size_t i = 0; i < n; i++)
        host[i] = (T)i;
    MUST(cudaMemcpy(x, host, n * sizeof(T), cudaMemcpyHostToDevice));
    free(host);
    return x;
}

template <class T> static void bring(T *host, T *x, size_t n)
{
    MUST(cudaGetLastError());
    MUST(cudaMemcpy(host, x, n * sizeof(T), cudaMemcpyDeviceToHost));
    MUST(cudaFree(x));
}

// Kernels of warps
__global__ void shuffle(int *out)
{
    int l = threadIdx.x, v = 100 + l;
    out[l] = __shfl_sync(~0u, v, 5);
    out[32 + l] = __shfl_sync(~0u, v, 13, 8);
    out[64 + l] = __shfl_up_sync(~0u, v, 3);
    out[96 + l] = __shfl_up_sync(~0u, v, 3, 16);
    out[128 + l] = __shfl_down_sync(~0u, v, 3);
    out[160 + l] = __shfl_down_sync(~0u, v, 3, 8);
    out[192 + l] = __shfl_xor_sync(~0u, v, 9);
    out[224 + l] = __shfl_xor_sync(~0u, v, 9, 8);
    if (l % 2 == 1)
        out[256 + l] = __shfl_xor_sync(0xaaaaaaaau, v, 2);
    else
        out[256 + l] = __shfl_sync(0x55555555u, v, l ^ 4);
    __syncwarp();
    out[288 + l] = __shfl_sync(~0u, v, l * l);
}

static void shuffles(int *out)
{
    int *x = zeros<int>(320);
    shuffle<<<1, 32>>>(x);
    bring(out, x, 320);
}

__global__ void shuffle_double(double *out)
{
    double v = 1.0 / (1 + threadIdx.x);
    long long n = (1ll << 40) + threadIdx.x;
    out[threadIdx.x] = __shfl_down_sync(~0u, v, 1)
        + (double)(__shfl_xor_sync(~0u, n, 31) - (1ll << 40));
}

static void shuffle_doubles(double *out)
{
    double *x = zeros<double>(32);
    shuffle_double<<<1, 32>>>(x);
    bring(out, x, 32);
}

__global__ void vote(unsigned *out)
{
    unsigned t = threadIdx.x, lanes = t < 32 ? ~0u : 0xffu;
    out[t] = __ballot_sync(lanes, t % 3 == 0);
    out[40 + t] = __any_sync(lanes, t == 39);
    out[80 + t] = __all_sync(lanes, t < 39);
    out[120 + t] = __ballot_sync(1u << t % 32, 1);
}

__global__ void leave(unsigned *out)
{
    if (threadIdx.x < 20)
        out[threadIdx.x] = __ballot_sync(~0u, 1);
}

static void votes(unsigned *out)
{
    unsigned *x = zeros<unsigned>(200);
    vote<<<1, 40>>>(x);
    leave<<<1, 32>>>(x + 160);
    bring(out, x, 200);
}

__global__ void reduce(int *out)
{
    int l = threadIdx.x;
    unsigned half = l < 16 ? 0xffffu : 0xffff0000u, u = l + 1;
    out[l] = __reduce_add_sync(half, l - 20);
    out[32 + l] = __reduce_min_sync(half, l - 20);
    out[64 + l] = __reduce_max_sync(half, l - 20);
    out[96 + l] = __reduce_add_sync(half, u);
    out[128 + l] = __reduce_min_sync(half, u);
    out[160 + l] = __reduce_max_sync(half, u);
    out[192 + l] = __reduce_and_sync(half, 256 + u);
    out[224 + l] = __reduce_or_sync(half, u);
    out[256 + l] = __reduce_xor_sync(half, u);
}

static void reductions(int *out)
{
    int *x = zeros<int>(288);
    reduce<<<1, 32>>>(x);
    bring(out, x, 288);
}

// Kernels of blocks
__global__ void meet(int *out)
{
    int t = threadIdx.x;
    if (t >= 80)
        return;
    out[t] = __syncthreads_count(t % 2);
    out[96 + t] = __syncthreads_or(t == 79);
    out[192 + t] = __syncthreads_and(t < 79);
    out[288 + t] = __syncthreads_or(0);
}

static void barriers(int *out)
{
    int *x = zeros<int>(384);
    meet<<<1, 96>>>(x);
    bring(out, x, 384);
}

__global__ void index(int *out)
{
    int thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x
        + threadIdx.x;
    int block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x
        + blockIdx.x;
    int size = blockDim.x * blockDim.y * blockDim.z;
    out[block * size + thread] = 1000 * block + thread;
}

static void indices(int *out)
{
    int *x = zeros<int>(12 * 24);
    index<<<dim3(3, 2, 2), dim3(4, 3, 2)>>>(x);
    bring(out, x, 12 * 24);
}

template <int threads>
__global__ void __launch_bounds__(threads) block_sum(float *out)
{
    __shared__ float part[threads / 32];
    float v = (float)(blockIdx.x + threadIdx.x);
    for (int i = 16; i > 0; i /= 2)
        v += __shfl_xor_sync(~0u, v, i);
    if (threadIdx.x % 32 == 0)
        part[threadIdx.x / 32] = v;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 1; w < threads / 32; w++)
            v += part[w];
        out[blockIdx.x] = v;
    }
}

static void block_sums(float *out, int blocks)
{
    float *x = zeros<float>(blocks);
    block_sum<256><<<blocks, 256>>>(x);
    bring(out, x, blocks);
}

__global__ void last_of(int *out, int n)
{
    extern __shared__ __align__(16) int counts[];
    for (int i = threadIdx.x; i < n; i += blockDim.x)
        counts[i] = i;
    __syncthreads();
    if (threadIdx.x == 0)
        out[1] = counts[n - 1];
}

static void dynamic(int *out, size_t bytes)
{
    int *x = zeros<int>(2);
    last_of<<<1, 64, bytes>>>(x, (int)(bytes / sizeof(int)));
    cudaError_t before = cudaGetLastError();
    MUST(cudaFuncSetAttribute(
        last_of, cudaFuncAttributeMaxDynamicSharedMemorySize,
        (int)bytes));
    last_of<<<1, 64, bytes>>>(x, (int)(bytes / sizeof(int)));
    bring(out, x, 2);
    out[0] = before;
}

__global__ void poisoned(float *out)
{
    extern __shared__ float s[];
    __shared__ float t[3];
    out[0] += s[threadIdx.x] + t[2];
}

static void poison(float *out)
{
    float *x = zeros<float>(1);
    void *y = NULL;
    MUST(cudaMalloc(&y, 2 * sizeof(float)));
    poisoned<<<1, 1, 16>>>(x);
    bring(out, x, 1);
    bring(out + 1, (float *)y, 2);
}

// Kernels of one thread
__global__ void atomic(int *x, unsigned *u, float *f)
{
    int t = threadIdx.x;
    atomicAdd(&x[0], t);
    atomicMax(&x[1], t);
    atomicMin(&x[2], -t);
    atomicOr(&u[0], 1u << t % 32);
    atomicAnd(&u[1], ~(1u << t % 16));
    atomicXor(&u[2], (unsigned)t);
    atomicAdd(f, 0.5f);
    atomicExch(&x[3], 7);
    for (int was = atomicAdd(&x[4], 0), is; ; was = is)
        if ((is = atomicCAS(&x[4], was, was + 2)) == was)
            break;
    atomicSub(&x[5], 3);
}

static void atomics(int *out)
{
    int *x = zeros<int>(10);
    float f;
    atomic<<<1, 64>>>(x, (unsigned *)x + 6, (float *)x + 9);
    bring(out, x, 10);
    memcpy(&f, out + 9, sizeof f);
    out[9] = (int)f;
}

__global__ void fours(float4 *y, const float4 *x)
{
    float4 v = __ldg(x + threadIdx.x);
    float2 p = make_float2(v.x, v.w);
    y[threadIdx.x] = make_float4(v.w, p.x, -v.y, p.y + v.z);
}

static void vectors(float *out)
{
    float *x = counted<float>(64), *y = zeros<float>(64);
    fours<<<1, 16>>>((float4 *)y, (const float4 *)x);
    bring(out, y, 64);
    MUST(cudaFree(x));
}

__global__ void pipe(int *out, const int *x)
{
    __shared__ __align__(16) int s[3][64];
    int t = threadIdx.x;
    if (t < 16)
        __pipeline_memcpy_async(&s[0][4 * t], x + 4 * t, 16);
    __pipeline_commit();
    if (t < 32)
        __pipeline_memcpy_async(&s[1][2 * t], x + 2 * t, 8);
    __pipeline_memcpy_async(&s[2][t], x + t, 4, t % 2 == 0 ? 0 : 4);
    __pipeline_commit();
    __pipeline_wait_prior(1);
    __syncthreads();
    out[t] = s[0][63 - t];
    __pipeline_wait_prior(0);
    __syncthreads();
    out[64 + t] = s[1][63 - t];
    out[128 + t] = s[2][63 - t];
}

static void pipeline(int *out)
{
    int *x = counted<int>(64), *y = zeros<int>(192);
    pipe<<<1, 64>>>(y, x);
    bring(out, y, 192);
    MUST(cudaFree(x));
}

struct pair_of { int a; double b; };

template <class T>
__global__ void __launch_bounds__(32) argument(double *out, float f,
                                               T n, struct pair_of p)
{
    out[0] = f;
    out[1] = (double)n;
    out[2] = p.a + p.b;
    out[3] = sizeof n;
    out[4] += 1;
}

static void arguments(double *out)
{
    double *x = zeros<double>(5);
    struct pair_of p = { 3, 0.25 };
    cudaLaunchConfig_t c = {};
    argument<short><<<1, 1>>>(x, 1.0 / 3, (short)70001, p);
    c.gridDim = c.blockDim = dim3(1);
    MUST(cudaLaunchKernelEx(&c, argument<short>, x, 1.0f / 3,
                            (short)70001, p));
    bring(out, x, 5);
}

// Streams, events, errors
__global__ void nothing(void) {}
__global__ void double_it(int *x) { *x *= 2; }
__global__ void add_one(int *x) { *x += 1; }

static void streams(int *out)
{
    cudaStream_t a, b;
    cudaEvent_t done;
    int *x = zeros<int>(4);
    void *pinned = NULL;
    MUST(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
    MUST(cudaStreamCreate(&b));
    MUST(cudaEventCreate(&done));
    MUST(cudaMallocHost(&pinned, sizeof(int)));
    add_one<<<1, 1, 0, a>>>(x);
    double_it<<<1, 1, 0, a>>>(x);
    MUST(cudaEventRecord(done, a));
    MUST(cudaStreamWaitEvent(b, done, 0));
    add_one<<<1, 1, 0, b>>>(x);
    MUST(cudaMemcpyAsync(x + 1, x, sizeof *x, cudaMemcpyDeviceToDevice,
                         b));
    MUST(cudaMemcpyAsync(pinned, x + 1, sizeof *x,
                         cudaMemcpyDeviceToHost, b));
    MUST(cudaStreamSynchronize(b));
    int seen = *(int *)pinned;
    add_one<<<1, 1>>>(x + 2);          /* stream 0 waits for b ... */
    double_it<<<1, 1, 0, b>>>(x + 2);  /* and b for stream 0 */
    MUST(cudaDeviceSynchronize());
    bool idle = cudaStreamQuery(a) == cudaSuccess
        && cudaEventQuery(done) == cudaSuccess;
    bring(out, x, 4);
    out[1] = seen;
    out[3] = idle;
    MUST(cudaStreamDestroy(a));
    MUST(cudaStreamDestroy(b));
    MUST(cudaEventDestroy(done));
    MUST(cudaFreeHost(pinned));
}

static void events(float *ms)
{
    cudaEvent_t begins, ends;
    MUST(cudaEventCreate(&begins));
    MUST(cudaEventCreate(&ends));
    MUST(cudaEventRecord(begins));
    nothing<<<1000, 32>>>();
    MUST(cudaEventRecord(ends));
    MUST(cudaEventSynchronize(ends));
    MUST(cudaEventElapsedTime(&ms[0], begins, ends));
    MUST(cudaEventElapsedTime(&ms[1], ends, ends));
    MUST(cudaEventDestroy(begins));
    MUST(cudaEventDestroy(ends));
}

static void errors(int *out, const char **names)
{
    int *x = zeros<int>(1), host = 0;
    add_one<<<1, 1025>>>(x);
    out[0] = cudaPeekAtLastError();
    out[1] = cudaGetLastError();
    out[2] = cudaGetLastError();
    add_one<<<dim3(1, 65536), 1>>>(x);
    out[3] = cudaGetLastError();
    out[4] = cudaMemcpy(x, &host, sizeof host, (cudaMemcpyKind)17)
        != cudaSuccess;
    cudaGetLastError();
    void *memory = NULL;
    out[5] = cudaMalloc(&memory, (size_t)1 << 46);
    cudaGetLastError();
    names[0] = cudaGetErrorName(cudaErrorInvalidConfiguration);
    names[1] = cudaGetErrorString(cudaErrorMemoryAllocation);
    names[2] = cudaGetErrorName(cudaSuccess);
    MUST(cudaFree(x));
}

static void memory(int *out)
{
    size_t before = 0, during = 0, after = 0, all = 0, bytes = 1 << 19;
    MUST(cudaMemGetInfo(&before, &all));
    char *kept = zeros<char>(3 * bytes + 17);
    MUST(cudaMemGetInfo(&during, &all));
    int bad = 0;
    for (int i = 0; i < 40; i++) {
        char *piece = zeros<char>((size_t)i * bytes / 16 + 1);
        bad += (size_t)piece % 256 != 0;
        MUST(cudaFree(piece));
    }
    char last = 1;
    MUST(cudaMemset(kept, 0, 3 * bytes + 17));
    MUST(cudaMemcpy(&last, kept + 3 * bytes + 16, 1,
                    cudaMemcpyDeviceToHost));
    MUST(cudaFree(kept));
    MUST(cudaMemGetInfo(&after, &all));
    out[0] = bad;
    out[1] = before >= during + 3 * bytes;
    out[2] = after >= during + 3 * bytes;
    out[3] = last;
    out[4] = before <= all;
}

// Kernels to be counted
__global__ void column(float *y, int pitch)
{
    extern __shared__ float s[];
    s[threadIdx.x * pitch] = 1;
    __syncthreads();
    y[threadIdx.x] = s[threadIdx.x * pitch];
}

static void columns(int pitch)
{
    float *y = zeros<float>(32);
    column<<<1, 32, 32 * pitch * sizeof(float)>>>(y, pitch);
    MUST(cudaGetLastError());
    MUST(cudaFree(y));
}

__global__ void every(float *y, const volatile float *x, int stride)
{
    int i = threadIdx.x * stride;
    y[threadIdx.x] = x[i] + x[i];
}

static void strided(int stride)
{
    float *x = zeros<float>(32 * stride), *y = zeros<float>(32);
    every<<<1, 32>>>(y, x, stride);
    every<<<1, 32>>>(y, x, stride);
    MUST(cudaGetLastError());
    MUST(cudaFree(x));
    MUST(cudaFree(y));
}

extern "C" const struct emulator_kernels emulator_kernels = {
    shuffles, shuffle_doubles, votes, reductions, barriers, indices,
    block_sums, dynamic, atomics, vectors, pipeline, arguments, streams,
    events, errors, memory, poison, columns, strided,
};
