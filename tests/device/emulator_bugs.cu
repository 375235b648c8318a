#include "device/emulator_bugs.h"
#include <cuda_pipeline.h>
#include <cuda_runtime.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// What bugs share
static void must(cudaError_t status, int line)
{
    if (status == cudaSuccess)
        return;
    fprintf(stderr, "%s at emulator_bugs.cu:%d\n",
            cudaGetErrorString(status), line);
    _exit(86);
}

static struct { float *at; size_t bytes; } made[4];
static size_t arrays;
extern "C" FILE *emulator_bug_results;
FILE *emulator_bug_results;

static void finish(void)
{
    static char host[8192];
    must(cudaGetLastError(), __LINE__);
    must(cudaDeviceSynchronize(), __LINE__);
    for (size_t i = 0; emulator_bug_results != NULL && i < arrays; i++)
        if (cudaMemcpy(host, made[i].at, made[i].bytes,
                       cudaMemcpyDeviceToHost) == cudaSuccess)
            fwrite(host, 1, made[i].bytes, emulator_bug_results);
}

static float *spare(size_t n)
{
    void *memory = NULL;
    must(cudaMalloc(&memory, n * sizeof(float)), __LINE__);
    return (float *)memory;
}

static float *floats(size_t n)
{
    made[arrays++] = { spare(n), n * sizeof(float) };
    return made[arrays - 1].at;
}

/* 0, 1, 2, ... on the device */
static float *numbers(size_t n)
{
    float *x = floats(n), *host = (float *)malloc(n * sizeof *host);
    for (size_t i = 0; i < n; i++)
        host[i] = (float)i;
    must(cudaMemcpy(x, host, n * sizeof *host, cudaMemcpyHostToDevice),
         __LINE__);
    free(host);
    return x;
}

__global__ void copy(float *y, const float *x)
{
    size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = x[i];        /* freed unwritten_array host_pointer */
}

// Bugs within a block
__global__ void reverse(float *x, int n, bool right)
{
    __shared__ float s[256];
    s[threadIdx.x] = x[threadIdx.x];            /* barrier */
    if (right)
        __syncthreads();
    x[threadIdx.x] = s[n - 1 - threadIdx.x];    /* barrier */
}

static void barrier(bool right)
{
    reverse<<<1, 256>>>(numbers(256), 256, right);
    finish();
}
__global__ void neighbour(float *x, bool right)
{
    __shared__ float s[256];
    s[threadIdx.x] = x[threadIdx.x];            /* one_way */
    if (right)
        __syncthreads();
    if (threadIdx.x > 0)
        x[threadIdx.x] = s[threadIdx.x - 1];    /* one_way */
}

static void one_way(bool right)
{
    neighbour<<<1, 256>>>(numbers(256), right);
    finish();
}

__global__ void rounds(float *x, bool right)
{
    __shared__ float s[256];
    for (int i = 0; i < 4; i++) {
        s[threadIdx.x] = x[threadIdx.x] + i;            /* second */
        __syncthreads();
        x[threadIdx.x] = s[(threadIdx.x + 33) % 256];   /* second */
        if (right)
            __syncthreads();
    }
}

static void second(bool right)
{
    rounds<<<1, 256>>>(numbers(256), right);
    finish();
}

__global__ void maximum(float *x, bool right)
{
    __shared__ float most;
    if (threadIdx.x == 0)
        most = 0;
    __syncthreads();
    if (right ? threadIdx.x == 255 : x[threadIdx.x] > most)
        most = x[threadIdx.x];                          /* all_write */
    __syncthreads();
    x[threadIdx.x] -= most;
}

static void all_write(bool right)
{
    maximum<<<1, 256>>>(numbers(256), right);
    finish();
}

__global__ void add(float *sum, const float *x, bool right)
{
    if (right)
        atomicAdd(sum, x[threadIdx.x]);
    else
        *sum += x[threadIdx.x];                         /* plain_sum */
}

static void plain_sum(bool right)
{
    add<<<1, 256>>>(numbers(1), numbers(256), right);
    finish();
}

__global__ void count(unsigned *n, float *x, bool right)
{
    atomicAdd(n, 1u);                                   /* mixed */
    if (right)
        __syncthreads();
    x[threadIdx.x] = *n;                                /* mixed */
}

static void mixed(bool right)
{
    count<<<1, 64>>>((unsigned *)numbers(1), numbers(64), right);
    finish();
}

__global__ void one_of_all(float *x, int writer, bool right)
{
    __shared__ float s;
    if (threadIdx.x == 0)
        s = x[0];
    __syncthreads();
    int warp = threadIdx.x / 32;
    if (writer == 63 || warp == 0)
        x[threadIdx.x] = s;             /* last_writes other_warp */
    if (warp == 1)
        __syncwarp();
    if (right)
        __syncthreads();
    if ((int)threadIdx.x == writer)
        s = 1;                          /* last_writes other_warp */
}

static void last_writes(bool right)
{
    one_of_all<<<1, 64>>>(numbers(64), 63, right);
    finish();
}

static void other_warp(bool right)
{
    one_of_all<<<1, 64>>>(numbers(64), 33, right);
    finish();
}

__global__ void apart(float *x, bool right)
{
    if (right || threadIdx.x < 100) {
        x[threadIdx.x] += 1;
        __syncthreads();                        /* two_barriers */
    } else {
        x[threadIdx.x] += 2;
        __syncthreads();                        /* two_barriers */
    }
}

static void two_barriers(bool right)
{
    apart<<<1, 256>>>(numbers(256), right);
    finish();
}

__global__ void stuck(float *x, bool right)
{
    if (threadIdx.x == 5 && !right)
        __syncwarp();                           /* never_meet */
    __syncthreads();                            /* never_meet */
    x[threadIdx.x] += 1;
}

static void never_meet(bool right)
{
    stuck<<<1, 64>>>(numbers(64), right);
    finish();
}

// Bugs within a warp
__global__ void exchange(float *x, bool right)
{
    __shared__ float s[32];
    s[threadIdx.x] = x[threadIdx.x];            /* warp_barrier */
    if (right)
        __syncwarp();
    x[threadIdx.x] = s[threadIdx.x ^ 1];        /* warp_barrier */
}

static void warp_barrier(bool right)
{
    exchange<<<1, 32>>>(numbers(32), right);
    finish();
}

__global__ void wide(float *x, bool right)
{
    __shared__ float s[64];
    s[threadIdx.x] = x[threadIdx.x];            /* two_warps */
    if (right)
        __syncthreads();
    else
        __syncwarp();
    x[threadIdx.x] = s[63 - threadIdx.x];       /* two_warps */
}

static void two_warps(bool right)
{
    wide<<<1, 64>>>(numbers(64), right);
    finish();
}

__global__ void some_leave(float *x, bool right)
{
    float v = x[threadIdx.x];
    if (threadIdx.x >= 16 && !right)
        return;
    v += __shfl_down_sync(~0u, v, 16);          /* from_ended */
    x[threadIdx.x] = v;
}

static void from_ended(bool right)
{
    some_leave<<<1, 32>>>(numbers(32), right);
    finish();
}

__global__ void branch(float *x, bool right)
{
    float v = x[threadIdx.x];
    if (right || threadIdx.x % 2 == 1)
        v += __shfl_xor_sync(~0u, v, 1);        /* in_branch */
    x[threadIdx.x] = v;
}

static void in_branch(bool right)
{
    branch<<<1, 32>>>(numbers(32), right);
    finish();
}

__global__ void half_sum(float *x, bool right)
{
    float v = x[threadIdx.x];
    if (threadIdx.x < 16)
        for (int i = right ? 8 : 16; i > 0; i /= 2)
            v += __shfl_xor_sync(0xffffu, v, i);        /* half_warp */
    x[threadIdx.x] = v;
}

static void half_warp(bool right)
{
    half_sum<<<1, 32>>>(numbers(32), right);
    finish();
}

__global__ void not_in_mask(float *x, bool right)
{
    x[threadIdx.x] = __ballot_sync(right ? ~0u : 0xffffu, 1); /* mask */
}

static void mask(bool right)
{
    not_in_mask<<<1, 32>>>(numbers(32), right);
    finish();
}

__global__ void two_operations(float *x, bool right)
{
    float v = x[threadIdx.x];
    if (right || threadIdx.x < 16)
        v = __shfl_xor_sync(~0u, v, 1);         /* two_shuffles */
    else
        v = __shfl_xor_sync(~0u, v, 2);         /* two_shuffles */
    x[threadIdx.x] = v;
}

static void two_shuffles(bool right)
{
    two_operations<<<1, 32>>>(numbers(32), right);
    finish();
}

// Bugs between blocks
__global__ void total(float *sum, const float *x)
{
    float mine = 0;
    if (threadIdx.x == 0) {
        for (unsigned i = 0; i < blockDim.x; i++)
            mine += x[blockIdx.x * blockDim.x + i];
        *sum = *sum + mine;                             /* blocks */
    }
}

static void blocks(bool right)
{
    total<<<right ? 1 : 4, right ? 256 : 64>>>(numbers(1),
                                                numbers(256));
    finish();
}

__global__ void shift(float *y, const float *x)
{
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    y[i] = x[i + 64];                                   /* in_place */
}

static void in_place(bool right)
{
    float *x = numbers(320), *y = right ? spare(256) : x;
    shift<<<4, 64>>>(y, x);
    if (right)
        cudaMemcpy(x, y, 256 * sizeof *x, cudaMemcpyDeviceToDevice);
    finish();
}

__global__ void read_all(float *x, float *y, unsigned writer)
{
    y[blockIdx.x] = x[0];                       /* read_by_all */
    __syncthreads();
    if (blockIdx.x == writer)
        x[0] = 1;                               /* read_by_all */
}

static void read_by_all(bool right)
{
    float *x = numbers(1), *y = floats(4);
    read_all<<<4, 1>>>(x, y, right ? 4 : 3);
    if (right)
        read_all<<<1, 1>>>(x, spare(1), 0);
    finish();
}

// Bugs in addresses
__global__ void up_to(float *y, const float *x, int n)
{
    for (int i = threadIdx.x; i <= n; i += blockDim.x)
        y[i] = x[i];                                    /* past_end */
}

static void past_end(bool right)
{
    int last = right ? 1023 : 1024;
    up_to<<<1, 256>>>(floats(1024), numbers(1024), last);
    finish();
}

__global__ void before(float *y, const float *x, bool right)
{
    int i = threadIdx.x;
    y[i] = x[right && i == 0 ? 0 : i - 1];          /* before_first */
}

static void before_first(bool right)
{
    before<<<1, 64>>>(floats(64), numbers(64), right);
    finish();
}

__global__ void far(float *x, size_t i)
{
    x[i] = 2;                                           /* far_off */
}

static void far_off(bool right)
{
    far<<<1, 1>>>(numbers(64), right ? 1 : (size_t)1 << 28);
    finish();
}

__global__ void two_arrays(float *x, int n)
{
    __shared__ float s[64];
    __shared__ float t[64];
    s[threadIdx.x] = t[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    for (int i = threadIdx.x; i <= n; i += blockDim.x)
        x[threadIdx.x] += s[i] + t[63 - threadIdx.x];   /* shared_end */
}

static void shared_end(bool right)
{
    two_arrays<<<1, 64>>>(numbers(64), right ? 63 : 64);
    finish();
}

__global__ void shifted(float *x, int by)
{
    __shared__ float s[64];
    s[threadIdx.x + by] = x[threadIdx.x];               /* write_end */
    __syncthreads();
    x[threadIdx.x] = s[threadIdx.x + by];
}

static void write_end(bool right)
{
    shifted<<<1, 64>>>(numbers(64), right ? 0 : 1);
    finish();
}

__global__ void dynamic(float *x, int n)
{
    extern __shared__ float s[];
    s[threadIdx.x] = x[threadIdx.x];    /* dynamic_end */
    __syncthreads();
    x[threadIdx.x] = s[n - 1 - threadIdx.x];    /* dynamic_end */
}

static void dynamic_end(bool right)
{
    dynamic<<<1, 256, (right ? 256 : 255) * sizeof(float)>>>(
        numbers(256), 256);
    finish();
}

__global__ void by_fours(float *y, const float *x, bool right)
{
    const float4 *from = (const float4 *)(x + 1);
    if (right)
        for (int k = 0; k < 4; k++)
            y[4 * threadIdx.x + k] = x[1 + 4 * threadIdx.x + k];
    else
        ((float4 *)y)[threadIdx.x] = from[threadIdx.x]; /* odd_float4 */
}

static void odd_float4(bool right)
{
    by_fours<<<1, 16>>>(floats(64), numbers(68), right);
    finish();
}

static void freed(bool right)
{
    float *x = numbers(256);
    if (!right)
        cudaFree(x);
    copy<<<1, 256>>>(floats(256), x);
    must(cudaDeviceSynchronize(), __LINE__);
    if (right)
        cudaFree(x);
    finish();
}

static void host_pointer(bool right)
{
    float *x = (float *)calloc(256, sizeof *x);
    for (int i = 0; i < 256; i++)
        x[i] = (float)i;
    float *y = floats(256);
    copy<<<1, 256>>>(y, right ? numbers(256) : x);
    arrays = 1;
    finish();
    free(x);
}

// Bugs in what is not written
__global__ void half_written(float *x, bool right)
{
    __shared__ float s[256];
    if (right || threadIdx.x < 128)
        s[threadIdx.x] = 1;
    __syncthreads();
    x[threadIdx.x] = s[threadIdx.x];            /* unwritten_shared */
}

static void unwritten_shared(bool right)
{
    half_written<<<1, 256>>>(floats(256), right);
    finish();
}

__global__ void keeps(float *x, bool right)
{
    __shared__ float s[32];
    if (right || blockIdx.x == 0)
        s[threadIdx.x] = x[32 * blockIdx.x + threadIdx.x];
    x[32 * blockIdx.x + threadIdx.x] = s[threadIdx.x];  /* last_block */
}

static void last_block(bool right)
{
    keeps<<<2, 32>>>(numbers(64), right);
    finish();
}

static void unwritten_array(bool right)
{
    float *y = floats(256);
    copy<<<1, 256>>>(y, right ? numbers(256) : floats(256));
    arrays = 1;
    finish();
}

static void copied_unwritten(bool right)
{
    float host[4];
    must(cudaMemcpy(host, right ? numbers(4) : floats(4), sizeof host,
                    cudaMemcpyDeviceToHost), __LINE__);
    if (emulator_bug_results != NULL)
        fwrite(host, sizeof host, 1, emulator_bug_results);
}

// Bugs of copies
__global__ void by_copies(float *y, const float *x, int left, bool meet)
{
    __shared__ __align__(16) float s[128];
    int i = 4 * threadIdx.x;
    __pipeline_memcpy_async(s + i, x + i, 16);          /* met_not */
    __pipeline_commit();
    __pipeline_wait_prior(left);
    if (meet)
        __syncthreads();
    for (int k = 0; k < 4; k++)
        y[i + k] = s[127 - i - k];      /* waited_not met_not */
}

static void waited_not(bool right)
{
    int left = right ? 0 : 1;
    by_copies<<<1, 32>>>(floats(128), numbers(128), left, true);
    finish();
}

static void met_not(bool right)
{
    by_copies<<<1, 32>>>(floats(128), numbers(128), 0, right);
    finish();
}

// Bugs of the host
static void touches(bool right)
{
    volatile float *x = numbers(16);
    if (!right)
        x[3] = x[5];                                    /* touches */
}

static void shared_bytes(bool right)
{
    dynamic<<<1, 256, right ? 1024 : 100 << 10>>>(numbers(256), 256);
    must(cudaGetLastError(), __LINE__);         /* shared_bytes */
}

static void threads(bool right)
{
    copy<<<1, right ? 1024 : 2048>>>(floats(2048), numbers(2048));
    must(cudaGetLastError(), __LINE__);                 /* threads */
}

static void direction(bool right)
{
    float host[4];
    enum cudaMemcpyKind kind = right ? cudaMemcpyDeviceToHost
                                     : cudaMemcpyHostToDevice;
    must(cudaMemcpy(host, numbers(4), sizeof host, kind),
         __LINE__);                                     /* direction */
}

static void must_be(float is, float should, int line)
{
    if (is == should)
        return;
    fprintf(stderr, "%g is not %g at emulator_bugs.cu:%d\n", is, should,
            line);
    _exit(86);
}

static void event(bool right)
{
    cudaStream_t a, b;
    cudaEvent_t done;
    float *x = numbers(256), *y = floats(256), *z = floats(256), last;
    cudaMemset(y, 0, 256 * sizeof *y);
    cudaDeviceSynchronize();
    cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking);
    cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking);
    cudaEventCreate(&done);
    copy<<<1, 256, 0, a>>>(y, x);
    cudaEventRecord(done, a);
    if (right)
        cudaStreamWaitEvent(b, done, 0);
    copy<<<1, 256, 0, b>>>(z, y);
    must(cudaStreamSynchronize(b), __LINE__);
    must(cudaMemcpy(&last, z + 255, sizeof last,
                    cudaMemcpyDeviceToHost), __LINE__);
    must_be(last, 255, __LINE__);                       /* event */
    cudaEventDestroy(done);
}

static void too_early(bool right)
{
    cudaStream_t s;
    void *memory = NULL;
    float *x = numbers(256);
    must(cudaMallocHost(&memory, 256 * sizeof *x), __LINE__);
    float *host = (float *)memory;
    memset(host, 0, 256 * sizeof *host);
    cudaStreamCreateWithFlags(&s, cudaStreamNonBlocking);
    must(cudaMemcpyAsync(host, x, 256 * sizeof *x,
                         cudaMemcpyDeviceToHost, s), __LINE__);
    if (right)
        cudaStreamSynchronize(s);
    must_be(host[255], 255, __LINE__);                  /* too_early */
    cudaFreeHost(host);
}

// More bugs
#include "device/hopper.cuh"

enum { RIGHT, REFILL, UNFILLED, LET_GO, FOR_ALL, UNSEEN, FEW, MANY };

static __device__ void fill(float *s, const float *x)
{
    for (int k = 0; k < 32; k++)
        s[k] = x[k];            /* refill unfilled let_go for_all few */
}

static __device__ float read(const float *s)
{
    return s[31 - threadIdx.x % 32]; /* refill unfilled let_go for_all
                                        few */
}

static __device__ void until(uint64_t *b, unsigned parity)
{
    mbarrier_wait(b, parity);           /* refill few many unseen */
}

/* a ring of two stages: lane 0 fills them, warp 1 reads */
__global__ void ring(float *y, const float *x, int bug)
{
    __shared__ uint64_t full[2], empty[2];
    __shared__ float stage[2][32];
    unsigned lane = threadIdx.x % 32, arrive = bug == FOR_ALL ? 1 : 32;
    if (threadIdx.x < 2) {
        mbarrier_init(&full[lane], bug == MANY ? 2 : 1);
        mbarrier_init(&empty[lane], bug == FEW ? 1 : arrive);
    }
    if (bug != UNSEEN)
        __syncthreads();
    for (unsigned i = 0; i < 6; i++) {
        unsigned s = i % 2, round = i / 2 % 2;
        if (threadIdx.x == 0) {
            if (bug != REFILL)
                until(&empty[s], round ^ 1);
            fill(stage[s], x + 32 * i);
            mbarrier_arrive(&full[s]);
        } else if (threadIdx.x >= 32) {
            if (bug != UNFILLED)
                until(&full[s], round);
            if (bug == LET_GO)
                mbarrier_arrive(&empty[s]);
            y[32 * i + lane] = read(stage[s]);
            if (bug != LET_GO && lane < arrive)
                mbarrier_arrive(&empty[s]);
        }
    }
}

static void ring_with(int bug)
{
    ring<<<1, 64>>>(floats(192), numbers(192), bug);
    finish();
}

static void refill(bool right) { ring_with(!right * REFILL); }
static void unfilled(bool right)
{
    ring_with(!right * UNFILLED);
}
static void let_go(bool right) { ring_with(!right * LET_GO); }
static void for_all(bool right) { ring_with(!right * FOR_ALL); }
static void unseen(bool right) { ring_with(!right * UNSEEN); }
static void few(bool right) { ring_with(!right * FEW); }
static void many(bool right) { ring_with(!right * MANY); }
enum { HASTY = 1, BARE, USED, OPEN, STALE, HIDDEN, LEFT, CROOKED,
       EARLY };

static __device__ void multiply(float (&d)[64], char *at, int k)
{
    uint64_t a = operand(at + 2 * k, 0), b = operand(at + 8192 + 2 * k,
                                                     0);
    wgmma<0, 0>(d, a, b);   /* hasty bare open stale hidden early */
}

/* y [64][128] = a [64][64] b [128][64]^T, twice; in order of threads */
__global__ void __launch_bounds__(128)
tile(float *y, const __grid_constant__ CUtensorMap a,
     const __grid_constant__ CUtensorMap b, int bug)
{
    extern __shared__ __align__(1024) char memory[];
    __shared__ uint64_t full;
    float sum[64];
    if (threadIdx.x == 0)
        mbarrier_init(&full, 1);
    __syncthreads();
    for (int i = 0; i < 2; i++) {
        if (threadIdx.x == 0) {
            char *left = bug == CROOKED ? memory + 128 : memory;
            mbarrier_expect(&full, 3 * 8192);
            tma_load(left, &a, 0, 0, &full); /* crooked stale early */
            tma_load(memory + 8192, &b, 0, 0, &full); /* stale early */
        }
        if (bug != HASTY)
            mbarrier_wait(&full, i);
        if (bug == HIDDEN)
            memory[64 * threadIdx.x] = 0;               /* hidden */
        __syncthreads();
        for (int j = 0; j < 64; j++)
            sum[j] = 0;
        if (bug != BARE)
            wgmma_fence(sum);
        for (int k = 0; k < 64; k += 16)
            multiply(sum, memory, k);
        if (bug != OPEN)
            wgmma_commit();
        if (bug == USED)
            y[threadIdx.x] = sum[0];                    /* used */
        if (bug != STALE || i == 1)
            wgmma_wait<0>(sum);
        if (bug != EARLY)
            __syncthreads();
    }
    for (int j = 0; j < 64; j++)
        y[64 * threadIdx.x + j] = sum[j];
    if (bug == LEFT && threadIdx.x == 0) {
        mbarrier_expect(&full, 8192);
        tma_load(memory, &a, 0, 0, &full);              /* left */
    }
}

static void tile_with(int bug)
{
    CUtensorMap a, b;
    if (!tensor_map(&a, numbers(64 * 32), 64, 64, 64)
        || !tensor_map(&b, numbers(128 * 32), 128, 64, 128))
        must(cudaErrorNotSupported, __LINE__);
    tile<<<1, 128, 4 * 8192>>>(floats(128 * 64), a, b, bug);
    finish();
}

static void hasty(bool right) { tile_with(!right * HASTY); }
static void bare(bool right) { tile_with(!right * BARE); }
static void used(bool right) { tile_with(!right * USED); }
static void open(bool right) { tile_with(!right * OPEN); }
static void stale(bool right) { tile_with(!right * STALE); }
static void hidden(bool right) { tile_with(!right * HIDDEN); }
static void left(bool right) { tile_with(!right * LEFT); }
static void crooked(bool right)
{
    tile_with(!right * CROOKED);
}
static void early(bool right) { tile_with(!right * EARLY); }
enum { APART = 1, GONE, UNARRIVED, FIXED, SOON };

/* each block stores into the next of its cluster */
__global__ void around(float *y, const float *x, int bug)
{
    extern __shared__ float mine[];
    __shared__ float other[32];
    unsigned r = cluster_rank(), t = threadIdx.x;
    unsigned i = 32 * blockIdx.x + t;
    float *next = in_block(bug == FIXED ? other : mine,  /* fixed */
                           (r + 1) % 4);
    next[t] = x[i];                                     /* apart */
    if (bug != UNARRIVED)
        cluster_arrive();
    if (bug == SOON)
        next[t] += 1;                                   /* soon */
    if (bug != APART)
        cluster_wait();                                 /* unarrived */
    other[t] = mine[31 - t];                            /* apart soon */
    if (bug == APART)
        cluster_wait();
    mine[32 + t] = other[t];
    cluster_arrive();
    cluster_wait();
    y[i] = next[32 + t];                                /* gone */
    if (bug == GONE)
        return;
    cluster_arrive();
    cluster_wait();
}

static void around_with(int bug)
{
    cudaLaunchAttribute four = {};
    cudaLaunchConfig_t c = {};
    four.id = cudaLaunchAttributeClusterDimension;
    four.val.clusterDim.x = 4;
    four.val.clusterDim.y = four.val.clusterDim.z = 1;
    c.gridDim = dim3(8);
    c.blockDim = dim3(32);
    c.dynamicSmemBytes = 256;
    c.attrs = &four;
    c.numAttrs = 1;
    must(cudaLaunchKernelEx(&c, around, floats(256), numbers(256), bug),
         __LINE__);
    finish();
}

static void apart(bool right) { around_with(!right * APART); }
static void gone(bool right) { around_with(!right * GONE); }
static void soon(bool right) { around_with(!right * SOON); }
static void fixed(bool right) { around_with(!right * FIXED); }
static void unarrived(bool right)
{
    around_with(!right * UNARRIVED);
}

/* block 0 waits until block 1 has stored what it reads */
__global__ void told(float *y, const float *x, bool right)
{
    extern __shared__ __align__(16) float theirs[];
    uint64_t *full = (uint64_t *)(theirs + 32);
    unsigned r = cluster_rank(), t = threadIdx.x;
    if (t == 0)
        mbarrier_init(full, 32);
    cluster_arrive();
    cluster_wait();
    if (r == 1) {
        in_block(theirs, 0)[t] = x[t];                  /* untold */
        mbarrier_arrive_at(full, 0);
    } else {
        if (right)
            mbarrier_wait_cluster(full, 0);
        y[t] = theirs[31 - t];                          /* untold */
    }
    cluster_arrive();
    cluster_wait();
}

static void untold(bool right)
{
    cudaLaunchAttribute two = {};
    cudaLaunchConfig_t c = {};
    two.id = cudaLaunchAttributeClusterDimension;
    two.val.clusterDim.x = 2;
    two.val.clusterDim.y = two.val.clusterDim.z = 1;
    c.gridDim = dim3(2);
    c.blockDim = dim3(32);
    c.dynamicSmemBytes = 256;
    c.attrs = &two;
    c.numAttrs = 1;
    must(cudaLaunchKernelEx(&c, told, floats(32), numbers(32), right),
         __LINE__);
    finish();
}

// The bugs
#define BUG(name, found) { #name, found, name }
extern "C" const struct bug emulator_bugs[] = {
    BUG(barrier, CHECKED), BUG(one_way, CHECKED), BUG(second, CHECKED),
    BUG(all_write, CHECKED), BUG(plain_sum, CHECKED),
    BUG(mixed, CHECKED), BUG(last_writes, CHECKED),
    BUG(other_warp, CHECKED), BUG(two_barriers, ALWAYS),
    BUG(never_meet, ALWAYS), BUG(warp_barrier, CHECKED),
    BUG(two_warps, CHECKED), BUG(from_ended, ALWAYS),
    BUG(in_branch, ALWAYS), BUG(half_warp, ALWAYS), BUG(mask, ALWAYS),
    BUG(two_shuffles, ALWAYS), BUG(blocks, CHECKED),
    BUG(in_place, CHECKED), BUG(read_by_all, CHECKED),
    BUG(past_end, CHECKED | SANITIZED),
    BUG(before_first, CHECKED | SANITIZED), BUG(far_off, CHECKED),
    BUG(shared_end, CHECKED | SANITIZED),
    BUG(write_end, CHECKED | SANITIZED),
    BUG(dynamic_end, CHECKED | SANITIZED),
    BUG(odd_float4, CHECKED | SANITIZED),
    BUG(freed, CHECKED | SANITIZED), BUG(host_pointer, CHECKED),
    BUG(unwritten_shared, CHECKED), BUG(last_block, CHECKED),
    BUG(unwritten_array, CHECKED), BUG(copied_unwritten, CHECKED),
    BUG(waited_not, CHECKED), BUG(met_not, CHECKED),
    BUG(touches, GUARDED), BUG(shared_bytes, ALWAYS),
    BUG(threads, ALWAYS), BUG(direction, ALWAYS), BUG(event, LAZY),
    BUG(too_early, LAZY),
    // Names of more bugs
    BUG(refill, CHECKED), BUG(unfilled, CHECKED), BUG(let_go, CHECKED),
    BUG(for_all, CHECKED), BUG(unseen, CHECKED), BUG(few, CHECKED),
    BUG(many, ALWAYS), BUG(hasty, CHECKED), BUG(bare, ALWAYS),
    BUG(used, CHECKED), BUG(open, ALWAYS), BUG(stale, CHECKED),
    BUG(hidden, CHECKED), BUG(left, ALWAYS), BUG(crooked, ALWAYS),
    BUG(early, CHECKED), BUG(apart, CHECKED), BUG(gone, CHECKED),
    BUG(soon, CHECKED), BUG(fixed, ALWAYS), BUG(unarrived, ALWAYS),
    BUG(untold, CHECKED),
};
extern "C" const size_t emulator_bug_count =
    sizeof emulator_bugs / sizeof *emulator_bugs;
