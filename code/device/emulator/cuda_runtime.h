#ifndef EMULATED_CUDA_RUNTIME_H
#define EMULATED_CUDA_RUNTIME_H
#ifdef __CUDACC__
#error "this is the emulator's header: nvcc has its own"
#endif
#include <cassert>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

// Which sanitizers there are
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif
// Qualifiers
#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __forceinline__ inline __attribute__((always_inline))
// Shared memory is static
#if defined(__SANITIZE_ADDRESS__)
#define __shared__ static
#elif defined(__SANITIZE_THREAD__)
// With a gap between two arrays
#define EMULATOR_JOINED(a, b) a##b
#define EMULATOR_GAP(n) EMULATOR_JOINED(emulator_gap_, n)
#define __shared__ __attribute__((used)) static thread_local char \
    EMULATOR_GAP(__COUNTER__)[64]; static thread_local
#else
#define __shared__ static thread_local
#endif

// Types of CUDA
#define EMULATOR_VECTORS(type, name) \
    struct name##1 { type x; }; \
    struct alignas(2 * sizeof(type)) name##2 { type x, y; }; \
    struct name##3 { type x, y, z; }; \
    struct alignas(sizeof(type) < 4 ? 4 * sizeof(type) : 16) \
        name##4 { type x, y, z, w; }; \
    inline name##2 make_##name##2(type x, type y) \
    { return { x, y }; } \
    inline name##3 make_##name##3(type x, type y, type z) \
    { return { x, y, z }; } \
    inline name##4 make_##name##4(type x, type y, type z, type w) \
    { return { x, y, z, w }; }
EMULATOR_VECTORS(signed char, char)
EMULATOR_VECTORS(unsigned char, uchar)
EMULATOR_VECTORS(short, short)
EMULATOR_VECTORS(unsigned short, ushort)
EMULATOR_VECTORS(int, int)
EMULATOR_VECTORS(unsigned, uint)
EMULATOR_VECTORS(float, float)
EMULATOR_VECTORS(double, double)
EMULATOR_VECTORS(long long, longlong)
EMULATOR_VECTORS(unsigned long long, ulonglong)

struct dim3 {
    unsigned x, y, z;
    constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1)
        : x(x), y(y), z(z) {}
    constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
};
enum cudaError {
    cudaSuccess = 0, cudaErrorInvalidValue = 1,
    cudaErrorMemoryAllocation = 2, cudaErrorInvalidConfiguration = 9,
    cudaErrorNoDevice = 100, cudaErrorInvalidDevice = 101,
    cudaErrorInvalidResourceHandle = 400, cudaErrorNotReady = 600,
    cudaErrorIllegalAddress = 700, cudaErrorLaunchFailure = 719,
    cudaErrorNotSupported = 801, cudaErrorStreamCaptureUnsupported = 900,
                                 cudaErrorStreamCaptureInvalidated = 901,
                                 cudaErrorIllegalState = 401,
    cudaErrorUnknown = 999
};
typedef enum cudaError cudaError_t;
enum cudaMemcpyKind {
    cudaMemcpyHostToHost, cudaMemcpyHostToDevice,
    cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault
};
enum cudaFuncAttribute {
    cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
    cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
enum cudaDeviceAttr {
    cudaDevAttrMaxThreadsPerBlock = 1,
    cudaDevAttrMaxSharedMemoryPerBlock = 8, cudaDevAttrWarpSize = 10,
    cudaDevAttrClockRate = 13, cudaDevAttrMultiProcessorCount = 16,
    cudaDevAttrMemoryClockRate = 36,
    cudaDevAttrL2CacheSize = 38,
    cudaDevAttrComputeCapabilityMajor = 75,
    cudaDevAttrComputeCapabilityMinor = 76,
    cudaDevAttrMaxSharedMemoryPerBlockOptin = 97
};
typedef struct CUstream_st *cudaStream_t;
typedef struct CUevent_st *cudaEvent_t;
// More types of the runtime
namespace emulator {
/* launches, copies and events so far; a graph counts twice: when it is
   made ready, and each time that it is launched */
uint64_t calls(void);
}
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraph_st *cudaGraphExec_t;
enum cudaStreamCaptureMode {
    cudaStreamCaptureModeGlobal, cudaStreamCaptureModeThreadLocal,
    cudaStreamCaptureModeRelaxed
};
#define cudaStreamDefault 0u
#define cudaStreamNonBlocking 1u
#define cudaStreamLegacy ((cudaStream_t)1)
#define cudaStreamPerThread ((cudaStream_t)2)
enum cudaLaunchAttributeID { cudaLaunchAttributeClusterDimension = 4 };
struct cudaLaunchAttribute {
    enum cudaLaunchAttributeID id;
    union { struct { unsigned x, y, z; } clusterDim; } val;
};
struct cudaLaunchConfig_t {
    dim3 gridDim, blockDim;
    size_t dynamicSmemBytes;
    cudaStream_t stream;
    struct cudaLaunchAttribute *attrs;
    unsigned numAttrs;
};

// Functions of CUDA's runtime
extern "C" {
cudaError_t cudaMalloc(void **memory, size_t bytes);
cudaError_t cudaFree(void *memory);
cudaError_t cudaMallocHost(void **memory, size_t bytes);
cudaError_t cudaFreeHost(void *memory);
cudaError_t cudaMemGetInfo(size_t *free, size_t *all);
cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes,
                       enum cudaMemcpyKind kind);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
                            enum cudaMemcpyKind kind,
                            cudaStream_t stream = NULL);
cudaError_t cudaMemset(void *to, int value, size_t bytes);
cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes,
                            cudaStream_t stream = NULL);
cudaError_t cudaStreamCreate(cudaStream_t *stream);
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream,
                                      unsigned flags);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamQuery(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event,
                                unsigned flags = 0);
cudaError_t cudaDeviceSynchronize(void);
cudaError_t cudaEventCreate(cudaEvent_t *event);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event,
                            cudaStream_t stream = NULL);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t begins,
                                 cudaEvent_t ends);
// More functions of the runtime
cudaError_t cudaStreamBeginCapture(cudaStream_t stream,
                                   enum cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream,
                                 cudaGraph_t *graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *ready,
                                 cudaGraph_t graph,
                                 unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t stream);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready);
cudaError_t cudaGetLastError(void);
cudaError_t cudaPeekAtLastError(void);
const char *cudaGetErrorName(cudaError_t error);
const char *cudaGetErrorString(cudaError_t error);
struct cudaDeviceProp {
    char name[256];
    size_t totalGlobalMem;
    int major, minor, multiProcessorCount;
};
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *, int);
cudaError_t cudaGetDeviceCount(int *count);
cudaError_t cudaDriverGetVersion(int *version);
cudaError_t cudaRuntimeGetVersion(int *version);
cudaError_t cudaFuncSetAttribute(const void *kernel,
                                 enum cudaFuncAttribute what,
                                 int value);
cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr what,
                                   int device);
}

// How the header speaks to the emulator
namespace emulator {
struct thread {
    uint3 index;
    unsigned number, warp, lane;    /* in the block, in the warp */
    unsigned epoch;         /* meetings of its warp since a barrier */
    unsigned meeting;       /* of its cluster, to which it has come */
    enum { RUNS, AT_BARRIER, IN_WARP, WAITS, ENDED } state;
    struct fiber *fiber;
    const char *operation, *file;   /* where it waits */
    int line;
    unsigned mask;                  /* of the lanes it waits for */
    void (*together)(unsigned lanes, void *const argument[32]);
    bool (*until)(void *argument);  /* for what it WAITS */
    void *argument;
};
extern struct thread *current;      /* NULL: the host runs */
[[noreturn]] void fail(const char *file, int line, const char *what,
                       ...) __attribute__((format(printf, 3, 4)));
}
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;
#define HERE const char *file = __builtin_FILE(), \
             int line = __builtin_LINE()

// A launch
namespace emulator {
struct shape {
    dim3 grid, block;
    size_t shared_bytes;
    cudaStream_t stream;
    unsigned cluster = 1;               /* blocks that run together */
};
enum { MOST_PARAMETERS = 4096 };        /* bytes */
/* Queues a launch: call(parameters) runs in each of its threads. */
void submit(const struct shape &s, const void *kernel,
            const void *parameters, size_t bytes, void (*call)(void *));

template <class... P, class... A>
void start(const struct shape &s, void (*kernel)(P...), A &&...given)
{
    struct packed {
        void (*kernel)(P...);
        std::tuple<std::decay_t<P>...> arguments;
    } p = { kernel, { std::forward<A>(given)... } };
    static_assert(sizeof p <= MOST_PARAMETERS);
    static_assert((std::is_trivially_copyable_v<std::decay_t<P>>
                   && ...), "parameters are copied as bytes");
    submit(s, (const void *)kernel, &p, sizeof p, [](void *bytes) {
        struct packed *q = (struct packed *)bytes;
        std::apply(q->kernel, q->arguments);
    });
}
// What stands between the brackets
template <class... A> struct launch_of {
    struct shape shape;
    std::tuple<A...> arguments;
};
struct launch {
    struct shape shape;
    launch(dim3 grid, dim3 block, size_t shared_bytes = 0,
           cudaStream_t stream = NULL)
        : shape{ grid, block, shared_bytes, stream, 1 } {}
    template <class... A>
    launch_of<std::decay_t<A>...> operator()(A &&...a) const
    {
        return { shape, { std::forward<A>(a)... } };
    }
};
template <class... P, class... A>
void operator%(void (*kernel)(P...), launch_of<A...> l)
{
    std::apply([&](auto &...a) { start(l.shape, kernel, a...); },
               l.arguments);
}
}

// Operations of a block
namespace emulator {
enum answer { NONE, ANY, ALL, HOW_MANY };
int meet(const char *operation, int vote, enum answer answer,
         const char *file, int line);
void *dynamic(void);
}
inline void __syncthreads(HERE)
{
    emulator::meet("__syncthreads", 0, emulator::NONE, file, line);
}
inline int __syncthreads_or(int vote, HERE)
{
    return emulator::meet("__syncthreads_or", vote, emulator::ANY, file,
                          line);
}
inline int __syncthreads_and(int vote, HERE)
{
    return emulator::meet("__syncthreads_and", vote, emulator::ALL,
                          file, line);
}
inline int __syncthreads_count(int vote, HERE)
{
    return emulator::meet("__syncthreads_count", vote,
                          emulator::HOW_MANY, file, line);
}
// A fence for other blocks
namespace emulator { void thread_fence(void); }
inline void __threadfence(void) { emulator::thread_fence(); }
inline void __threadfence_block(void) {}
inline void __threadfence_system(void) {}

// Operations of a warp
namespace emulator {
void meet_lanes(const char *operation, unsigned mask,
                void (*together)(unsigned, void *const *),
                void *argument, const char *file, int line);
void shuffle(void *value, size_t bytes, unsigned mask, int from,
             const char *operation, const char *file, int line);
unsigned ballot(unsigned mask, bool vote, const char *operation,
                const char *file, int line);
int64_t reduce(unsigned mask, int64_t value,
               int64_t (*fold)(int64_t, int64_t), const char *operation,
               const char *file, int line);
void sync_warp(unsigned mask, const char *file, int line);

/* lane, or `from` if that is in lane's part of `width` lanes */
inline int within(int from, int lane, int width)
{
    return (from & ~(width - 1)) == (lane & ~(width - 1)) ? from : lane;
}
template <class T> T shuffled_from(unsigned mask, T value, int from,
                                   const char *operation,
                                   const char *file, int line)
{
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= 8);
    shuffle(&value, sizeof value, mask, from, operation, file, line);
    return value;
}
inline int lane_of(void)
{
    return current == NULL ? 0 : (int)current->lane;
}
}
inline void __syncwarp(unsigned mask = ~0u, HERE)
{
    emulator::sync_warp(mask, file, line);
}
template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = 32, HERE)
{
    int first = emulator::lane_of() & ~(width - 1);
    return emulator::shuffled_from(mask, value,
                                   first + (from & (width - 1)),
                                   "__shfl_sync", file, line);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned by, int width = 32,
                 HERE)
{
    int lane = emulator::lane_of();
    return emulator::shuffled_from(
        mask, value, emulator::within(lane - (int)by, lane, width),
        "__shfl_up_sync", file, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned by, int width = 32,
                   HERE)
{
    int lane = emulator::lane_of();
    return emulator::shuffled_from(
        mask, value, emulator::within(lane + (int)by, lane, width),
        "__shfl_down_sync", file, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int with, int width = 32,
                  HERE)
{
    int lane = emulator::lane_of(), from = lane ^ with;
    if (from >= (lane & ~(width - 1)) + width)
        from = lane;
    return emulator::shuffled_from(mask, value, from, "__shfl_xor_sync",
                                   file, line);
}
inline unsigned __ballot_sync(unsigned mask, int vote, HERE)
{
    return emulator::ballot(mask, vote != 0, "__ballot_sync", file,
                            line);
}
inline int __any_sync(unsigned mask, int vote, HERE)
{
    return emulator::ballot(mask, vote != 0, "__any_sync", file, line)
        != 0;
}
inline int __all_sync(unsigned mask, int vote, HERE)
{
    return emulator::ballot(mask, vote == 0, "__all_sync", file, line)
        == 0;
}
#define EMULATOR_REDUCE(name, type, expression) \
    inline type __reduce_##name##_sync(unsigned mask, type value, \
                                       HERE) \
    { \
        return (type)emulator::reduce(mask, value, \
            [](int64_t a, int64_t b) { return (expression); }, \
            "__reduce_" #name "_sync", file, line); \
    }
EMULATOR_REDUCE(add, int, a + b)
EMULATOR_REDUCE(add, unsigned, a + b)
EMULATOR_REDUCE(max, int, a > b ? a : b)
EMULATOR_REDUCE(max, unsigned, a > b ? a : b)
EMULATOR_REDUCE(min, int, a < b ? a : b)
EMULATOR_REDUCE(min, unsigned, a < b ? a : b)
EMULATOR_REDUCE(and, unsigned, a & b)
EMULATOR_REDUCE(or, unsigned, a | b)
EMULATOR_REDUCE(xor, unsigned, a ^ b)
// More operations of a warp
namespace emulator {
/* cp.async of 4, 8 or 16 bytes; the last bytes - given are zeros */
void copy_async(void *to, const void *from, int bytes, int given);
void commit_copies(void);
/* until all but the last groups_left groups are there */
void wait_for_copies(int groups_left);
}
/* as in device/tensor.cuh */
void mma_bf16(float d[4], const unsigned a[4], const unsigned b[2],
              HERE);
void mma_tf32(float d[4], const unsigned a[4], const unsigned b[2],
              HERE);
void ldmatrix_4(unsigned r[4], const void *row, HERE);
void ldmatrix_4_turned(unsigned r[4], const void *row, HERE);
unsigned tf32(float x);
unsigned pack_bf16(float low, float high);
/* sm_90a, see device/hopper.cuh */
struct CUtensorMap_st;
namespace emulator {
unsigned shared_offset(const void *at);
void mbarrier_init(uint64_t *b, unsigned arrivals);
void mbarrier_arrive(uint64_t *b, unsigned bytes);
void mbarrier_wait(uint64_t *b, unsigned parity, const char *file,
                   int line);
void tma_load(void *to, const CUtensorMap_st *m, int row, int column,
              uint64_t *b);
void proxy_fence(void);
void wgmma_fence(void);
void wgmma_commit(void);
void wgmma_wait(int left, const char *file, int line);
void wgmma(float *d, unsigned n, uint64_t a, uint64_t b, bool a_turned,
           bool b_turned, const char *file, int line);
unsigned cluster_rank(void);
void cluster_arrive(void);
void cluster_wait(const char *file, int line);
void *in_block(const void *at, unsigned rank);
}
enum cudaDriverEntryPointQueryResult { cudaDriverEntryPointSuccess,
    cudaDriverEntryPointSymbolNotFound };
#define cudaEnableDefault 0ull
cudaError_t cudaGetDriverEntryPointByVersion(
    const char *name, void **entry, unsigned version,
    unsigned long long flags, cudaDriverEntryPointQueryResult *found);
namespace emulator {
void wgmma_eight(float *d, unsigned n, uint64_t a, uint64_t b,
                 const char *file, int line);
}

// Operations that nothing can divide
namespace emulator {
void atomic_load(void *value, const void *at, size_t bytes);
void atomic_store(void *at, const void *value, size_t bytes);
template <class T, class F> __forceinline__ T atomic(T *at, F f)
{
    T old;
    atomic_load(&old, at, sizeof old);
    T value = f(old);
    atomic_store(at, &value, sizeof value);
    return old;
}
}
#define EMULATOR_ATOMIC(name, type, expression) \
    __forceinline__ type name(type *at, type v) \
    { \
        return emulator::atomic(at, [=](type old) -> type \
                                { return (expression); }); \
    }
#define EMULATOR_ATOMICS(type) \
    EMULATOR_ATOMIC(atomicAdd, type, old + v) \
    EMULATOR_ATOMIC(atomicMax, type, old > v ? old : v) \
    EMULATOR_ATOMIC(atomicMin, type, old < v ? old : v) \
    EMULATOR_ATOMIC(atomicAnd, type, old & v) \
    EMULATOR_ATOMIC(atomicOr, type, old | v) \
    EMULATOR_ATOMIC(atomicXor, type, old ^ v) \
    EMULATOR_ATOMIC(atomicExch, type, (void(old), v)) \
    __forceinline__ type atomicCAS(type *at, type is, type v) \
    { \
        return emulator::atomic(at, [=](type old) \
                                { return old == is ? v : old; }); \
    }
EMULATOR_ATOMICS(int)
EMULATOR_ATOMICS(unsigned)
EMULATOR_ATOMICS(unsigned long long)
EMULATOR_ATOMIC(atomicSub, int, old - v)
EMULATOR_ATOMIC(atomicSub, unsigned, old - v)
EMULATOR_ATOMIC(atomicAdd, float, old + v)
EMULATOR_ATOMIC(atomicAdd, double, old + v)
EMULATOR_ATOMIC(atomicExch, float, (void(old), v))

// Operations of one thread
template <class T> T __ldg(const T *p) { return *p; }
template <class T> T __ldca(const T *p) { return *p; }
template <class T> T __ldcg(const T *p) { return *p; }
template <class T> T __ldcs(const T *p) { return *p; }
template <class T> void __stcg(T *p, T v) { *p = v; }
template <class T> void __stcs(T *p, T v) { *p = v; }
template <class To, class From> inline To emulator_bits(From from)
{
    To to;
    static_assert(sizeof to == sizeof from);
    memcpy(&to, &from, sizeof to);
    return to;
}
inline float __int_as_float(int x) { return emulator_bits<float>(x); }
inline float __uint_as_float(unsigned x)
{
    return emulator_bits<float>(x);
}
inline int __float_as_int(float x) { return emulator_bits<int>(x); }
inline unsigned __float_as_uint(float x)
{
    return emulator_bits<unsigned>(x);
}
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(x); }
inline unsigned __brev(unsigned x)
{
    unsigned r = 0;
    for (int i = 0; i < 32; i++)
        r |= (x >> i & 1) << (31 - i);
    return r;
}
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1 / sqrtf(x); }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __fdividef(float x, float y) { return x / y; }
inline float __fmaf_rn(float x, float y, float z)
{
    return fmaf(x, y, z);
}
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __saturatef(float x) { return x > 0 ? x < 1 ? x : 1 : 0; }
#define __expf(x) expf(x)       /* glibc has functions of these names */
#define __exp2f(x) exp2f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __powf(x, y) powf(x, y)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
inline long long clock64(void) { return 0; }
inline void __nanosleep(unsigned) {}
[[noreturn]] inline void __trap(HERE)
{
    emulator::fail(file, line, "__trap");
}
template <class T, class U> std::common_type_t<T, U> max(T a, U b)
{
    return a > b ? a : b;
}
template <class T, class U> std::common_type_t<T, U> min(T a, U b)
{
    return a < b ? a : b;
}

// Functions of the runtime that are templates
template <class... P, class... A>
cudaError_t cudaLaunchKernelEx(const struct cudaLaunchConfig_t *c,
                               void (*kernel)(P...), A &&...given)
{
    emulator::shape s = { c->gridDim, c->blockDim, c->dynamicSmemBytes,
                          c->stream, 1 };
    for (unsigned i = 0; i < c->numAttrs; i++)  /* there is one kind */
        s.cluster = c->attrs[i].val.clusterDim.x;
    emulator::start(s, kernel, std::forward<A>(given)...);
    return cudaPeekAtLastError();
}
template <class T> cudaError_t cudaMalloc(T **memory, size_t bytes)
{
    return cudaMalloc((void **)memory, bytes);
}
template <class T> cudaError_t cudaMallocHost(T **memory, size_t bytes)
{
    return cudaMallocHost((void **)memory, bytes);
}
template <class... P>
cudaError_t cudaFuncSetAttribute(void (*kernel)(P...),
                                 enum cudaFuncAttribute what, int value)
{
    return cudaFuncSetAttribute((const void *)kernel, what, value);
}
#endif
