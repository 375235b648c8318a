#include "model/sublayer.h"
#include <math.h>

enum { GATES, UP, DOWN };                   /* parameters */
enum { GATED, UPWARD, HIDDEN };             /* arrays */

// What feedforward is made of
static void declare(struct parameters *p, size_t offset[],
                    const char *prefix, const struct configuration *c)
{
    size_t hidden = configuration_hidden(c);
    double in = 1 / sqrt((double)c->width);
    double out = 1 / sqrt((double)hidden * 2 * (double)c->layers);
    offset[GATES] = parameter_add(p, prefix, "gate", hidden, c->width,
                                  start_normal(in), true);
    offset[UP] = parameter_add(p, prefix, "up", hidden, c->width,
                               start_normal(in), true);
    offset[DOWN] = parameter_add(p, prefix, "down", c->width, hidden,
                                 start_normal(out), true);
}

// What feedforward keeps
static void plan(struct need need[], const struct configuration *c,
                 size_t sequences)
{
    size_t T = sequences * c->context, H = configuration_hidden(c);
    need[GATED] = (struct need){ "gate", KEPT, ACTIVATION, T, H };
    need[UPWARD] = (struct need){ "up", KEPT, ACTIVATION, T, H };
    need[HIDDEN] = (struct need){ "hidden", SCRATCH, ACTIVATION, T, H };
}

// Feedforward sublayer, forward
static void forward(const struct work *w)
{
    struct device *d = w->device;
    struct array gate = array_rows(w->array[GATED], 0, w->tokens);
    struct array up = array_rows(w->array[UPWARD], 0, w->tokens);
    struct array hidden = array_rows(w->array[HIDDEN], 0, w->tokens);
    device_product(d, gate, w->normed, w->weight[GATES]);
    device_product(d, up, w->normed, w->weight[UP]);
    device_gate(d, hidden, gate, up);
    device_product(d, w->answer, hidden, w->weight[DOWN]);
}

// Feedforward sublayer, backward
// Give a gradient its activation's place
static struct array gradient_in(struct device *d, struct array a)
{
    return array_as(a, GRADIENT, d->format[GRADIENT]);
}

static void backward(const struct work *w)
{
    struct device *d = w->device;
    struct array gate = w->array[GATED], up = w->array[UPWARD];
    struct array hidden = w->array[HIDDEN];
    struct array dhidden = gradient_in(d, hidden);
    struct array dgate = gradient_in(d, gate), dup = gradient_in(d, up);
    device_gate(d, hidden, gate, up);
    device_product_weight(d, w->gradient[DOWN], w->danswer, hidden);
    device_product_input(d, dhidden, w->danswer, w->weight[DOWN],
                         false);
    device_gate_backward(d, dgate, dup, dhidden, gate, up);
    device_product_weight(d, w->gradient[GATES], dgate, w->normed);
    device_product_weight(d, w->gradient[UP], dup, w->normed);
    device_product_input(d, w->dnormed, dgate, w->weight[GATES], false);
    device_product_input(d, w->dnormed, dup, w->weight[UP], true);
}

const struct sublayer feedforward_sublayer = {
    "feedforward", declare, plan, forward, backward
};
