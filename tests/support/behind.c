#include "support/behind.h"
#include "support/cpu.h"
#include "boundary/boundary.h"
#include "layers/attention.h"
// Headers of what lags
#include "layers/optimizer.h"
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

// Calls that wait
enum { UPLOAD = OPERATIONS, ZERO, COPY, MARK, CALLS = 4096, TAG = 60 };

struct call {
    int what;
    struct array a[8];
    struct site from, to;
    bool has_from, flag;
    struct attention_shape shape;
    double scale;
    void *host;                 /* a copy of what is uploaded */
    struct device *device;      /* for marks and failures */
    // What else a call may have
    const struct segment *segment;
    size_t segments;
};

static struct call queue[CALLS];
static size_t queued, waits, done, failing;
unsigned behind_pause;

// Take the tags off
static void *plain(const void *at)
{
    uintptr_t address = (uintptr_t)at;
    if (at != NULL && address >> TAG != 1)
        abort();
    return (void *)(address & (((uintptr_t)1 << TAG) - 1));
}

static void *tagged(void *at)
{
    return at == NULL ? NULL
                      : (void *)((uintptr_t)at | (uintptr_t)1 << TAG);
}

static void untag_site(struct site *s)
{
    uintptr_t word[sizeof *s / sizeof(uintptr_t)];
    memcpy(word, s, sizeof word);
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (word[i] >> TAG == 1)
            word[i] = (uintptr_t)plain((void *)word[i]);
    memcpy(s, word, sizeof word);
}

// Do what was written down
static void run_call(struct call *c)
{
    const struct operations *o = &cpu_operations;
    struct array *a = c->a;
    switch (c->what) {
    case UPLOAD: o->upload(&cpu, a[0], c->host); break;
    case ZERO: o->zero(&cpu, a[0]); break;
    case COPY: o->copy(&cpu, a[0], a[1]); break;
    case MARK: o->mark(c->device, (enum operation)c->shape.heads,
                       c->flag); break;
    case EMBED: o->embed(&cpu, a[0], a[1], a[2]); break;
    case EMBED_BACKWARD:
        o->embed_backward(&cpu, a[0], a[1], a[2]);
        break;
    case PRODUCT: o->product(&cpu, a[0], a[1], a[2]); break;
    case PRODUCT_INPUT:
        o->product_input(&cpu, a[0], a[1], a[2], c->flag);
        break;
    case PRODUCT_WEIGHT:
        o->product_weight(&cpu, a[0], a[1], a[2]);
        break;
    case ATTEND:
        o->attend(&cpu, a[0], a[1], a[2], a[3], &c->shape);
        break;
    case ATTEND_BACKWARD:
        o->attend_backward(&cpu, a[0], a[1], a[2], a[3], a[4], a[5],
                           &c->shape);
        break;
    case GATE: o->gate(&cpu, a[0], a[1]); break;
    case GATE_BACKWARD: o->gate_backward(&cpu, a[0], a[1], a[2]); break;
    case CROSS: o->cross(&cpu, c->has_from ? &c->from : NULL, &c->to);
        break;
    case CROSS_BACKWARD: o->cross_backward(&cpu, c->has_from ? &c->from
                                           : NULL, &c->to); break;
    case LOSS: o->loss(&cpu, a[0], a[1], a[2], a[3]); break;
    case LOSS_BACKWARD: o->loss_backward(&cpu, a[0], a[1], a[2],
                                         c->scale); break;
    case MEAN: o->mean(&cpu, a[0], a[1], c->scale, c->flag); break;
    // More calls to be done
    case GRADIENT_NORM: o->gradient_norm(&cpu, a[0], a[1]); break;
    case STEP: o->step(&cpu, a[0], a[1], a[2], a[3], a[4], a[5], a[6],
                       c->segment, c->segments); break;
    case ENTER: o->enter(&cpu, &c->to, a[0]); break;
    case ENTER_BACKWARD: o->enter_backward(&cpu, a[0], &c->to); break;
    }
}

static void catch_up(void)
{
    for (size_t i = 0; i < queued; i++) {
        struct call *c = &queue[i];
        for (size_t k = 0; k < 8; k++)
            c->a[k].at = plain(c->a[k].at);
        untag_site(&c->from);
        untag_site(&c->to);
        if (c->what == PRODUCT && behind_pause > 0)
            usleep(behind_pause);
        if (++done == failing)
            device_fail(c->device, EX_OSERR, "this call was to fail");
        if (c->device->trouble.status == 0)
            run_call(c);
        free(c->host);
    }
    queued = 0;
}

// Write a call down
static void add(struct device *d, struct call c)
{
    if (queued == CALLS)
        catch_up();
    c.device = d;
    queue[queued++] = c;
}

static void upload(struct device *d, struct array to, const void *host)
{
    void *copy = malloc(array_bytes(to) + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, host, array_bytes(to));
    add(d, (struct call){ .what = UPLOAD, .a = { to }, .host = copy });
}

static void download(struct device *d, void *host, struct array from)
{
    waits++;
    catch_up();
    from.at = plain(from.at);
    if (d->trouble.status == 0)
        cpu_operations.download(&cpu, host, from);
}

static void zero(struct device *d, struct array a)
{
    add(d, (struct call){ .what = ZERO, .a = { a } });
}

static void copy(struct device *d, struct array to, struct array from)
{
    add(d, (struct call){ .what = COPY, .a = { to, from } });
}

static void mark(struct device *d, enum operation o, bool begins)
{
    add(d, (struct call){ .what = MARK, .shape.heads = o,
                          .flag = begins });
}

static void embed(struct device *d, struct array out, struct array id,
                  struct array w)
{
    add(d, (struct call){ .what = EMBED, .a = { out, id, w } });
}

static void embed_back(struct device *d, struct array dw,
                       struct array dout, struct array id)
{
    add(d, (struct call){ .what = EMBED_BACKWARD,
                          .a = { dw, dout, id } });
}

// Write the other calls down
static void product(struct device *d, struct array y, struct array x,
                    struct array w)
{
    add(d, (struct call){ .what = PRODUCT, .a = { y, x, w } });
}

static void product_input(struct device *d, struct array dx,
                          struct array dy, struct array w, bool more)
{
    add(d, (struct call){ .what = PRODUCT_INPUT, .a = { dx, dy, w },
                          .flag = more });
}

static void product_weight(struct device *d, struct array dw,
                           struct array dy, struct array x)
{
    add(d, (struct call){ .what = PRODUCT_WEIGHT, .a = { dw, dy, x } });
}

static void attend(struct device *d, struct array out, struct array lse,
                   struct array qkv, struct array rotation,
                   const struct attention_shape *s)
{
    if (d->planning)
        cpu_operations.attend(d, out, lse, qkv, rotation, s);
    else
        add(d, (struct call){ .what = ATTEND, .shape = *s,
                              .a = { out, lse, qkv, rotation } });
}

static void attend_back(struct device *d, struct array dqkv,
                        struct array dout, struct array out,
                        struct array lse, struct array qkv,
                        struct array rotation,
                        const struct attention_shape *s)
{
    if (d->planning)
        cpu_operations.attend_backward(d, dqkv, dout, out, lse, qkv,
                                       rotation, s);
    else
        add(d, (struct call){ .what = ATTEND_BACKWARD, .shape = *s,
            .a = { dqkv, dout, out, lse, qkv, rotation } });
}

static void gate(struct device *d, struct array hidden,
                 struct array gate_up)
{
    add(d, (struct call){ .what = GATE, .a = { hidden, gate_up } });
}

static void gate_back(struct device *d, struct array dgate_up,
                      struct array dhidden, struct array gate_up)
{
    add(d, (struct call){ .what = GATE_BACKWARD,
                          .a = { dgate_up, dhidden, gate_up } });
}

// Write boundaries and losses down
static struct call between(int what, const struct site *from,
                           const struct site *to)
{
    struct call c = { .what = what, .to = *to,
                      .has_from = from != NULL };
    if (from != NULL)
        c.from = *from;
    return c;
}

static void cross(struct device *d, const struct site *from,
                  const struct site *to)
{
    if (d->planning)
        cpu_operations.cross(d, from, to);
    else
        add(d, between(CROSS, from, to));
}

static void cross_back(struct device *d, const struct site *from,
                       const struct site *to)
{
    if (d->planning)
        cpu_operations.cross_backward(d, from, to);
    else
        add(d, between(CROSS_BACKWARD, from, to));
}

static void loss(struct device *d, struct array each, struct array lse,
                 struct array logits, struct array target)
{
    add(d, (struct call){ .what = LOSS,
                          .a = { each, lse, logits, target } });
}

static void loss_back(struct device *d, struct array logits,
                      struct array lse, struct array target,
                      double scale)
{
    add(d, (struct call){ .what = LOSS_BACKWARD, .scale = scale,
                          .a = { logits, lse, target } });
}

static void mean(struct device *d, struct array sum, struct array each,
                 double scale, bool more)
{
    add(d, (struct call){ .what = MEAN, .a = { sum, each },
                          .scale = scale, .flag = more });
}

// Write more calls down
static void gradient_norm(struct device *d, struct array sum,
                          struct array gradient)
{
    add(d, (struct call){ .what = GRADIENT_NORM,
                          .a = { sum, gradient } });
}

static void step(struct device *d, struct array weight,
                 struct array working, struct array first,
                 struct array second, struct array gradient,
                 struct array sum, struct array adamw,
                 const struct segment *segment, size_t segments)
{
    add(d, (struct call){ .what = STEP, .segment = segment,
        .segments = segments, .a = { weight, working, first, second,
                                     gradient, sum, adamw } });
}
static void enter(struct device *d, const struct site *first,
                  struct array vector)
{
    add(d, (struct call){ .what = ENTER, .to = *first,
                          .a = { vector } });
}

static void enter_back(struct device *d, struct array dvector,
                       const struct site *first)
{
    add(d, (struct call){ .what = ENTER_BACKWARD, .to = *first,
                          .a = { dvector } });
}

// The lagging device
static void *allocate(struct device *d, size_t bytes)
{
    return tagged(cpu_operations.allocate(d, bytes));
}

static void release(struct device *d, void *memory)
{
    if (queued > 0)
        catch_up();
    cpu_operations.release(d, plain(memory));
}

static bool ready(struct device *d, size_t bytes, struct message *m)
{
    return cpu_operations.ready(d, bytes, m);
}

static void wait_for_all(struct device *d)
{
    (void)d;
    waits++;
    catch_up();
}

static const struct operations lagging = {
    .name = "behind", .allocate = allocate, .release = release,
    .ready = ready, .wait = wait_for_all, .upload = upload,
    .download = download, .zero = zero, .copy = copy, .mark = mark,
    .embed = embed, .embed_backward = embed_back, .product = product,
    .product_input = product_input, .product_weight = product_weight,
    .attend = attend, .attend_backward = attend_back, .gate = gate,
    .gate_backward = gate_back, .cross = cross,
    .cross_backward = cross_back, .loss = loss,
    .loss_backward = loss_back, .mean = mean,
    // More of the lagging device
    .gradient_norm = gradient_norm, .step = step,
    .enter = enter, .enter_backward = enter_back,
};

void behind_open(struct device *d)
{
    struct message m = { 0, "" };
    queued = waits = done = failing = 0;
    if (!device_open(d, NULL, NULL, &m))
        abort();
    d->does = &lagging;
}

size_t behind_calls(void)
{
    return queued;
}

size_t behind_waits(void)
{
    return waits;
}

void behind_fail_at(size_t n)
{
    done = 0;
    failing = n;
}
