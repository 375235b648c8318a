#include "device/device.h"
#include "ground/memory.h"
#include <string.h>
#include <sysexits.h>
// Headers of a device
#include "layers/matmul.h"
#include "layers/onednn.h"
#include <stdio.h>

// Open and close a device
const char *const operation_names[OPERATIONS] = {
    // Names of operations
    "embedding", "embedding, back", "products", "products, inputs",
    "products, weights", "attention", "attention, back", "SwiGLU",
    "SwiGLU, back", "boundaries", "boundaries, back", "loss", "loss, back",
    "mean",
    "gradient's norm", "optimizer",
    "entry", "entry, back",
};

static const struct operations *const devices[] = {
    &cpu_operations,
    // More devices
    &gpu_operations,
};

bool device_open(struct device *d, const char *name,
                 const char *precision, struct message *m)
{
    char known[64] = "";
    *d = (struct device){ .does = name == NULL ? devices[0] : NULL };
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        const struct operations *o = devices[i];
        if (o == NULL)              /* not in this program */
            continue;
        if (name != NULL && strcmp(o->name, name) == 0)
            d->does = o;
        strcat(strcat(known, *known ? ", " : ""), o->name);
    }
    if (d->does == NULL)
        return fail(m, EX_USAGE, "device: there is no device '%.40s', "
                    "but %s", name, known);
    if (precision == NULL)
        precision = "single";
    if (d->does->open(d, precision, m))
        return true;
    *d = (struct device){ .does = NULL };
    return false;
}

void device_single(struct device *d)
{
    for (enum role r = MASTER; r < ROLES; r++)
        d->format[r] = r == TOKEN ? INT32
                     : r == SUM ? F64 : REAL_FORMAT;
}

void device_close(struct device *d)
{
    if (d->does != NULL && d->workspace != NULL)
        d->does->release(d, d->workspace);
    if (d->does != NULL && d->does->close != NULL)
        d->does->close(d);
    *d = (struct device){ .does = NULL };
}

bool device_finish(struct device *d, struct message *m)
{
    d->does->wait(d);
    return d->trouble.status == 0
        || fail(m, d->trouble.status, "%s", d->trouble.text);
}

void device_fail(struct device *d, int status, const char *text)
{
    fail(&d->trouble, status, "%s", text);
}

// Memory of a device
// Find how a device rounds
/* it changes while the device does not */
static struct eight *eight_of(const struct device *d)
{
    return (struct eight *)(uintptr_t)&d->eight;
}
struct array device_shape(const struct device *d, enum role role,
                          size_t rows, size_t columns)
{
    enum format format = d->format[role];
    // Settle the format of an array
    if (format == IMAGES && columns % 128 != 0)
        format = BF16;
    return (struct array){ .rows = rows, .columns = columns,
                           .role = role, .format = format
                           , .eight = d->format[role] == E4M3 ? eight_of(d) : NULL,
                           .streams = d->eight.mean && role == STREAM ? d->eight.streams : 0 };
}

void *device_allocate(struct device *d, size_t bytes, struct message *m)
{
    void *memory = d->does->allocate(d, bytes);
    if (memory == NULL)
        fail(m, EX_OSERR, "no memory for %zu bytes", bytes);
    return memory;
}

void device_release(struct device *d, void *memory)
{
    d->does->release(d, memory);
}

bool device_ready(struct device *d, size_t bytes, struct message *m)
{
    return d->does->ready(d, bytes, m);
}

bool device_reserve(struct device *d, size_t bytes)
{
    if (bytes <= d->reserved)
        return true;
    d->does->wait(d);
    if (d->workspace != NULL)
        d->does->release(d, d->workspace);
    d->workspace = device_allocate(d, bytes, &d->trouble);
    d->reserved = d->workspace == NULL ? 0 : bytes;
    return d->workspace != NULL;
}

void *device_scratch(struct device *d, size_t bytes)
{
    if (!d->planning)
        return device_reserve(d, bytes) ? d->workspace : NULL;
    if (bytes > d->asked)
        d->asked = bytes;
    return NULL;
}

// Move numbers to a device and back
void device_upload(struct device *d, struct array to, const void *host)
{
    if (d->trouble.status == 0 && !d->planning)
        d->does->upload(d, to, host);
}

void device_download(struct device *d, void *host, struct array from)
{
    if (d->trouble.status == 0 && !d->planning)
        d->does->download(d, host, from);
    else
        memset(host, 0, from.rows * from.columns
               * (from.role == TOKEN ? sizeof(token)
                  : from.role == SUM ? sizeof(double) : sizeof(real)));
}

void device_zero(struct device *d, struct array a)
{
    if (d->trouble.status == 0 && !d->planning)
        d->does->zero(d, a);
}

void device_copy(struct device *d, struct array to, struct array from)
{
    assert(to.rows == from.rows && to.columns == from.columns);
    if (d->trouble.status == 0 && !d->planning)
        d->does->copy(d, to, from);
}
const char *device_precision(const struct device *d)
{
    // Name other precisions
    // Name precisions of streams
    if (d->format[STREAM] == E4M3)
        return d->eight.by_chance ? "fp8-streams-stochastic"
             : d->eight.mean ? "fp8-streams-mean" : "fp8-streams";
    if (d->eight.products)
        return "fp8";
    return d->format[STREAM] == BF16 ? "bf16" : "single";
}

const char *device_products(const struct device *d)
{
    static char text[128];
    const char *by = onednn_library(true);
    // Name who multiplies in other precisions
    if (d->does == &gpu_sixteen_operations && d->does != NULL)
        return gpu_sixteen_products(d);
    if (d->eight.products && strcmp(d->does->name, "gpu") == 0)
        return gpu_eight_products(d);
    if (d->eight.products) {
        snprintf(text, sizeof text, "%s, of E4M3 in %s",
                 by ? by : matmul_library(), by ? "bf16" : "floats");
        return text;
    }
    if (d->format[STREAM] == REAL_FORMAT)
        return matmul_library();
    snprintf(text, sizeof text, "%s, of %s", by ? by : matmul_library(),
             by ? "bf16" : "floats rounded to bf16");
    return text;
}
void device_place(struct device *d, uint64_t seed, size_t step,
                  size_t tokens)
{
    d->eight.seed = seed;
    d->eight.step = (uint32_t)step;
    d->eight.tokens = (uint32_t)tokens;
    // Tell the device of the place
    if (d->does->place != NULL && d->trouble.status == 0)
        d->does->place(d);
}

// Begin and end an operation
/* may it run? `asks`: also while planning */
static bool begin(struct device *d, enum operation o, bool asks)
{
    // Let other devices ask more
    asks = asks || d->does->asks >> o & 1;
    if (d->trouble.status != 0 || (d->planning && !asks))
        return false;
    if (d->clocks != NULL && !d->planning)
        d->does->mark(d, o, true);
    return true;
}

static void end(struct device *d, enum operation o)
{
    if (d->clocks != NULL && !d->planning)
        d->does->mark(d, o, false);
}

/* What may play these roles, and is as large */
enum { WEIGHT = 1 << MASTER | 1 << WORKING,
       FORWARD = 1 << STREAM | 1 << ACTIVATION | 1 << OPERAND,
       BACKWARD = 1 << STREAM | 1 << GRADIENT | 1 << OPERAND,
       EXACTLY = 1 << EXACT };

static void expect(struct array a, int roles, size_t rows,
                   size_t columns)
{
    assert(1 << a.role & roles);
    assert(a.rows >= rows && a.columns == columns);
    (void)a, (void)roles, (void)rows, (void)columns;
}

// The operations, checked
void device_embed(struct device *d, struct array out, struct array id,
                  struct array w)
{
    expect(out, FORWARD, 0, w.columns);
    expect(id, 1 << TOKEN, out.rows, 1);
    expect(w, WEIGHT, 1, out.columns);
    if (begin(d, EMBED, false)) {
        d->does->embed(d, out, id, w);
        end(d, EMBED);
    }
}

void device_embed_backward(struct device *d, struct array dw,
                           struct array dout, struct array id)
{
    expect(dw, 1 << MASTER, 1, dout.columns);
    expect(dout, BACKWARD, 0, dw.columns);
    expect(id, 1 << TOKEN, dout.rows, 1);
    if (begin(d, EMBED_BACKWARD, false)) {
        d->does->embed_backward(d, dw, dout, id);
        end(d, EMBED_BACKWARD);
    }
}

// The products, checked
void device_product(struct device *d, struct array y, struct array x,
                    struct array w)
{
    expect(w, WEIGHT, y.columns, x.columns);
    expect(x, FORWARD, y.rows, w.columns);
    expect(y, FORWARD | EXACTLY, 0, w.rows);
    if (begin(d, PRODUCT, false)) {
        d->does->product(d, y, x, w);
        end(d, PRODUCT);
    }
}

void device_product_input(struct device *d, struct array dx,
                          struct array dy, struct array w, bool add)
{
    expect(w, WEIGHT, dy.columns, dx.columns);
    expect(dy, BACKWARD | EXACTLY, dx.rows, w.rows);
    expect(dx, BACKWARD, 0, w.columns);
    if (begin(d, PRODUCT_INPUT, false)) {
        d->does->product_input(d, dx, dy, w, add);
        end(d, PRODUCT_INPUT);
    }
}

void device_product_weight(struct device *d, struct array dw,
                           struct array dy, struct array x)
{
    expect(dw, 1 << MASTER, dy.columns, x.columns);
    expect(dy, BACKWARD | EXACTLY, 0, dw.rows);
    expect(x, FORWARD, dy.rows, dw.columns);
    if (begin(d, PRODUCT_WEIGHT, false)) {
        d->does->product_weight(d, dw, dy, x);
        end(d, PRODUCT_WEIGHT);
    }
}

// Attention, checked
void device_attend(struct device *d, struct array out, struct array lse,
                   struct array qkv, struct array rotation,
                   const struct attention_shape *s)
{
    expect(out, FORWARD, 0, qkv.columns / 3);
    expect(lse, EXACTLY, out.rows, lse.columns);
    expect(qkv, FORWARD, out.rows, 3 * out.columns);
    expect(rotation, EXACTLY, 2, rotation.columns);
    if (begin(d, ATTEND, true)) {
        d->does->attend(d, out, lse, qkv, rotation, s);
        end(d, ATTEND);
    }
}

void device_attend_backward(struct device *d, struct array dqkv,
                            struct array dout, struct array out,
                            struct array lse, struct array qkv,
                            struct array rotation,
                            const struct attention_shape *s)
{
    expect(dqkv, BACKWARD, 0, 3 * dout.columns);
    expect(dout, BACKWARD, dqkv.rows, out.columns);
    expect(out, FORWARD, dqkv.rows, dout.columns);
    expect(lse, EXACTLY, dqkv.rows, lse.columns);
    expect(qkv, FORWARD, dqkv.rows, dqkv.columns);
    if (begin(d, ATTEND_BACKWARD, true)) {
        d->does->attend_backward(d, dqkv, dout, out, lse, qkv, rotation,
                                 s);
        end(d, ATTEND_BACKWARD);
    }
}

// The gate, checked
void device_gate(struct device *d, struct array hidden,
                 struct array gate_up)
{
    expect(hidden, FORWARD, 0, gate_up.columns / 2);
    expect(gate_up, FORWARD, hidden.rows, 2 * hidden.columns);
    if (begin(d, GATE, false)) {
        d->does->gate(d, hidden, gate_up);
        end(d, GATE);
    }
}

void device_gate_backward(struct device *d, struct array dgate_up,
                          struct array dhidden, struct array gate_up)
{
    expect(dgate_up, BACKWARD, 0, gate_up.columns);
    expect(dhidden, BACKWARD, dgate_up.rows, gate_up.columns / 2);
    expect(gate_up, FORWARD, dgate_up.rows, 2 * dhidden.columns);
    if (begin(d, GATE_BACKWARD, false)) {
        d->does->gate_backward(d, dgate_up, dhidden, gate_up);
        end(d, GATE_BACKWARD);
    }
}

// Boundaries, checked
void device_cross(struct device *d, const struct site *from,
                  const struct site *to)
{
    if (begin(d, CROSS, true)) {
        d->does->cross(d, from, to);
        end(d, CROSS);
    }
}

void device_cross_backward(struct device *d, const struct site *from,
                           const struct site *to)
{
    if (begin(d, CROSS_BACKWARD, true)) {
        d->does->cross_backward(d, from, to);
        end(d, CROSS_BACKWARD);
    }
}

// More boundaries, checked
void device_enter(struct device *d, const struct site *first,
                  struct array vector)
{
    expect(vector, FORWARD, 0, vector.columns);
    if (begin(d, ENTER, false)) {
        d->does->enter(d, first, vector);
        end(d, ENTER);
    }
}

void device_enter_backward(struct device *d, struct array dvector,
                           const struct site *first)
{
    expect(dvector, BACKWARD, 0, dvector.columns);
    if (begin(d, ENTER_BACKWARD, false)) {
        d->does->enter_backward(d, dvector, first);
        end(d, ENTER_BACKWARD);
    }
}

// The loss, checked
void device_loss(struct device *d, struct array each, struct array lse,
                 struct array logits, struct array target)
{
    expect(each, EXACTLY, 0, 1);
    expect(lse, EXACTLY, each.rows, 1);
    expect(logits, EXACTLY, each.rows, logits.columns);
    expect(target, 1 << TOKEN, each.rows, 1);
    if (begin(d, LOSS, false)) {
        d->does->loss(d, each, lse, logits, target);
        end(d, LOSS);
    }
}

void device_loss_backward(struct device *d, struct array logits,
                          struct array lse, struct array target,
                          double scale)
{
    expect(logits, EXACTLY, 0, logits.columns);
    expect(lse, EXACTLY, logits.rows, 1);
    expect(target, 1 << TOKEN, logits.rows, 1);
    if (begin(d, LOSS_BACKWARD, false)) {
        d->does->loss_backward(d, logits, lse, target, scale);
        end(d, LOSS_BACKWARD);
    }
}

void device_mean(struct device *d, struct array sum, struct array each,
                 double scale, bool add)
{
    expect(sum, 1 << SUM, 1, sum.columns);
    expect(each, EXACTLY, 1, 1);
    if (begin(d, MEAN, false)) {
        d->does->mean(d, sum, each, scale, add);
        end(d, MEAN);
    }
}

// More operations, checked
void device_repeat(struct device *d, struct recording *r,
                   void (*work)(void *context), void *context)
{
    (void)d, (void)r;
    // Start what is recorded, if the device can
    if (d->does->repeat != NULL && d->clocks == NULL && !d->planning
        && d->trouble.status == 0
        && d->does->repeat(d, r, work, context))
        return;
    work(context);
}

void device_forget(struct device *d, struct recording *r)
{
    (void)d;
    // Forget what is recorded
    if (d->does->forget != NULL)
        d->does->forget(d, r);
    *r = (struct recording){ 0 };
}

void device_gradient_norm(struct device *d, struct array sum,
                          struct array gradient)
{
    expect(sum, 1 << SUM, 1, 2);
    expect(gradient, 1 << MASTER, 1, gradient.columns);
    if (begin(d, GRADIENT_NORM, false)) {
        d->does->gradient_norm(d, sum, gradient);
        end(d, GRADIENT_NORM);
    }
}

void device_step(struct device *d, struct array weight,
                 struct array working, struct array first,
                 struct array second, struct array gradient,
                 struct array sum, struct array adamw,
                 const struct segment *segment, size_t segments)
{
    expect(weight, 1 << MASTER, 1, gradient.columns);
    expect(working, 1 << WORKING, 1, weight.columns);
    expect(first, 1 << MASTER, 1, weight.columns);
    expect(second, 1 << MASTER, 1, weight.columns);
    expect(gradient, 1 << MASTER, 1, weight.columns);
    expect(sum, 1 << SUM, 1, 2);
    expect(adamw, 1 << SUM, 1, adamw.columns);
    if (begin(d, STEP, false)) {
        d->does->step(d, weight, working, first, second, gradient, sum,
                      adamw, segment, segments);
        end(d, STEP);
    }
}
