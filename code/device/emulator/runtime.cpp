#include "emulator.h"
#include <algorithm>
#include <csignal>
#include <ctime>
#include <deque>
#include <functional>
#include <map>
#include <sys/mman.h>
#include <ucontext.h>
#if defined(__SANITIZE_ADDRESS__)
enum { ASAN = 1 };
#else
enum { ASAN = 0 };
#endif
using namespace emulator;

static cudaError_t last_error = cudaSuccess;
static cudaError_t health = cudaSuccess;        /* once bad, it stays */
static unsigned long fails_after;       /* so many launches; 0: never */

static cudaError_t failed(cudaError_t error)
{
    last_error = error;
    return error;
}

cudaError_t cudaPeekAtLastError(void)
{
    return health == cudaSuccess ? last_error : health;
}
cudaError_t cudaGetLastError(void)
{
    cudaError_t error = cudaPeekAtLastError();
    last_error = cudaSuccess;
    return error;
}

static const struct { cudaError_t error; const char *name, *words; }
    errors[] = {
    { cudaSuccess, "cudaSuccess", "no error" },
    { cudaErrorInvalidValue, "cudaErrorInvalidValue",
      "invalid argument" },
    { cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation",
      "out of memory" },
    { cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration",
      "invalid configuration argument" },
    { cudaErrorInvalidDevice, "cudaErrorInvalidDevice",
      "invalid device ordinal" },
    { cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle",
      "invalid resource handle" },
    { cudaErrorNotReady, "cudaErrorNotReady", "device not ready" },
    { cudaErrorLaunchFailure, "cudaErrorLaunchFailure",
      "unspecified launch failure" },
    { cudaErrorStreamCaptureUnsupported,
      "cudaErrorStreamCaptureUnsupported",
      "operation not permitted when stream is capturing" },
    { cudaErrorStreamCaptureInvalidated,
      "cudaErrorStreamCaptureInvalidated",
      "operation failed due to a previous error during capture" },
    { cudaErrorUnknown, "cudaErrorUnknown", "unknown error" },
};

static size_t nth_error(cudaError_t error)
{
    size_t i = 0, last = sizeof errors / sizeof *errors - 1;
    while (i < last && errors[i].error != error)
        i++;
    return i;
}
const char *cudaGetErrorName(cudaError_t error)
{
    return errors[nth_error(error)].name;
}
const char *cudaGetErrorString(cudaError_t error)
{
    return errors[nth_error(error)].words;
}

struct CUstream_st {
    struct operation {
        uint64_t number;
        std::function<void()> run;
        std::vector<std::pair<struct CUstream_st *, uint64_t>> after;
    };
    std::deque<struct operation> queue;
    uint64_t last;                      /* the youngest's number */
    bool blocking;                      /* waits for stream 0 */
};

static void run_until(struct CUstream_st *s, uint64_t number)
{
    while (!s->queue.empty() && s->queue.front().number <= number) {
        auto o = std::move(s->queue.front());
        s->queue.pop_front();
        for (auto &[other, its] : o.after)
            run_until(other, its);
        if (health == cudaSuccess)
            o.run();
    }
}
static uint64_t numbers;
static struct CUstream_st stream_0 = { {}, 0, true };
static auto &streams = *new std::vector<struct CUstream_st *>();
static bool lazy;

static struct CUstream_st *stream(cudaStream_t s)
{
    return s == NULL || s == cudaStreamLegacy
        || s == cudaStreamPerThread ? &stream_0 : s;
}

static bool pending(const struct CUstream_st *s, uint64_t number)
{
    return s != NULL && !s->queue.empty()
        && s->queue.front().number <= number;
}

static void run_all(void)
{
    run_until(&stream_0, UINT64_MAX);
    size_t n = streams.size();
    for (size_t i = 0; i < n; i++)
        run_until(streams[order == REVERSE ? n - 1 - i : i],
                  UINT64_MAX);
}

struct CUgraph_st { std::vector<std::function<void()>> work; };
static struct CUgraph_st *recorded;     /* NULL: nothing is */
static struct CUstream_st *recording;
static bool spoiled;

static cudaError_t spoil(void)
{
    spoiled = true;
    return failed(cudaErrorStreamCaptureUnsupported);
}

static struct CUstream_st::operation *put(cudaStream_t to,
                                          std::function<void()> run)
{
    struct CUstream_st *s = stream(to);
    if (recorded != NULL && s == recording) {
        static struct CUstream_st::operation nobody;
        recorded->work.push_back(std::move(run));
        return &nobody;
    }
    s->last = ++numbers;
    s->queue.push_back({ numbers, std::move(run), {} });
    auto *o = &s->queue.back();
    if (s == &stream_0) {
        for (struct CUstream_st *other : streams)
            if (other->blocking)
                o->after.push_back({ other, other->last });
    } else if (s->blocking)
        o->after.push_back({ &stream_0, stream_0.last });
    return o;
}

static void unless_lazy(cudaStream_t s)
{
    if (!lazy)
        run_until(stream(s), UINT64_MAX);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags)
{
    *s = new CUstream_st{ {}, 0, (flags & cudaStreamNonBlocking) == 0 };
    streams.push_back(*s);
    return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t *s)
{
    return cudaStreamCreateWithFlags(s, cudaStreamDefault);
}
cudaError_t cudaStreamDestroy(cudaStream_t s)
{
    run_until(s, UINT64_MAX);
    return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
    if (recorded != NULL && stream(s) == recording)
        return spoil();
    run_until(stream(s), UINT64_MAX);
    return health;
}
cudaError_t cudaStreamQuery(cudaStream_t s)
{
    return pending(stream(s), UINT64_MAX) ? cudaErrorNotReady
                                          : cudaSuccess;
}
cudaError_t cudaDeviceSynchronize(void)
{
    run_all();
    return health;
}

struct CUevent_st {
    struct CUstream_st *stream;         /* NULL: not recorded */
    uint64_t number;
    double ms;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e3 * (double)t.tv_sec + 1e-6 * (double)t.tv_nsec;
}

cudaError_t cudaEventCreate(cudaEvent_t *event)
{
    *event = new CUevent_st();
    return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    if (event->stream != NULL)
        run_until(event->stream, event->number);
    delete event;
    return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t s)
{
    put(s, [=] { event->ms = now(); });
    event->stream = stream(s);
    event->number = numbers;
    unless_lazy(s);
    return health;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    if (event->stream != NULL)
        run_until(event->stream, event->number);
    return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t event)
{
    return pending(event->stream, event->number) ? cudaErrorNotReady
                                                 : cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t begins,
                                 cudaEvent_t ends)
{
    if (begins->stream == NULL || ends->stream == NULL)
        return failed(cudaErrorInvalidResourceHandle);
    if (pending(begins->stream, begins->number)
        || pending(ends->stream, ends->number))
        return failed(cudaErrorNotReady);
    *ms = (float)(ends->ms - begins->ms);
    return cudaSuccess;
}
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t event,
                                unsigned)
{
    if (event->stream != NULL)
        put(s, [] {})->after.push_back({ event->stream,
                                         event->number });
    unless_lazy(s);
    return cudaSuccess;
}

enum { GAP = 512 };
static const size_t ROOM = (size_t)16 << 30;
static char *heap, *next_piece;
static auto &pieces = *new std::map<char *, size_t>();
static size_t used;
static bool guarded;
static int opened;

static char *find_piece(char *from, size_t bytes)
{
    for (auto p = pieces.begin(); p != pieces.end(); ++p) {
        if (p->first + p->second + GAP <= from)
            continue;
        if (from + bytes + GAP <= p->first)
            break;
        uintptr_t end = (uintptr_t)(p->first + p->second) + GAP;
        from = (char *)((end + 255) & ~(uintptr_t)255);
    }
    return from + bytes + GAP <= heap + ROOM ? from : NULL;
}

static void open_memory(bool open)
{
    if (guarded && heap != NULL
        && (open ? opened++ == 0 : --opened == 0))
        mprotect(heap, ROOM, open ? PROT_READ | PROT_WRITE : PROT_NONE);
}

static bool on_device(const void *at, size_t bytes)
{
    auto p = pieces.upper_bound((char *)at);
    return p != pieces.begin()
        && (--p, (char *)at + bytes <= p->first + p->second);
}
enum { PAGE = 4096, BIG = 1 << 20 };   /* bytes */
static void set(char *at, int value, size_t bytes)
{
    char *first = (char *)(((uintptr_t)at + PAGE - 1) & -(size_t)PAGE);
    char *end = (char *)((uintptr_t)(at + bytes) & -(size_t)PAGE);
    if (value != 0 || bytes < BIG || ASAN) {
        memset(at, value, bytes);
        return;
    }
    memset(at, 0, first - at);
    madvise(first, end - first, MADV_DONTNEED);
    memset(end, 0, at + bytes - end);
}

static char *new_piece(size_t bytes)
{
    void *memory = NULL;
    if (ASAN)                           /* which has its own gaps */
        return posix_memalign(&memory, 256, bytes) == 0
            ? (char *)memory : NULL;
    if (heap == NULL) {
        heap = (char *)reserve(ROOM, guarded ? PROT_NONE
                               : PROT_READ | PROT_WRITE);
        next_piece = heap + GAP;
        if (checker != NULL)
            checker->heap(heap, ROOM);
    }
    char *piece = find_piece(next_piece, bytes);
    if (piece == NULL)
        piece = find_piece(heap + GAP, bytes);
    if (piece != NULL)
        next_piece = (char *)(((uintptr_t)piece + bytes + GAP + 255)
                              & ~(uintptr_t)255);
    return piece;
}

cudaError_t cudaMalloc(void **memory, size_t bytes)
{
    if (recorded != NULL)
        return spoil();
    char *piece = bytes > ROOM - used ? NULL
        : new_piece(bytes == 0 ? 1 : bytes);
    *memory = piece;
    if (piece == NULL)
        return failed(cudaErrorMemoryAllocation);
    used += pieces[piece] = bytes;
    open_memory(true);
    memset(piece, 0xff, std::min(bytes, (size_t)64 * BIG));
    open_memory(false);
    if (checker != NULL)
        checker->allocated(piece, bytes, true);
    return health;
}

cudaError_t cudaFree(void *memory)
{
    if (recorded != NULL)
        return spoil();
    auto p = pieces.find((char *)memory);
    if (memory == NULL)
        return cudaSuccess;
    run_all();
    if (p == pieces.end())
        return failed(cudaErrorInvalidValue);
    if (checker != NULL)
        checker->allocated(p->first, p->second, false);
    open_memory(true);
    if (ASAN)
        free(memory);
    else
        set(p->first, p->second < BIG ? 0xff : 0, p->second);
    open_memory(false);
    used -= p->second;
    pieces.erase(p);
    return health;
}

cudaError_t cudaMemGetInfo(size_t *free, size_t *all)
{
    *all = ROOM;
    *free = ROOM - used;
    return cudaSuccess;
}

static auto &pinned = *new std::map<const char *, size_t>();

cudaError_t cudaMallocHost(void **memory, size_t bytes)
{
    *memory = malloc(bytes == 0 ? 1 : bytes);
    if (*memory == NULL)
        return failed(cudaErrorMemoryAllocation);
    pinned[(const char *)*memory] = bytes;
    return cudaSuccess;
}

cudaError_t cudaFreeHost(void *memory)
{
    run_all();
    pinned.erase((const char *)memory);
    free(memory);
    return cudaSuccess;
}

static bool is_pinned(const void *at)
{
    auto p = pinned.upper_bound((const char *)at);
    return p != pinned.begin()
        && (--p, (const char *)at < p->first + p->second);
}

static void move_now(void *to, const void *from, size_t bytes)
{
    open_memory(true);
    if (checker != NULL)
        checker->copied(on_device(to, bytes) ? to : NULL,
                        on_device(from, bytes) ? from : NULL, bytes);
    memmove(to, from, bytes);
    open_memory(false);
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes,
                            enum cudaMemcpyKind kind, cudaStream_t s)
{
    bool to_device = on_device(to, bytes);
    bool from_device = on_device(from, bytes);
    if (kind != cudaMemcpyDefault
        && (to_device != (kind == cudaMemcpyHostToDevice
                          || kind == cudaMemcpyDeviceToDevice)
            || from_device != (kind == cudaMemcpyDeviceToHost
                               || kind == cudaMemcpyDeviceToDevice)))
        return failed(cudaErrorInvalidValue);
    if (recorded != NULL && stream(s) == recording
        && !((from_device || is_pinned(from))
             && (to_device || is_pinned(to))))
        return spoil();
    if (lazy && !from_device && !is_pinned(from)) {
        const char *first = (const char *)from;
        std::vector<char> taken(first, first + bytes);
        put(s, [=] { move_now(to, taken.data(), bytes); });
    } else
        put(s, [=] { move_now(to, from, bytes); });
    unless_lazy(s);
    return health;
}

cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes,
                       enum cudaMemcpyKind kind)
{
    cudaError_t status = cudaMemcpyAsync(to, from, bytes, kind, NULL);
    run_until(&stream_0, UINT64_MAX);
    return status == cudaSuccess ? health : status;
}

cudaError_t cudaMemsetAsync(void *to, int value, size_t bytes,
                            cudaStream_t s)
{
    if (!on_device(to, bytes))
        return failed(cudaErrorInvalidValue);
    put(s, [=] {
        open_memory(true);
        if (checker != NULL)
            checker->copied(to, NULL, bytes);
        set((char *)to, value, bytes);
        open_memory(false);
    });
    unless_lazy(s);
    return health;
}

cudaError_t cudaMemset(void *to, int value, size_t bytes)
{
    return cudaMemsetAsync(to, value, bytes, NULL);
}

enum { MOST_UNASKED = 48 << 10, MOST_ASKED = 227 << 10 };  /* bytes */
static std::map<const void *, size_t> asked;    /* by kernel */

static bool possible(const struct shape &s)
{
    size_t size = (size_t)s.block.x * s.block.y * s.block.z;
    return size > 0 && size <= 1024 && s.block.z <= 64
        && s.grid.x > 0 && s.grid.x <= INT32_MAX
        && s.grid.y > 0 && s.grid.y <= 65535
        && s.grid.z > 0 && s.grid.z <= 65535
        && s.cluster <= MOST_BLOCKS && s.grid.x % s.cluster == 0;
}

void emulator::submit(const struct shape &s, const void *kernel,
                      const void *given, size_t bytes,
                      void (*call)(void *))
{
    auto found = asked.find(kernel);
    size_t most = found == asked.end() ? (size_t)MOST_UNASKED
                                       : found->second;
    if (!possible(s))
        failed(cudaErrorInvalidConfiguration);
    else if (s.shared_bytes > most)
        failed(cudaErrorInvalidValue);
    else {
        const char *first = (const char *)given;
        std::vector<char> kept(first, first + bytes);
        put(s.stream, [=] {
            if (fails_after > 0 && --fails_after == 0) {
                health = cudaErrorLaunchFailure;
                return;
            }
            open_memory(true);
            run_grid(s, kernel, call, kept.data(), kept.size());
            open_memory(false);
        });
        unless_lazy(s.stream);
    }
}

cudaError_t cudaFuncSetAttribute(const void *kernel,
                                 enum cudaFuncAttribute what, int value)
{
    if (what == cudaFuncAttributeMaxDynamicSharedMemorySize) {
        if (value < 0 || value > MOST_ASKED)
            return failed(cudaErrorInvalidValue);
        asked[kernel] = (size_t)value;
    }
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p,
                                    int device)
{
    size_t free;
    *p = { "the emulator", 0, 9, 0, 4 };
    cudaMemGetInfo(&free, &p->totalGlobalMem);
    return device == 0 ? cudaSuccess : failed(cudaErrorInvalidDevice);
}
cudaError_t cudaGetDeviceCount(int *count)
{
    *count = 1;
    return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int *version)
{
    *version = 13000;
    return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int *version)
{
    return cudaDriverGetVersion(version);
}

cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr what,
                                   int device)
{
    static const struct {
        enum cudaDeviceAttr what;
        int value;
    } is[] = {
        { cudaDevAttrMaxThreadsPerBlock, 1024 },
        { cudaDevAttrMaxSharedMemoryPerBlock, MOST_UNASKED },
        { cudaDevAttrWarpSize, 32 },
        { cudaDevAttrMultiProcessorCount, 4 },
        { cudaDevAttrL2CacheSize, 1 << 22 },
        { cudaDevAttrComputeCapabilityMajor, 9 },
        { cudaDevAttrComputeCapabilityMinor, 0 },
        { cudaDevAttrMaxSharedMemoryPerBlockOptin, MOST_ASKED },
    };
    if (device != 0)
        return failed(cudaErrorInvalidDevice);
    for (auto &i : is)
        if (i.what == what) {
            *value = i.value;
            return cudaSuccess;
        }
    return failed(cudaErrorInvalidValue);
}

static void tell_fault(int, siginfo_t *info, void *context)
{
    const ucontext_t *c = (const ucontext_t *)context;
    char *at = (char *)info->si_addr;
#if defined(__x86_64__)
    const char *place = (const char *)c->uc_mcontext.gregs[REG_RIP];
#else
    const char *place = (const char *)c->uc_mcontext.pc;
#endif
    if (current != NULL)
        fail(NULL, 0, "illegal or misaligned address %p at %s",
             (void *)at, place_of(place + 1));
    if (heap != NULL && at >= heap && at < heap + ROOM)
        fail(NULL, 0, "the host touches device memory at %s",
             place_of(place + 1));
}

extern "C" void emulator_configure(void)
{
    const char *s = getenv("EMULATOR_STREAMS");
    const char *g = getenv("EMULATOR_GUARD");
    const char *n = getenv("EMULATOR_FAIL");
    configure_order();
    lazy = s != NULL && strcmp(s, "lazy") == 0;
    if (s != NULL && !lazy)
        fail(NULL, 0, "EMULATOR_STREAMS is lazy, not '%s'", s);
    guarded = g != NULL && strcmp(g, "1") == 0 && !ASAN;
    fails_after = n == NULL ? 0 : strtoul(n, NULL, 10);
    if (n != NULL && fails_after == 0)
        fail(NULL, 0, "EMULATOR_FAIL is a number, not '%s'", n);
    if (heap != NULL)
        mprotect(heap, ROOM, guarded ? PROT_NONE
                                     : PROT_READ | PROT_WRITE);
    if (getenv("EMULATOR_COUNT") != NULL && checker == NULL)
        fail(NULL, 0, "EMULATOR_COUNT needs the checked build");
    configure_sums();
    struct sigaction fault = {};
    fault.sa_sigaction = tell_fault;
    fault.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND;
    if (!ASAN)
        sigaction(SIGSEGV, &fault, NULL);
}

__attribute__((constructor)) static void begin(void)
{
    static char stack[64 << 10];
    stack_t other = {};
    other.ss_sp = stack;
    other.ss_size = sizeof stack;
    sigaltstack(&other, NULL);
    emulator_configure();
}

cudaError_t cudaStreamBeginCapture(cudaStream_t s,
                                   enum cudaStreamCaptureMode)
{
    if (recorded != NULL || stream(s) == &stream_0)
        return failed(cudaErrorStreamCaptureUnsupported);
    recorded = new CUgraph_st();
    recording = stream(s);
    spoiled = false;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *graph)
{
    if (recorded == NULL || stream(s) != recording)
        return failed(cudaErrorIllegalState);
    *graph = recorded;
    recorded = NULL;
    if (!spoiled)
        return cudaSuccess;
    delete *graph;
    *graph = NULL;
    return failed(cudaErrorStreamCaptureInvalidated);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *ready,
                                 cudaGraph_t graph, unsigned long long)
{
    *ready = new CUgraph_st(*graph);
    numbers++;
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t ready, cudaStream_t s)
{
    put(s, [all = ready->work] {
        for (const auto &work : all)
            work();
    });
    unless_lazy(s);
    return cudaSuccess;
}

uint64_t emulator::calls(void) { return numbers; }

cudaError_t cudaGraphDestroy(cudaGraph_t graph)
{
    delete graph;
    return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t ready)
{
    return cudaGraphDestroy(ready);
}
