#include "boundary/mixed.h"

// The crossing between two sites
static struct crossing crossing_between(const struct site *from,
                                        const struct site *to,
                                        const struct layout *l)
{
    return (struct crossing){
        .layout = l, .tokens = to->tokens,
        .phi = to->weight[MIXED_PHI], .alpha = to->weight[MIXED_ALPHA],
        .bias = to->weight[MIXED_BIAS], .gain = to->gain,
        .stream = from->stream, .answer = from->answer,
        .left = from->coefficients,
        .next = to->stream, .reached = to->coefficients,
        .input = to->input, .normed = to->normed,
        .inverse_rms = to->inverse_rms, .work = to->work };
}

void mixed_cross(const struct site *from, const struct site *to)
{
    struct layout l = mixed_layout(to);
    struct crossing s = crossing_between(from, to, &l);
    to->device->mixing.cross(&s);
}

// The crossing backward
void mixed_cross_backward(const struct site *from,
                          const struct site *to)
{
    struct layout l = mixed_layout(to);
    struct crossing s = crossing_between(from, to, &l);
    struct crossing_gradients g = {
        .dphi = to->gradient[MIXED_PHI],
        .dalpha = to->gradient[MIXED_ALPHA],
        .dbias = to->gradient[MIXED_BIAS], .dgain = to->dgain,
        .dstream = from->dstream, .danswer = from->danswer,
        .dleft = from->dcoefficients, .dnext = to->dstream,
        .dreached = to->dcoefficients, .dnormed = to->dnormed };
    to->device->mixing.cross_backward(&s, &g);
}
