#include "model/sublayer.h"
#include "layers/attention.h"
#include <math.h>

enum { QKV, OUT };                          /* parameters */
enum { ROWS, MIXED, LSE, DROWS, DMIXED };   /* arrays */

// What attention is made of
static void declare(struct parameters *p, size_t index[],
                    const char *prefix, const struct configuration *c)
{
    double deviation = 1 / sqrt((double)c->width);
    double shared = deviation / sqrt(2 * (double)c->layers);
    index[QKV] = parameter_add(p, prefix, "qkv", 3 * c->width,
                               c->width, start_normal(deviation),
                               true);
    index[OUT] = parameter_add(p, prefix, "out", c->width, c->width,
                               start_normal(shared), true);
}

static struct attention_shape shape_of(const struct work *w)
{
    const struct configuration *c = w->configuration;
    return (struct attention_shape){
        .sequences = w->sequences, .first = w->first,
        .length = w->length, .heads = c->heads,
        .head_size = c->width / c->heads };
}

// What attention keeps
static void plan(struct need need[], const struct configuration *c,
                 size_t sequences)
{
    size_t T = sequences * c->context, C = c->width;
    need[ROWS] = (struct need){ "qkv", CACHE, ACTIVATION, T, 3 * C };
    need[MIXED] = (struct need){ "mixed", KEPT, ACTIVATION, T, C };
    need[LSE] = (struct need){ "lse", KEPT, EXACT, T, c->heads };
    need[DROWS] = (struct need){ "dqkv", RETURN, OPERAND, T, 3 * C };
    need[DMIXED] = (struct need){ "dmixed", RETURN, GRADIENT, T, C };
}

// Attention, forward
static void forward(const struct work *w)
{
    struct device *d = w->device;
    struct attention_shape s = shape_of(w);
    struct array qkv = w->array[ROWS];
    struct array mixed = array_rows(w->array[MIXED], 0, w->tokens);
    device_product(d, array_rows(qkv, w->first, w->tokens), w->normed,
                   w->weight[QKV]);
    device_attend(d, mixed, w->array[LSE], qkv, w->rotation, &s);
    device_product(d, w->answer, mixed, w->weight[OUT]);
}

// Attention, backward
static void backward(const struct work *w)
{
    struct device *d = w->device;
    struct attention_shape s = shape_of(w);
    struct array mixed = w->array[MIXED], dmixed = w->array[DMIXED];
    struct array qkv = w->array[ROWS], dqkv = w->array[DROWS];
    device_product_weight(d, w->gradient[OUT], w->danswer, mixed);
    device_product_input(d, dmixed, w->danswer, w->weight[OUT], false);
    device_attend_backward(d, dqkv, dmixed, mixed, w->array[LSE], qkv,
                           w->rotation, &s);
    device_product_weight(d, w->gradient[QKV], dqkv, w->normed);
    device_product_input(d, w->dnormed, dqkv, w->weight[QKV], false);
}

const struct sublayer attention_sublayer = {
    .name = "attention", .declare = declare, .plan = plan,
    .forward = forward, .backward = backward
};
