#include "model/sublayer.h"
#include <math.h>

enum { GATE_UP, DOWN };                     /* parameters */
enum { GATED, HIDDEN };                     /* arrays */

// What feedforward is made of
static void declare(struct parameters *p, size_t index[],
                    const char *prefix, const struct configuration *c)
{
    size_t hidden = configuration_hidden(c);
    double in = 1 / sqrt((double)c->width);
    double out = 1 / sqrt((double)hidden * 2 * (double)c->layers);
    index[GATE_UP] = parameter_add(p, prefix, "gate_up", 2 * hidden,
                                   c->width,
                                   start_halves(in, "gate", "up"),
                                   true);
    index[DOWN] = parameter_add(p, prefix, "down", c->width, hidden,
                                start_normal(out), true);
}

// What feedforward keeps
static void plan(struct need need[], const struct configuration *c,
                 size_t sequences)
{
    size_t T = sequences * c->context, H = configuration_hidden(c);
    need[GATED] = (struct need){ "gate_up", KEPT, OPERAND, T, 2 * H };
    need[HIDDEN] = (struct need){ "hidden", SCRATCH, OPERAND, T, H };
}

// Feedforward sublayer, forward
static struct array in_role(struct device *d, struct array a,
                            enum role role)
{
    return array_as(a, role, d->format[role]);
}

static void forward(const struct work *w)
{
    struct device *d = w->device;
    struct array gate_up = in_role(d, w->array[GATED], ACTIVATION);
    struct array hidden = array_rows(w->array[HIDDEN], 0, w->tokens);
    gate_up = array_rows(gate_up, 0, w->tokens);
    device_product(d, gate_up, w->normed, w->weight[GATE_UP]);
    device_gate(d, hidden, gate_up);
    device_product(d, w->answer, hidden, w->weight[DOWN]);
}

// Feedforward sublayer, backward
static void backward(const struct work *w)
{
    struct device *d = w->device;
    struct array dgate_up = w->array[GATED], hidden = w->array[HIDDEN];
    struct array gate_up = in_role(d, dgate_up, ACTIVATION);
    struct array dhidden = in_role(d, hidden, GRADIENT);
    device_gate(d, hidden, gate_up);
    device_product_weight(d, w->gradient[DOWN], w->danswer, hidden);
    device_product_input(d, dhidden, w->danswer, w->weight[DOWN],
                         false);
    device_gate_backward(d, dgate_up, dhidden, gate_up);
    device_product_weight(d, w->gradient[GATE_UP], dgate_up, w->normed);
    device_product_input(d, w->dnormed, dgate_up, w->weight[GATE_UP],
                         false);
}

const struct sublayer feedforward_sublayer = {
    .name = "feedforward", .declare = declare, .plan = plan,
    .forward = forward, .backward = backward
};
