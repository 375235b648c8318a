#include "model/sublayer.h"
#include <math.h>

enum { QKV, OUT };                          /* parameters */
enum { ROWS, MIXED, LSE, WORK, DROWS, DMIXED };     /* arrays */

// What attention is made of
static void declare(struct parameters *p, size_t offset[],
                    const char *prefix, const struct configuration *c)
{
    double deviation = 1 / sqrt((double)c->width);
    double shared = deviation / sqrt(2 * (double)c->layers);
    offset[QKV] = parameter_add(p, prefix, "qkv", 3 * c->width,
                                c->width, start_normal(deviation),
                                true);
    offset[OUT] = parameter_add(p, prefix, "out", c->width, c->width,
                                start_normal(shared), true);
}

static struct attention_shape shape_of(const struct work *w)
{
    const struct configuration *c = w->configuration;
    return (struct attention_shape){
        .sequences = w->sequences, .first = w->first,
        .length = w->length, .heads = c->heads,
        .head_size = c->width / c->heads, .lent = w->count[WORK] };
}

// What attention keeps
static void plan(struct need need[], const struct device *d,
                 const struct configuration *c, size_t sequences)
{
    size_t tokens = sequences * c->context;
    struct attention_shape s = shape_of(&(struct work){
        .configuration = c, .sequences = sequences,
        .length = c->context });
    need[ROWS] = (struct need){ "qkv", CACHE, ROUNDED, tokens,
                                3 * c->width };
    need[MIXED] = (struct need){ "mixed", KEPT, ROUNDED, tokens,
                                 c->width };
    need[LSE] = (struct need){ "lse", KEPT, EXACT, tokens, c->heads };
    need[WORK] = (struct need){ "work", SCRATCH, EXACT, 1,
                                d->attention.scratch(&s) };
    need[DROWS] = (struct need){ "dqkv", RETURN, ROUNDED, tokens,
                                 3 * c->width };
    need[DMIXED] = (struct need){ "dmixed", RETURN, ROUNDED, tokens,
                                  c->width };
}

// Attention, forward
static void forward(const struct work *w)
{
    const struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    struct attention_shape s = shape_of(w);
    real *new_rows = device_at(d, w->array[ROWS], w->first * 3 * C,
                               ROUNDED);
    d->matmul.forward(new_rows, w->normed, w->weight[QKV], T, 3 * C, C);
    d->attention.rotate(w->array[ROWS], w->cosine, w->sine, &s);
    d->attention.forward(w->array[MIXED], w->array[LSE], w->array[ROWS],
                         &s, w->array[WORK]);
    d->matmul.forward(w->answer, w->array[MIXED], w->weight[OUT],
                      T, C, C);
}

// Attention, backward
static void backward(const struct work *w)
{
    const struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    struct attention_shape s = shape_of(w);
    real *mixed = w->array[MIXED], *dmixed = w->array[DMIXED];
    real *drows = w->array[DROWS];
    d->matmul.backward_weight(w->gradient[OUT], w->danswer, mixed,
                              T, C, C);
    d->matmul.backward_input(dmixed, w->danswer, w->weight[OUT],
                             T, C, C, false);
    d->attention.backward(drows, dmixed, mixed, w->array[LSE],
                          w->array[ROWS], &s, w->array[WORK]);
    d->attention.rotate_back(drows, w->cosine, w->sine, &s);
    d->matmul.backward_weight(w->gradient[QKV], drows, w->normed,
                              T, 3 * C, C);
    d->matmul.backward_input(w->dnormed, drows, w->weight[QKV],
                             T, 3 * C, C, false);
}

const struct sublayer attention_sublayer = {
    "attention", declare, plan, forward, backward
};
