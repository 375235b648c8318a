#include "mixture.h"
#include <string.h>

// A mixture of two experts
enum { CHOICE, IN /* and IN+1 */, BACK = 3 /* and 4 */ };
enum { SHARE, INSIDE /* and 2 */, GIVEN = 3 /* and 4 */,
       DSHARE = 5, DGIVEN, DINSIDE };

static void mixture_declare(struct parameters *p, size_t index[],
                            const char *prefix,
                            const struct configuration *c)
{
    size_t H = configuration_hidden(c), C = c->width;
    index[CHOICE] = parameter_add(p, prefix, "choice", 2, C,
                                  start_normal(1), true);
    for (size_t e = 0; e < 2; e++) {
        index[IN + e] = parameter_add(p, prefix, e ? "in.1" : "in.0",
                                      H, C, start_normal(1), true);
        index[BACK + e] = parameter_add(p, prefix,
                                        e ? "out.1" : "out.0", C, H,
                                        start_normal(1), true);
    }
}

static void mixture_plan(struct need need[],
                         const struct configuration *c,
                         size_t sequences)
{
    size_t T = sequences * c->context, H = configuration_hidden(c);
    need[SHARE] = (struct need){ "share", KEPT, EXACT, T, 2 };
    need[DSHARE] = (struct need){ "dshare", RETURN, EXACT, T, 2 };
    for (size_t e = 0; e < 2; e++) {
        need[INSIDE + e] = (struct need){ "inside", KEPT, ACTIVATION, T,
                                          H };
        need[GIVEN + e] = (struct need){ "given", KEPT, ACTIVATION, T,
                                         c->width };
    }
    need[DGIVEN] = (struct need){ "dgiven", RETURN, GRADIENT, T,
                                  c->width };
    need[DINSIDE] = (struct need){ "dinside", RETURN, GRADIENT, T, H };
}

// Ask both experts
/* the first rows, as many as there are tokens */
static struct array now(const struct work *w, size_t array)
{
    return array_rows(w->array[array], 0, w->tokens);
}

static void mixture_forward(const struct work *w)
{
    size_t T = w->tokens, C = w->configuration->width;
    size_t H = configuration_hidden(w->configuration);
    real *share = reals(w->array[SHARE]), *answer = reals(w->answer);
    device_product(w->device, now(w, SHARE), w->normed,
                   w->weight[CHOICE]);
    if (w->device->planning)
        return;
    for (size_t t = 0; t < T; t++) {
        real first = 1 / (1 + (real)exp((double)(share[2 * t + 1]
                                                 - share[2 * t])));
        share[2 * t] = first;
        share[2 * t + 1] = 1 - first;
    }
    memset(answer, 0, T * C * sizeof(real));
    for (size_t e = 0; e < 2; e++) {
        real *inside = reals(w->array[INSIDE + e]);
        const real *y = reals(w->array[GIVEN + e]);
        device_product(w->device, now(w, INSIDE + e), w->normed,
                       w->weight[IN + e]);
        for (size_t i = 0; i < T * H; i++)
            inside[i] = (real)tanh((double)inside[i]);
        device_product(w->device, now(w, GIVEN + e), now(w, INSIDE + e),
                       w->weight[BACK + e]);
        for (size_t i = 0; i < T * C; i++)
            answer[i] += share[2 * (i / C) + e] * y[i];
    }
}

// Ask both experts, backward
static void mixture_backward(const struct work *w)
{
    struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    size_t H = configuration_hidden(w->configuration);
    real *share = reals(w->array[SHARE]);
    real *dshare = reals(w->array[DSHARE]);
    if (d->planning)
        return;
    memset(dshare, 0, 2 * T * sizeof(real));
    for (size_t e = 0; e < 2; e++) {
        // Go back through expert e
        const real *inside = reals(w->array[INSIDE + e]);
        const real *y = reals(w->array[GIVEN + e]);
        const real *danswer = reals(w->danswer);
        real *dy = reals(w->array[DGIVEN]), *dinside = reals(w->array[DINSIDE]);
        for (size_t i = 0; i < T * C; i++) {
            dy[i] = share[2 * (i / C) + e] * danswer[i];
            dshare[2 * (i / C) + e] += y[i] * danswer[i];
        }
        device_product_weight(d, w->gradient[BACK + e], w->array[DGIVEN],
                              w->array[INSIDE + e]);
        device_product_input(d, w->array[DINSIDE], w->array[DGIVEN],
                             w->weight[BACK + e], false);
        for (size_t i = 0; i < T * H; i++)
            dinside[i] *= 1 - inside[i] * inside[i];
        device_product_weight(d, w->gradient[IN + e], w->array[DINSIDE],
                              w->normed);
        device_product_input(d, w->dnormed, w->array[DINSIDE],
                             w->weight[IN + e], e > 0);
    }
    for (size_t t = 0; t < T; t++) {
        real slope = share[2 * t] * share[2 * t + 1]
                   * (dshare[2 * t] - dshare[2 * t + 1]);
        dshare[2 * t] = slope;
        dshare[2 * t + 1] = -slope;
    }
    device_product_weight(d, w->gradient[CHOICE], w->array[DSHARE],
                          w->normed);
    device_product_input(d, w->dnormed, w->array[DSHARE],
                         w->weight[CHOICE], true);
}

const struct sublayer mixture = {
    "mixture", mixture_declare, mixture_plan, mixture_forward,
    mixture_backward
};
