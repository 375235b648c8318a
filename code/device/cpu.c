#include "device/device.h"
#include "ground/memory.h"
#include "layers/attention.h"
#include "layers/embedding.h"
#include "layers/feedforward.h"
#include "layers/loss.h"
#include "layers/matmul.h"
#include "boundary/boundary.h"
#include <string.h>
#include <sysexits.h>
#include <time.h>
// Headers of the cpu's operations
#include "layers/optimizer.h"
#include "ground/sum.h"
#include "device/sixteen.h"

// Memory of the cpu
static bool cpu_open(struct device *d, const char *precision,
                     struct message *m)
{
    if (strcmp(precision, "single") == 0) {
        device_single(d);
        return true;
    }
    // Open the cpu in another precision
    if (strcmp(precision, "bf16") == 0)
        return sixteen_open(d, m);
    if (strcmp(precision, "fp8") == 0) {
        d->eight.products = true;
        return sixteen_open(d, m);
    }
    static const char *const way[] = { "", "-stochastic", "-mean" };
    for (int i = 0; i < 3; i++)
        if (strncmp(precision, "fp8-streams", 11) == 0
            && strcmp(precision + 11, way[i]) == 0) {
            d->eight.products = true;
            d->eight.by_chance = i == 1;
            d->eight.mean = i == 2;
            if (!sixteen_open(d, m))
                return false;
            d->format[STREAM] = E4M3;
            return true;
        }
    return fail(m, EX_USAGE, "precision: there is no precision "
                "'%.40s' on the cpu, but single"
                ", bf16"
                ", fp8"
                ", fp8-streams, fp8-streams-stochastic, fp8-streams-mean", precision);
}

static void *cpu_allocate(struct device *d, size_t bytes)
{
    struct message unsaid = { 0, "" };
    (void)d;
    return memory_new(bytes, 1, &unsaid);
}

static void cpu_release(struct device *d, void *memory)
{
    (void)d;
    memory_free(memory);
}

static bool cpu_ready(struct device *d, size_t bytes, struct message *m)
{
    (void)d;
    if (bytes > 0 && !memory_there(bytes))
        return fail(m, EX_OSERR, "no memory for %zu MiB", bytes >> 20);
    return matmul_ready(m);
}

static void cpu_wait(struct device *d)
{
    (void)d;
}

// Move numbers on the cpu
static void cpu_upload(struct device *d, struct array to,
                       const void *host)
{
    (void)d;
    memcpy(to.at, host, array_bytes(to));
}

static void cpu_download(struct device *d, void *host,
                         struct array from)
{
    (void)d;
    memcpy(host, from.at, array_bytes(from));
}

static void cpu_zero(struct device *d, struct array a)
{
    (void)d;
    memset(a.at, 0, array_bytes(a));
}

static void cpu_copy(struct device *d, struct array to,
                     struct array from)
{
    (void)d;
    memcpy(to.at, from.at, array_bytes(from));
}

static void cpu_mark(struct device *d, enum operation o, bool begins)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double now = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    d->clocks->seconds[o] += begins ? -now : now;
    d->clocks->calls[o] += begins;
}

// Layers on the cpu
static void cpu_embed(struct device *d, struct array out,
                      struct array id, struct array w)
{
    (void)d;
    embedding_forward(reals(out), tokens_of(id), reals(w), out.rows,
                      out.columns);
}

static void cpu_embed_backward(struct device *d, struct array dw,
                               struct array dout, struct array id)
{
    (void)d;
    embedding_backward(reals(dw), reals(dout), tokens_of(id), dout.rows,
                       dout.columns);
}

// Products on the cpu
static void cpu_product(struct device *d, struct array y,
                        struct array x, struct array w)
{
    (void)d;
    matmul_forward(reals(y), reals(x), reals(w), y.rows, w.rows,
                   w.columns);
}

static void cpu_product_input(struct device *d, struct array dx,
                              struct array dy, struct array w, bool add)
{
    (void)d;
    matmul_backward_input(reals(dx), reals(dy), reals(w), dx.rows,
                          w.rows, w.columns, add);
}

static void cpu_product_weight(struct device *d, struct array dw,
                               struct array dy, struct array x)
{
    (void)d;
    matmul_backward_weight(reals(dw), reals(dy), reals(x), dy.rows,
                           dw.rows, dw.columns);
}

// Attention on the cpu
static void cpu_attend(struct device *d, struct array out,
                       struct array lse, struct array qkv,
                       struct array rotation,
                       const struct attention_shape *s)
{
    size_t bytes = attention_scratch(s) * sizeof(real);
    real *scratch = device_scratch(d, bytes), *cosine = reals(rotation);
    if (scratch == NULL)
        return;
    attention_rotate(reals(qkv), cosine, cosine + rotation.columns, s);
    attention_forward(reals(out), reals(lse), reals(qkv), s, scratch);
}

static void cpu_attend_backward(struct device *d, struct array dqkv,
                                struct array dout, struct array out,
                                struct array lse, struct array qkv,
                                struct array rotation,
                                const struct attention_shape *s)
{
    size_t bytes = attention_scratch(s) * sizeof(real);
    real *scratch = device_scratch(d, bytes), *cosine = reals(rotation);
    if (scratch == NULL)
        return;
    attention_backward(reals(dqkv), reals(dout), reals(out), reals(lse),
                       reals(qkv), s, scratch);
    attention_rotate_back(reals(dqkv), cosine,
                          cosine + rotation.columns, s);
}

// The gate on the cpu
static void cpu_gate(struct device *d, struct array hidden,
                     struct array gate_up)
{
    size_t H = hidden.columns;
    (void)d;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < hidden.rows; t++) {
        const real *gate = reals(gate_up) + t * 2 * H;
        feedforward_forward(reals(hidden) + t * H, gate, gate + H, H);
    }
}

static void cpu_gate_backward(struct device *d, struct array dgate_up,
                              struct array dhidden,
                              struct array gate_up)
{
    size_t H = dhidden.columns;
    (void)d;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < dhidden.rows; t++) {
        const real *gate = reals(gate_up) + t * 2 * H;
        real *dgate = reals(dgate_up) + t * 2 * H;
        feedforward_backward(dgate, dgate + H, reals(dhidden) + t * H,
                             gate, gate + H, H);
    }
}

// The loss on the cpu
static void cpu_loss(struct device *d, struct array each,
                     struct array lse, struct array logits,
                     struct array target)
{
    (void)d;
    loss_forward(reals(each), reals(lse), reals(logits),
                 tokens_of(target), each.rows, logits.columns);
}

static void cpu_loss_backward(struct device *d, struct array logits,
                              struct array lse, struct array target,
                              double scale)
{
    (void)d;
    loss_backward(reals(logits), reals(logits), reals(lse),
                  tokens_of(target), (real)scale, logits.rows,
                  logits.columns);
}

static void cpu_mean(struct device *d, struct array sum,
                     struct array each, double scale, bool add)
{
    double all = 0;
    (void)d;
    for (size_t t = 0; t < each.rows; t++)
        all += (double)reals(each)[t];
    *doubles(sum) = (add ? *doubles(sum) : 0)
                  + scale * (all / (double)each.rows);
}

// More operations on the cpu
static void cpu_gradient_norm(struct device *d, struct array sum,
                              struct array gradient)
{
    (void)d;
    doubles(sum)[1] = sqrt(sum_of_squares(reals(gradient),
                                          gradient.columns));
}

static void cpu_step(struct device *d, struct array weight,
                     struct array working, struct array first,
                     struct array second, struct array gradient,
                     struct array sum, struct array adamw,
                     const struct segment *segment, size_t segments)
{
    const double *s = doubles(sum), *set = doubles(adamw);
    struct adamw a = {
        .rate = set[ADAMW_RATE], .beta1 = set[ADAMW_BETA1],
        .beta2 = set[ADAMW_BETA2], .epsilon = set[ADAMW_EPSILON],
        .scale = clip_scale(s[1], set[ADAMW_CLIP]),
        .step = (size_t)set[ADAMW_STEP] };
    assert(working.at == weight.at);
    (void)d, (void)working;
    for (size_t k = 0; k < segments; k++) {
        size_t i = segment[k].first;
        a.decay = segment[k].decay ? set[ADAMW_DECAY] : 0;
        if (isfinite(s[0]) && isfinite(s[1]))
            optimizer_step(reals(weight) + i, reals(first) + i,
                           reals(second) + i, reals(gradient) + i, &a,
                           segment[k].count);
    }
}
static void sixteen_step(struct device *d, struct array weight,
                         struct array working, struct array first,
                         struct array second, struct array gradient,
                         struct array sum, struct array adamw,
                         const struct segment *segment, size_t segments)
{
    cpu_step(d, weight, array_as(weight, WORKING, weight.format), first,
             second, gradient, sum, adamw, segment, segments);
    sixteen_copy(d, working, weight);
}

const struct operations cpu_operations = {
    .name = "cpu", .open = cpu_open,
    .allocate = cpu_allocate, .release = cpu_release,
    .ready = cpu_ready, .wait = cpu_wait, .upload = cpu_upload,
    .download = cpu_download, .zero = cpu_zero, .copy = cpu_copy,
    .mark = cpu_mark, .embed = cpu_embed,
    .embed_backward = cpu_embed_backward, .product = cpu_product,
    .product_input = cpu_product_input,
    .product_weight = cpu_product_weight, .attend = cpu_attend,
    .attend_backward = cpu_attend_backward, .gate = cpu_gate,
    .gate_backward = cpu_gate_backward, .cross = boundary_cross,
    .cross_backward = boundary_cross_backward, .loss = cpu_loss,
    .loss_backward = cpu_loss_backward, .mean = cpu_mean,
    // More operations of the cpu
    .gradient_norm = cpu_gradient_norm, .step = cpu_step,
    .enter = boundary_enter, .enter_backward = boundary_enter_backward,
};

// Other tables of the cpu
const struct operations cpu_sixteen_operations = {
    .name = "cpu", .open = cpu_open,
    .allocate = cpu_allocate, .release = cpu_release,
    .ready = cpu_ready, .wait = cpu_wait, .upload = sixteen_upload,
    .download = sixteen_download, .zero = cpu_zero,
    .copy = sixteen_copy, .mark = cpu_mark, .embed = sixteen_embed,
    .embed_backward = sixteen_embed_backward,
    .product = sixteen_product,
    .product_input = sixteen_product_input,
    .product_weight = sixteen_product_weight, .attend = sixteen_attend,
    .attend_backward = sixteen_attend_backward, .gate = sixteen_gate,
    .gate_backward = sixteen_gate_backward, .cross = sixteen_cross,
    .cross_backward = sixteen_cross_backward, .loss = cpu_loss,
    .loss_backward = cpu_loss_backward, .mean = cpu_mean,
    .gradient_norm = cpu_gradient_norm, .step = sixteen_step,
    .enter = sixteen_enter, .enter_backward = sixteen_enter_backward,
    .asks = 1ul << EMBED_BACKWARD | 1ul << PRODUCT
          | 1ul << PRODUCT_INPUT | 1ul << PRODUCT_WEIGHT
          | 1ul << GATE | 1ul << GATE_BACKWARD | 1ul << ENTER
          | 1ul << ENTER_BACKWARD };
