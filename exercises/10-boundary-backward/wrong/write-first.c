/* expect: a stream without what reading gives back */
#include "boundary/boundary.h"
#include "layers/norm.h"

enum { LEAVES = true, ZERO = true, ARRIVES_FIRST = false };
#define ADD (s->layout.mix == MIX_NONE)

// Arrive backward with plain loops
void boundary_arrive_backward(struct device *d, const struct site *s)
{
    const struct layout *l = &s->layout;
    real *dx = reals(s->dstream), *dinput = reals(s->dinput);
    real *k = reals(s->coefficients), *dk = reals(s->dcoefficients);
    norm_backward(dinput, reals(s->dgain), reals(s->dnormed),
                  reals(s->input), reals(s->inverse_rms),
                  reals(s->gain), s->tokens, s->width, ADD);
    if (l->mix == MIX_NONE)
        return;
    if (LEAVES && s->exit) {
        mixing_collapse_backward(dx, dinput, s->mean
                                 ? 1 / (real)l->streams : 1, l,
                                 s->tokens);
        return;
    }
    real *work = device_scratch(d, boundary_work(l));
    mixing_read_backward(dx, dk, dinput, reals(s->stream), k, l,
                         s->tokens);
    mixing_coefficients_backward(
        dx, reals(s->dphi), reals(s->dalpha), reals(s->dbias), dk, work,
        reals(s->stream), k, reals(s->phi), reals(s->alpha),
        reals(s->bias), l, s->tokens);
}

// Cross backward with plain loops
static void go_back_through_the_write(const struct site *from,
                                      const struct site *to)
{
    if (from->layout.mix != MIX_NONE)
        mixing_write_backward(reals(from->dstream),
                              reals(from->danswer),
                              reals(from->dcoefficients),
                                  reals(to->dstream),
                              reals(from->stream), reals(from->answer),
                              reals(from->coefficients), &from->layout,
                              from->tokens);
    else
        for (size_t i = 0; i < to->tokens * to->width; i++)
            reals(from->dstream)[i] = reals(from->danswer)[i] =
                reals(to->dstream)[i];
}

void boundary_cross_backward(struct device *d, const struct site *from,
                             const struct site *to)
{
    size_t count = to->tokens * to->streams * to->width;
    for (size_t i = 0; ZERO && to->exit && i < count; i++)
        reals(to->dstream)[i] = 0;
    if (ARRIVES_FIRST)
        boundary_arrive_backward(d, to);
    go_back_through_the_write(from, to);
    if (!ARRIVES_FIRST)
        boundary_arrive_backward(d, to);
}
