#ifndef DEVICE_H
#define DEVICE_H
#include "array/array.h"
#include "ground/message.h"
// Headers of a device's arrays
#include "array/eight.h"

LANGUAGE_C_BEGIN
struct attention_shape;
struct site;
// Types of a device's operations
struct segment;
/* what a device remembers of work; all zero: nothing yet */
struct recording { void *state, *workspace; size_t times; };

/* For the names of operations and the clocks */
enum operation {
    // Operations, by number
    EMBED, EMBED_BACKWARD, PRODUCT, PRODUCT_INPUT, PRODUCT_WEIGHT, ATTEND,
    ATTEND_BACKWARD, GATE, GATE_BACKWARD, CROSS, CROSS_BACKWARD, LOSS,
    LOSS_BACKWARD, MEAN,
    GRADIENT_NORM, STEP,
    ENTER, ENTER_BACKWARD,
    OPERATIONS
};
extern const char *const operation_names[OPERATIONS];

struct clocks { double seconds[OPERATIONS]; size_t calls[OPERATIONS]; };

struct device {
    const struct operations *does;
    enum format format[ROLES];
    struct message trouble;     /* the first failure; it ends all */
    struct clocks *clocks;      /* or NULL; right after device_finish */
    bool planning;              /* operations only ask for workspace */
    size_t asked;               /* while planning: for so many bytes */
    void *workspace;
    size_t reserved;            /* bytes of it */
    void *state;                /* what a device has of its own */
    // More of a device
    struct eight eight;
};

// A device's functions
/* name: "cpu"; precision: "single"; NULL: these. What this program
   does not have: EX_USAGE; what this machine lacks: EX_UNAVAILABLE. */
bool device_open(struct device *d, const char *name,
                 const char *precision, struct message *m);
void device_close(struct device *d);
/* For open: the formats of single precision */
void device_single(struct device *d);
/* Waits until all work is done; false, and the message, if anything
   has failed since the device was opened. */
bool device_finish(struct device *d, struct message *m);
/* Would so many bytes of arrays fit, and is what operations need
   besides there? Else EX_OSERR. */
bool device_ready(struct device *d, size_t bytes, struct message *m);
/* For operations: notes the first failure. */
void device_fail(struct device *d, int status, const char *text);
/* For operations: workspace until they return, aligned to 256 bytes;
   NULL while planning, or if there is no memory, which is noted. */
void *device_scratch(struct device *d, size_t bytes);
bool device_reserve(struct device *d, size_t bytes);
/* How an array of this role would be kept; no memory yet */
struct array device_shape(const struct device *d, enum role role,
                          size_t rows, size_t columns);
/* zeroed memory for arrays, aligned to 256 bytes; NULL and a message */
void *device_allocate(struct device *d, size_t bytes,
                      struct message *m);
void device_release(struct device *d, void *memory);
/* host: real, double or token, as many as the array has. When these
   return, the host's side may be used again. download waits. */
void device_upload(struct device *d, struct array to, const void *host);
void device_download(struct device *d, void *host, struct array from);
void device_zero(struct device *d, struct array a);
void device_copy(struct device *d, struct array to, struct array from);
/* "single", "bf16": for device_open */
const char *device_precision(const struct device *d);
/* what computes the products of this precision, and of what */
const char *device_products(const struct device *d);
/* What comes is for this update of a run with this seed, 0: for none,
   and so many tokens of it were there before: for random numbers. */
void device_place(struct device *d, uint64_t seed, size_t step,
                  size_t tokens);

// A device's operations
/* As many rows as the first array, the result, has. A weight w is
   WORKING, or MASTER; dw is MASTER; id is TOKEN. */
/* out[t] = w[id[t]] */
void device_embed(struct device *d, struct array out, struct array id,
                  struct array w);
/* dw[id[t]] += dout[t]: as many rows as dout has */
void device_embed_backward(struct device *d, struct array dw,
                           struct array dout, struct array id);
/* y = x w^T */
void device_product(struct device *d, struct array y, struct array x,
                    struct array w);
/* dx = dy w; where add, dx += dy w */
void device_product_input(struct device *d, struct array dx,
                          struct array dy, struct array w, bool add);
/* dw += dy^T x: as many rows as dy has */
void device_product_weight(struct device *d, struct array dw,
                           struct array dy, struct array x);
/* turns q and k of the rows that ask, in place, and lets them ask;
   rotation [2][context * head_size / 2]: cosines, sines; see
   layers/attention.h */
void device_attend(struct device *d, struct array out, struct array lse,
                   struct array qkv, struct array rotation,
                   const struct attention_shape *s);
void device_attend_backward(struct device *d, struct array dqkv,
                            struct array dout, struct array out,
                            struct array lse, struct array qkv,
                            struct array rotation,
                            const struct attention_shape *s);
/* hidden = silu(gate) * up, side by side in each row of gate_up */
void device_gate(struct device *d, struct array hidden,
                 struct array gate_up);
/* dgate_up may be where gate_up is */
void device_gate_backward(struct device *d, struct array dgate_up,
                          struct array dhidden, struct array gate_up);
/* over a boundary, from site to site; from NULL: only arrive. See
   boundary/boundary.h */
void device_cross(struct device *d, const struct site *from,
                  const struct site *to);
void device_cross_backward(struct device *d, const struct site *from,
                           const struct site *to);
/* each[t] = lse[t] - logits[t][target[t]], in nats */
void device_loss(struct device *d, struct array each, struct array lse,
                 struct array logits, struct array target);
/* dlogits = scale * (softmax - onehot), where logits were */
void device_loss_backward(struct device *d, struct array logits,
                          struct array lse, struct array target,
                          double scale);
/* sum[0][0] = or, where add, += scale * the mean of each, in order */
void device_mean(struct device *d, struct array sum, struct array each,
                 double scale, bool add);
// More operations of a device
/* sum[0][1] = the length of the gradient, [1][count] */
void device_gradient_norm(struct device *d, struct array sum,
                          struct array gradient);
/* One update of AdamW, see layers/optimizer.h. weight, first, second,
   gradient [1][count] MASTER; working, their copies, WORKING; adamw
   [1][ADAMW_NUMBERS] SUM. The gradient is clipped by its norm,
   sum[0][1].
   If the loss, sum[0][0], or the norm is not finite, nothing moves. */
void device_step(struct device *d, struct array weight,
                 struct array working, struct array first,
                 struct array second, struct array gradient,
                 struct array sum, struct array adamw,
                 const struct segment *segment, size_t segments);
/* Calls work(context), which starts the same operations on the same
   arrays each time and does nothing else that matters: a device may
   start again what it has recorded, and not call. */
void device_repeat(struct device *d, struct recording *r,
                   void (*work)(void *context), void *context);
/* before the arrays go; r is all zero again */
void device_forget(struct device *d, struct recording *r);
/* stream of the first site = from vector [T][C] */
void device_enter(struct device *d, const struct site *first,
                  struct array vector);
void device_enter_backward(struct device *d, struct array dvector,
                           const struct site *first);

// What a device does
struct operations {
    const char *name;
    /* sets the formats, or refuses the precision or the machine */
    bool (*open)(struct device *, const char *precision,
                 struct message *);
    void (*close)(struct device *);
    /* memory: zeroed, aligned to 256 bytes; NULL if there is none */
    void *(*allocate)(struct device *, size_t bytes);
    void (*release)(struct device *, void *);
    bool (*ready)(struct device *, size_t bytes, struct message *);
    void (*wait)(struct device *);
    void (*upload)(struct device *, struct array to, const void *host);
    void (*download)(struct device *, void *host, struct array from);
    void (*zero)(struct device *, struct array);
    void (*copy)(struct device *, struct array to, struct array from);
    /* an operation begins or ends: for d->clocks, in its turn */
    void (*mark)(struct device *, enum operation, bool begins);
    // Operations in a table
    void (*embed)(struct device *, struct array out, struct array id,
                  struct array w);
    void (*embed_backward)(struct device *, struct array dw,
                           struct array dout, struct array id);
    void (*product)(struct device *, struct array y, struct array x,
                    struct array w);
    void (*product_input)(struct device *, struct array dx, struct array dy,
                          struct array w, bool add);
    void (*product_weight)(struct device *, struct array dw,
                           struct array dy, struct array x);
    void (*attend)(struct device *, struct array out, struct array lse,
                   struct array qkv, struct array rotation,
                   const struct attention_shape *);
    void (*attend_backward)(struct device *, struct array dqkv,
                            struct array dout, struct array out,
                            struct array lse, struct array qkv,
                            struct array rotation,
                            const struct attention_shape *);
    void (*gate)(struct device *, struct array hidden,
                 struct array gate_up);
    void (*gate_backward)(struct device *, struct array dgate_up,
                          struct array dhidden, struct array gate_up);
    void (*cross)(struct device *, const struct site *from,
                  const struct site *to);
    void (*cross_backward)(struct device *, const struct site *from,
                           const struct site *to);
    void (*loss)(struct device *, struct array each, struct array lse,
                 struct array logits, struct array target);
    void (*loss_backward)(struct device *, struct array logits,
                          struct array lse, struct array target,
                          double scale);
    void (*mean)(struct device *, struct array sum, struct array each,
                 double scale, bool add);
    // More operations in a table
    void (*gradient_norm)(struct device *, struct array sum,
                          struct array gradient);
    void (*step)(struct device *, struct array weight, struct array working,
                 struct array first, struct array second,
                 struct array gradient, struct array sum,
                 struct array adamw, const struct segment *segment,
                 size_t segments);
    void (*enter)(struct device *, const struct site *first,
                  struct array vector);
    void (*enter_backward)(struct device *, struct array dvector,
                           const struct site *first);
    unsigned long asks; /* bit o: operation o, too, needs workspace */
    /* was it recorded, and is it under way? NULL: no device of that kind */
    bool (*repeat)(struct device *, struct recording *,
                   void (*work)(void *context), void *context);
    void (*forget)(struct device *, struct recording *);
    /* d->eight says what comes next; NULL: nobody asks */
    void (*place)(struct device *d);
};
extern const struct operations cpu_operations;
// What other devices do
/* NULL where the program was linked without */
extern const struct operations gpu_operations __attribute__((weak));
/* name, compute capability, multiprocessors, memory, versions of driver
   and runtime, clocks; in static memory */
const char *gpu_describe(void) __attribute__((weak));
/* the cpu in sixteen bits */
extern const struct operations cpu_sixteen_operations;
/* Who may multiply in bf16 there: all there are; all but a library;
   only kernels that any GPU of these has */
enum gpu_products { BY_ANY, BY_OURS, BY_WARPS };
void gpu_products_by(struct device *d, enum gpu_products who)
    __attribute__((weak));
/* the gpu in sixteen bits */
extern const struct operations gpu_sixteen_operations
    __attribute__((weak));
/* who multiplies there, in words */
const char *gpu_sixteen_products(const struct device *d)
    __attribute__((weak));
/* the gpu with products, or more, in eight bits */
extern const struct operations gpu_eight_operations
    __attribute__((weak));
const char *gpu_eight_products(const struct device *d)
    __attribute__((weak));
extern const struct operations gpu_eight_stream_operations
    __attribute__((weak));
LANGUAGE_C_END
#endif
