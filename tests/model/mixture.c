#include "mixture.h"
#include <string.h>

// A mixture of two experts
enum { CHOICE, IN /* and IN+1 */, BACK = 3 /* and 4 */ };
enum { SHARE, INSIDE /* and 2 */, GIVEN = 3 /* and 4 */,
       DSHARE = 5, DGIVEN, DINSIDE };

static void mixture_declare(struct parameters *p, size_t offset[],
                            const char *prefix,
                            const struct configuration *c)
{
    size_t H = configuration_hidden(c), C = c->width;
    offset[CHOICE] = parameter_add(p, prefix, "choice", 2, C,
                                   start_normal(1), true);
    for (size_t e = 0; e < 2; e++) {
        offset[IN + e] = parameter_add(p, prefix, e ? "in.1" : "in.0",
                                       H, C, start_normal(1), true);
        offset[BACK + e] = parameter_add(p, prefix,
                                         e ? "out.1" : "out.0", C, H,
                                         start_normal(1), true);
    }
}

static void mixture_plan(struct need need[], const struct device *d,
                         const struct configuration *c,
                         size_t sequences)
{
    (void)d;
    size_t T = sequences * c->context, H = configuration_hidden(c);
    need[SHARE] = (struct need){ "share", KEPT, EXACT, T, 2 };
    need[DSHARE] = (struct need){ "dshare", RETURN, EXACT, T, 2 };
    for (size_t e = 0; e < 2; e++) {
        need[INSIDE + e] = (struct need){ "inside", KEPT, ROUNDED, T,
                                          H };
        need[GIVEN + e] = (struct need){ "given", KEPT, ROUNDED, T,
                                         c->width };
    }
    need[DGIVEN] = (struct need){ "dgiven", RETURN, ROUNDED, T,
                                  c->width };
    need[DINSIDE] = (struct need){ "dinside", RETURN, ROUNDED, T, H };
}

// Ask both experts
static void mixture_forward(const struct work *w)
{
    const struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    size_t H = configuration_hidden(w->configuration);
    real *share = w->array[SHARE];
    d->matmul_exact.forward(share, w->normed, w->weight[CHOICE],
                            T, 2, C);
    for (size_t t = 0; t < T; t++) {
        real first = 1 / (1 + (real)exp((double)(share[2 * t + 1]
                                                 - share[2 * t])));
        share[2 * t] = first;
        share[2 * t + 1] = 1 - first;
    }
    memset(w->answer, 0, T * C * sizeof(real));
    for (size_t e = 0; e < 2; e++) {
        real *inside = w->array[INSIDE + e], *y = w->array[GIVEN + e];
        d->matmul.forward(inside, w->normed, w->weight[IN + e],
                          T, H, C);
        for (size_t i = 0; i < T * H; i++)
            inside[i] = (real)tanh((double)inside[i]);
        d->matmul.forward(y, inside, w->weight[BACK + e], T, C, H);
        for (size_t i = 0; i < T * C; i++)
            w->answer[i] += share[2 * (i / C) + e] * y[i];
    }
}

// Ask both experts, backward
static void mixture_backward(const struct work *w)
{
    const struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    size_t H = configuration_hidden(w->configuration);
    real *share = w->array[SHARE], *dshare = w->array[DSHARE];
    memset(dshare, 0, 2 * T * sizeof(real));
    for (size_t e = 0; e < 2; e++) {
        // Go back through expert e
        real *inside = w->array[INSIDE + e], *y = w->array[GIVEN + e];
        real *dy = w->array[DGIVEN], *dinside = w->array[DINSIDE];
        for (size_t i = 0; i < T * C; i++) {
            dy[i] = share[2 * (i / C) + e] * w->danswer[i];
            dshare[2 * (i / C) + e] += y[i] * w->danswer[i];
        }
        d->matmul.backward_weight(w->gradient[BACK + e], dy, inside, T, C, H);
        d->matmul.backward_input(dinside, dy, w->weight[BACK + e], T, C, H,
                                 false);
        for (size_t i = 0; i < T * H; i++)
            dinside[i] *= 1 - inside[i] * inside[i];
        d->matmul.backward_weight(w->gradient[IN + e], dinside, w->normed,
                                  T, H, C);
        d->matmul.backward_input(w->dnormed, dinside, w->weight[IN + e],
                                 T, H, C, e > 0);
    }
    for (size_t t = 0; t < T; t++) {
        real slope = share[2 * t] * share[2 * t + 1]
                   * (dshare[2 * t] - dshare[2 * t + 1]);
        dshare[2 * t] = slope;
        dshare[2 * t + 1] = -slope;
    }
    d->matmul_exact.backward_weight(w->gradient[CHOICE], dshare,
                                    w->normed, T, 2, C);
    d->matmul_exact.backward_input(w->dnormed, dshare,
                                   w->weight[CHOICE], T, 2, C, true);
}

const struct sublayer mixture = {
    "mixture", mixture_declare, mixture_plan, mixture_forward,
    mixture_backward
};
