#include "boundary/residual.h"

// Write by adding
static void residual_write(real *next, const struct site *s)
{
    s->device->streams.add(next, s->stream, s->answer,
                           s->tokens * s->width);
}

static void residual_write_backward(const struct site *s,
                                    const real *dnext)
{
    size_t count = s->tokens * s->width;
    s->device->copy(s->dstream, dnext, count, ROUNDED);
    s->device->copy(s->danswer, dnext, count, ROUNDED);
}

// Cross in one sweep
static void residual_cross(const struct site *from,
                           const struct site *to)
{
    from->device->streams.cross(to->stream, to->inverse_rms, to->normed,
                                from->stream, from->answer, to->gain,
                                from->tokens, from->width);
}

static void residual_cross_backward(const struct site *from,
                                    const struct site *to)
{
    from->device->streams.cross_backward(
        from->dstream, from->danswer, to->dgain, to->dstream,
        to->dnormed, to->stream, to->inverse_rms, to->gain,
        from->tokens, from->width);
}

const struct connection residual = {
    .name = "residual",
    .summary = "one stream, to which every answer is added",
    .most_streams = 1,
    .write = residual_write,
    .write_backward = residual_write_backward,
    .cross = residual_cross,
    .cross_backward = residual_cross_backward,
};
