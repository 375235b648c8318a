#include "device/gpu.cuh"
#include "boundary/boundary.h"
#include "layers/attention.h"
#include "layers/optimizer.h"
#include <stdio.h>
#include <string.h>
// Headers of the gpu's operations
#include "layers/layers.cuh"
#include "boundary/boundary.cuh"
#include "ground/bf16.h"
#include "layers/cublaslt.cuh"
#include "layers/eight.h"
#include "layers/image.cuh"
#include "array/rows.cuh"
#include "array/rows.h"

// Open the gpu
void gpu_check(struct device *d, cudaError_t status, const char *what)
{
    char text[240];
    const char *last = ((const struct gpu *)d->state)->last;
    bool is_last = last == NULL || last == what;
    if (status == cudaSuccess)
        return;
    snprintf(text, sizeof text, "gpu: %.60s%s%.60s: %.80s", what,
             is_last ? "" : ", after ", is_last ? "" : last,
             cudaGetErrorString(status));
    device_fail(d, EX_OSERR, text);
}

static bool gpu_open(struct device *d, const char *precision,
                     struct message *m)
{
    int count = 0, major = 0, minor = 0;
    bool known = strcmp(precision, "single") == 0;
    // Know other precisions of the gpu
    known = known || strcmp(precision, "bf16") == 0;
    known = known || strcmp(precision, "fp8") == 0;
    for (const char *way : { "", "-stochastic", "-mean" })
        known = known || (strncmp(precision, "fp8-streams", 11) == 0
                          && strcmp(precision + 11, way) == 0);
    if (!known)
        return fail(m, EX_USAGE, "precision: there is no precision "
                    "'%.40s' on the gpu, but single"
                    ", bf16"
                    ", fp8"
                    ", fp8-streams, fp8-streams-stochastic, fp8-streams-mean", precision);
    cudaError_t status = cudaGetDeviceCount(&count);
    int driver = 0;
    if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0)
        return fail(m, EX_UNAVAILABLE, "device: no GPU: there is no "
                    "driver");
    if (status != cudaSuccess || count == 0) {
        cudaGetLastError();             /* it is said here, and over */
        return fail(m, EX_UNAVAILABLE, "device: no GPU: %s",
                    status == cudaSuccess ? "there is none"
                                          : cudaGetErrorString(status));
    }
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor,
                           0);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor,
                           0);
    if (major < 8)
        return fail(m, EX_UNAVAILABLE, "device: this GPU has compute "
                    "capability %d.%d; 8.0 is the least", major, minor);
    struct gpu *g = new struct gpu();
    g->version = 10 * major + minor;
    cudaDeviceGetAttribute(&g->multiprocessors,
                           cudaDevAttrMultiProcessorCount, 0);
    status = cudaStreamCreateWithFlags(&g->stream,
                                       cudaStreamNonBlocking);
    if (status != cudaSuccess) {
        delete g;
        cudaGetLastError();
        return fail(m, EX_UNAVAILABLE, "device: no GPU: %s",
                    cudaGetErrorString(status));
    }
    device_single(d);
    d->state = g;
    // Keep numbers in another precision of the gpu
    if (strcmp(precision, "single") != 0) {
        d->format[WORKING] = d->format[STREAM] = BF16;
        d->format[ACTIVATION] = d->format[GRADIENT] = BF16;
        d->format[OPERAND] = BF16;
        d->does = &gpu_sixteen_operations;
        // Open a library of products
        g->library = cublaslt_open();
    }
    if (strncmp(precision, "fp8", 3) == 0) {
        d->does = &gpu_eight_operations;
        d->eight.products = true;
        d->format[OPERAND] = eight_gpu_operands(d);
        // Keep streams on the gpu in eight bits
        if (strcmp(precision, "fp8") != 0) {
            d->format[STREAM] = E4M3;
            d->does = &gpu_eight_stream_operations;
            d->eight.by_chance = strstr(precision, "-stochastic") != NULL;
            d->eight.mean = strstr(precision, "-mean") != NULL;
            gpu_check(d, cudaMalloc((void **)&g->now, 4 * sizeof *g->now),
                      "place");
            gpu_check(d, cudaMemsetAsync(g->now, 0, 4 * sizeof *g->now,
                                         g->stream), "place");
        }
        gpu_check(d, cudaMalloc((void **)&g->left,
                                SQUARES * sizeof *g->left), "squares");
        gpu_check(d, cudaMemsetAsync(g->left, 0, SQUARES * sizeof *g->left,
                                     g->stream), "squares");
        gpu_check(d, cudaMalloc((void **)&g->counts,
                                2 * sizeof *g->counts), "counts");
        gpu_check(d, cudaMemsetAsync(g->counts, 0, 2 * sizeof *g->counts,
                                     g->stream), "counts");
    }
    return true;
}

static void gpu_close(struct device *d)
{
    struct gpu *g = (struct gpu *)d->state;
    // Give back what the clocks have
    for (size_t i = 0; i < g->room; i++) {
        cudaEventDestroy(g->timed[i].begins);
        cudaEventDestroy(g->timed[i].ends);
    }
    free(g->timed);
    if (g->library != NULL)
        cublaslt_close(g->library);
    if (g->counts != NULL)
        cudaFree(g->counts);
    if (g->left != NULL)
        cudaFree(g->left);
    if (g->now != NULL)
        cudaFree(g->now);
    cudaStreamDestroy(g->stream);
    delete g;
}

// Memory of the gpu
static void *gpu_allocate(struct device *d, size_t bytes)
{
    void *memory = NULL;
    if (cudaMalloc(&memory, bytes > 0 ? bytes : 1) != cudaSuccess) {
        cudaGetLastError();             /* it is said here, and over */
        return NULL;
    }
    gpu_check(d, cudaMemsetAsync(memory, 0, bytes, stream_of(d)),
              "zero");
    return memory;
}

static void gpu_release(struct device *d, void *memory)
{
    /* needless: cudaFree waits, though its manual does not say so */
    gpu_check(d, cudaStreamSynchronize(stream_of(d)), "release");
    gpu_check(d, cudaFree(memory), "release");
}

static bool gpu_ready(struct device *d, size_t bytes, struct message *m)
{
    size_t free = 0, all = 0;
    gpu_check(d, cudaMemGetInfo(&free, &all), "memory");
    return bytes <= free
        || fail(m, EX_OSERR, "no memory for %zu MiB on the GPU: %zu of "
                "%zu MiB are free", bytes >> 20, free >> 20, all >> 20);
}

static void gpu_wait(struct device *d)
{
    cudaError_t status = cudaStreamSynchronize(stream_of(d));
    gpu_check(d, status, "wait");
    if (status == cudaSuccess) {
        // Read the clocks
        struct gpu *g = (struct gpu *)d->state;
        for (size_t i = 0; i < g->used; i++) {
            const struct gpu::timed *t = &g->timed[i];
            float ms = 0;
            gpu_check(d, cudaEventElapsedTime(&ms, t->begins, t->ends),
                      "clock");
            if (d->clocks != NULL) {
                d->clocks->seconds[t->what] += ms / 1e3;
                d->clocks->calls[t->what]++;
            }
        }
        g->used = 0;
        struct gpu *in_eight = (struct gpu *)d->state;
        if (in_eight->counts != NULL) {
            unsigned long long now[2] = { 0, 0 };
            gpu_check(d, cudaMemcpy(now, in_eight->counts, sizeof now,
                                    cudaMemcpyDeviceToHost), "counts");
            gpu_check(d, cudaMemsetAsync(in_eight->counts, 0, sizeof now,
                                         in_eight->stream), "counts");
            d->eight.stored += now[0];
            d->eight.saturated += now[1];
        }
    }
}

static struct array as_bytes(struct array a)
{
    return (struct array){ .at = a.at, .rows = 1,
                           .columns = array_bytes(a), .role = a.role,
                           .format = E5M2 };    /* a byte each */
}

static __global__ void narrow_kernel(struct sixteen *to,
                                     const float *from, size_t count)
{
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < count)
        to[i] = from[i];
}

static __global__ void widen_kernel(float *to,
                                    const struct sixteen *from,
                                    size_t count)
{
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < count)
        to[i] = from[i];
}

// Move numbers to the gpu and back
static void move(struct device *d, void *to, const void *from,
                 size_t bytes, enum cudaMemcpyKind kind)
{
    if (bytes > 0)
        gpu_check(d, cudaMemcpyAsync(to, from, bytes, kind,
                                     stream_of(d)), "copy");
}

static void gpu_upload(struct device *d, struct array to,
                       const void *host)
{
    // Upload what is narrower
    if (to.format == BF16) {
        size_t count = to.rows * to.columns;
        bf16 *narrow = (bf16 *)malloc(array_bytes(to) + 1);
        if (narrow == NULL) {
            device_fail(d, EX_OSERR, "gpu: no memory for an upload");
            return;
        }
        bf16_store(narrow, (const float *)host, count);
        gpu_upload(d, as_bytes(to), narrow);
        free(narrow);
        return;
    }
    if (to.format == IMAGES) {
        struct array numbers = to;
        numbers.format = BF16;
        gpu_upload(d, numbers, host);
        gpu_images(d, to, to.rows);
        return;
    }
    if (to.format == E4M3) {
        struct array host_side = to;
        host_side.at = malloc(array_bytes(to) + 1);
        if (host_side.at == NULL) {
            device_fail(d, EX_OSERR, "gpu: no memory for an upload");
            return;
        }
        rows_store(host_side, 0, (const float *)host, to.rows);
        gpu_upload(d, as_bytes(to), host_side.at);
        free(host_side.at);
        return;
    }
    move(d, to.at, host, array_bytes(to), cudaMemcpyHostToDevice);
    gpu_check(d, cudaStreamSynchronize(stream_of(d)), "upload");
}

static void gpu_download(struct device *d, void *host,
                         struct array from)
{
    // Download what is narrower
    if (from.format == BF16) {
        size_t count = from.rows * from.columns;
        float *wide = (float *)host;
        bf16 *narrow = (bf16 *)(wide + count) - count;
        gpu_download(d, narrow, as_bytes(from));
        for (size_t i = 0; i < count; i++) {
            bf16 x = narrow[i];
            wide[i] = bf16_widen(x);
        }
        return;
    }
    if (from.format == IMAGES) {
        struct array numbers = from;
        void *room = NULL;
        numbers.format = BF16;
        if (gpu_has_images(d, from)) {
            gpu_check(d, cudaMalloc(&room, array_bytes(numbers)), "image");
            gpu_image_there(d, room, from, false);
            numbers.at = room;
        }
        gpu_download(d, host, numbers);
        if (room != NULL)
            gpu_release(d, room);
        return;
    }
    if (from.format == E4M3) {
        struct array host_side = from;
        host_side.at = malloc(array_bytes(from) + 1);
        if (host_side.at == NULL) {
            device_fail(d, EX_OSERR, "gpu: no memory for a download");
            return;
        }
        gpu_download(d, host_side.at, as_bytes(from));
        rows_load((float *)host, host_side, 0, from.rows);
        free(host_side.at);
        return;
    }
    move(d, host, from.at, array_bytes(from), cudaMemcpyDeviceToHost);
    gpu_check(d, cudaStreamSynchronize(stream_of(d)), "download");
}

static void gpu_zero(struct device *d, struct array a)
{
    if (array_bytes(a) > 0)
        gpu_check(d, cudaMemsetAsync(a.at, 0, array_bytes(a),
                                     stream_of(d)), "zero");
}

static void gpu_copy(struct device *d, struct array to,
                     struct array from)
{
    // Copy to another format
    if (to.format == BF16 && from.format == F32) {
        size_t count = to.rows * to.columns;
        narrow_kernel<<<blocks_for(count, 256), 256, 0, stream_of(d)>>>(
            (struct sixteen *)to.at, floats(from), count);
        gpu_launched(d, "narrow_kernel");
        return;
    }
    if (to.format == F32 && from.format == BF16) {
        size_t count = to.rows * to.columns;
        if (count == 0)
            return;
        widen_kernel<<<blocks_for(count, 256), 256, 0, stream_of(d)>>>(
            floats(to), (const struct sixteen *)from.at, count);
        gpu_launched(d, "widen_kernel");
        return;
    }
    if (to.format == F32 && from.format == E4M3) {
        gpu_rows_load(d, floats(to), from);
        return;
    }
    if (to.format == E4M3 && from.format == F32) {
        gpu_rows_store(d, to, floats(from));
        return;
    }
    assert(to.format == from.format);
    move(d, to.at, from.at, array_bytes(from),
         cudaMemcpyDeviceToDevice);
}

// Clocks of the gpu
// Make more clocks
static void more_clocks(struct device *d)
{
    struct gpu *g = (struct gpu *)d->state;
    size_t room = g->room == 0 ? 256 : 2 * g->room;
    struct gpu::timed *more = (struct gpu::timed *)realloc(
        g->timed, room * sizeof *more);
    if (more == NULL) {
        device_fail(d, EX_OSERR, "gpu: no memory for clocks");
        return;
    }
    g->timed = more;
    for (; g->room < room; g->room++) {
        struct gpu::timed *t = &more[g->room];
        cudaError_t status = cudaEventCreate(&t->begins);
        if (status == cudaSuccess
            && (status = cudaEventCreate(&t->ends)) != cudaSuccess)
            cudaEventDestroy(t->begins);
        if (status != cudaSuccess) {
            gpu_check(d, status, "clock");
            return;
        }
    }
}

static void gpu_mark(struct device *d, enum operation o, bool begins)
{
    struct gpu *g = (struct gpu *)d->state;
    if (begins && g->used == g->room)
        more_clocks(d);
    if (g->used == g->room)
        return;                 /* there are no more, which is noted */
    struct gpu::timed *t = &g->timed[g->used];
    t->what = o;
    gpu_check(d, cudaEventRecord(begins ? t->begins : t->ends,
                                 g->stream), "clock");
    g->used += !begins;
}
extern "C" const char *gpu_describe(void)
{
    static char text[240];
    struct cudaDeviceProp p;
    int driver = 0, runtime = 0, clock = 0, memory = 0;
    if (cudaGetDeviceProperties(&p, 0) != cudaSuccess)
        return "no GPU";
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    cudaDeviceGetAttribute(&clock, cudaDevAttrClockRate, 0);
    cudaDeviceGetAttribute(&memory, cudaDevAttrMemoryClockRate, 0);
    cudaGetLastError();                 /* what it does not know is 0 */
    snprintf(text, sizeof text, "%.60s (%d.%d, %d multiprocessors, %zu "
             "MiB, driver %d.%d, runtime %d.%d, clocks %d and %d MHz)",
             p.name, p.major, p.minor, p.multiProcessorCount,
             p.totalGlobalMem >> 20, driver / 1000, driver % 1000 / 10,
             runtime / 1000, runtime % 1000 / 10, clock / 1000,
             memory / 1000);
    return text;
}

// Repeat work on the gpu
static void gpu_forget(struct device *d, struct recording *r)
{
    if (r->state != NULL)
        gpu_check(d, cudaGraphExecDestroy((cudaGraphExec_t)r->state),
                  "forget");
    r->state = NULL;
}

// Record work
static bool record(struct device *d, struct recording *r,
                   void (*work)(void *), void *context)
{
    struct gpu *g = (struct gpu *)d->state;
    cudaGraph_t graph = NULL;
    cudaGraphExec_t ready = NULL;
    if (r->times++ == 0 || g->told)     /* first comes a rehearsal */
        return false;
    cudaError_t status = cudaStreamBeginCapture(
        g->stream, cudaStreamCaptureModeThreadLocal);
    if (status == cudaSuccess) {
        work(context);
        status = cudaStreamEndCapture(g->stream, &graph);
    }
    if (status == cudaSuccess && d->trouble.status == 0)
        status = cudaGraphInstantiate(&ready, graph, 0);
    if (graph != NULL)
        cudaGraphDestroy(graph);
    r->state = ready;
    r->workspace = d->workspace;
    // Say once that it could not be recorded
    if (ready == NULL) {
        fprintf(stderr, "a step cannot be recorded, and is started kernel "
                "by kernel: %s\n", d->trouble.status != 0 ? d->trouble.text
                                   : cudaGetErrorString(status));
        g->told = true;
        d->trouble.status = 0;
        cudaGetLastError();
    }
    return ready != NULL;
}

static bool gpu_repeat(struct device *d, struct recording *r,
                       void (*work)(void *), void *context)
{
    if (r->workspace != d->workspace)
        gpu_forget(d, r);
    if (r->state == NULL && !record(d, r, work, context))
        return false;
    gpu_check(d, cudaGraphLaunch((cudaGraphExec_t)r->state,
                                 stream_of(d)), "graph");
    ((struct gpu *)d->state)->last = "graph";
    return true;
}

extern "C" const struct operations gpu_operations = {
    .name = "gpu", .open = gpu_open, .close = gpu_close,
    .allocate = gpu_allocate, .release = gpu_release,
    .ready = gpu_ready, .wait = gpu_wait, .upload = gpu_upload,
    .download = gpu_download, .zero = gpu_zero, .copy = gpu_copy,
    .mark = gpu_mark,
    // Operations of the gpu
    .embed = gpu_embed, .embed_backward = gpu_embed_backward,
    .product = gpu_product, .product_input = gpu_product_input,
    .product_weight = gpu_product_weight, .attend = gpu_attend,
    .attend_backward = gpu_attend_backward, .gate = gpu_gate,
    .gate_backward = gpu_gate_backward,
    // Boundaries of the gpu
    .cross = gpu_cross, .cross_backward = gpu_cross_backward,
    // Losses of the gpu
    .loss = gpu_loss, .loss_backward = gpu_loss_backward,
    .mean = gpu_mean, .gradient_norm = gpu_gradient_norm,
    .step = gpu_step,
    // More boundaries of the gpu
    .enter = gpu_enter, .enter_backward = gpu_enter_backward,
    .repeat = gpu_repeat, .forget = gpu_forget,
};
