#include "model/sublayer.h"
#include <math.h>

enum { GATE, UP, DOWN };                    /* parameters */
enum { GATED, UPWARD, HIDDEN };             /* arrays */

// What feedforward is made of
static void declare(struct parameters *p, size_t offset[],
                    const char *prefix, const struct configuration *c)
{
    size_t hidden = configuration_hidden(c);
    double in = 1 / sqrt((double)c->width);
    double out = 1 / sqrt((double)hidden * 2 * (double)c->layers);
    offset[GATE] = parameter_add(p, prefix, "gate", hidden, c->width,
                                 start_normal(in), true);
    offset[UP] = parameter_add(p, prefix, "up", hidden, c->width,
                               start_normal(in), true);
    offset[DOWN] = parameter_add(p, prefix, "down", c->width, hidden,
                                 start_normal(out), true);
}

// What feedforward keeps
static void plan(struct need need[], const struct device *d,
                 const struct configuration *c, size_t sequences)
{
    (void)d;
    size_t tokens = sequences * c->context;
    size_t hidden = configuration_hidden(c);
    need[GATED] = (struct need){ "gate", KEPT, ROUNDED, tokens,
                                 hidden };
    need[UPWARD] = (struct need){ "up", KEPT, ROUNDED, tokens, hidden };
    need[HIDDEN] = (struct need){ "hidden", SCRATCH, ROUNDED, tokens,
                                  hidden };
}

// Feedforward sublayer, forward
static void forward(const struct work *w)
{
    const struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    size_t H = configuration_hidden(w->configuration);
    real *gate = w->array[GATED], *up = w->array[UPWARD];
    real *hidden = w->array[HIDDEN];
    d->matmul.forward(gate, w->normed, w->weight[GATE], T, H, C);
    d->matmul.forward(up, w->normed, w->weight[UP], T, H, C);
    d->feedforward.forward(hidden, gate, up, T * H);
    d->matmul.forward(w->answer, hidden, w->weight[DOWN], T, C, H);
}

// Feedforward sublayer, backward
static void backward(const struct work *w)
{
    const struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    size_t H = configuration_hidden(w->configuration);
    real *gate = w->array[GATED], *up = w->array[UPWARD];
    real *hidden = w->array[HIDDEN];
    d->feedforward.forward(hidden, gate, up, T * H);
    d->matmul.backward_weight(w->gradient[DOWN], w->danswer, hidden,
                              T, C, H);
    d->matmul.backward_input(hidden, w->danswer, w->weight[DOWN],
                             T, C, H, false);
    d->feedforward.backward(gate, up, hidden, gate, up, T * H);
    // Pass the gradients of gate and up on to their matrices and input
    d->matmul.backward_weight(w->gradient[GATE], gate, w->normed, T, H, C);
    d->matmul.backward_weight(w->gradient[UP], up, w->normed, T, H, C);
    d->matmul.backward_input(w->dnormed, gate, w->weight[GATE], T, H, C,
                             false);
    d->matmul.backward_input(w->dnormed, up, w->weight[UP], T, H, C, true);
}

const struct sublayer feedforward_sublayer = {
    "feedforward", declare, plan, forward, backward
};
