#include "boundary/boundary.h"
#include "layers/norm.h"

enum { LEAVES = true, ZERO = true, ARRIVES_FIRST = true };
#define ADD (s->layout.mix == MIX_NONE)

// Arrive backward with plain loops
void boundary_arrive_backward(const struct site *s)
{
    const struct layout *l = &s->layout;
    norm_backward(s->dinput, s->dgain, s->dnormed, s->input,
                  s->inverse_rms, s->gain, s->tokens, s->width, ADD);
    if (l->mix == MIX_NONE)
        return;
    if (LEAVES && s->exit) {
        mixing_collapse_backward(s->dstream, s->dinput,
                                 s->mean ? 1 / (real)l->streams : 1, l,
                                 s->tokens);
        return;
    }
    mixing_read_backward(s->dstream, s->dcoefficients, s->dinput,
                         s->stream, s->coefficients, l, s->tokens);
    mixing_coefficients_backward(
        s->dstream, s->dphi, s->dalpha, s->dbias, s->dcoefficients,
        s->work, s->stream, s->coefficients, s->phi, s->alpha, s->bias,
        l, s->tokens);
}

// Cross backward with plain loops
static void go_back_through_the_write(const struct site *from,
                                      const struct site *to)
{
    if (from->layout.mix != MIX_NONE)
        mixing_write_backward(from->dstream, from->danswer,
                              from->dcoefficients, to->dstream,
                              from->stream, from->answer,
                              from->coefficients, &from->layout,
                              from->tokens);
    else
        for (size_t i = 0; i < to->tokens * to->width; i++)
            from->dstream[i] = from->danswer[i] = to->dstream[i];
}

void boundary_cross_backward(const struct site *from,
                             const struct site *to)
{
    size_t count = to->tokens * to->streams * to->width;
    for (size_t i = 0; ZERO && to->exit && i < count; i++)
        to->dstream[i] = 0;
    if (ARRIVES_FIRST)
        boundary_arrive_backward(to);
    go_back_through_the_write(from, to);
    if (!ARRIVES_FIRST)
        boundary_arrive_backward(to);
}
