#include "boundary/boundary.h"

// Several streams
// The work of a boundary
size_t boundary_work(size_t streams, size_t width, size_t tokens)
{
    struct layout l = { .streams = streams, .width = width, .parts = 1,
                        .outputs = MIX_OUTPUTS };
    size_t most = mixing_work(&l, tokens);
    // More work of a boundary
    if (mixing_cross_work(&l) > most)
        most = mixing_cross_work(&l);
    return most;
}

// Enter and leave
void boundary_enter(const struct site *s, const real *vector)
{
    s->device->mixing.expand(s->stream, vector, &s->layout, s->tokens);
}

void boundary_enter_backward(real *dvector, const struct site *s)
{
    s->device->mixing.expand_backward(dvector, s->dstream, &s->layout,
                                      s->tokens);
}

static real exit_scale(const struct site *s)
{
    return s->mean ? 1 / (real)s->streams : 1;
}

// Read with coefficients
static void read_streams(const struct site *s)
{
    const struct mixing *mixing = &s->device->mixing;
    if (s->exit) {
        mixing->collapse(s->input, s->stream, exit_scale(s), &s->layout,
                         s->tokens);
        return;
    }
    mixing->coefficients(s->coefficients, s->stream, s->phi, s->alpha,
                         s->bias, &s->layout, s->tokens);
    mixing->read(s->input, s->stream, s->coefficients, &s->layout,
                 s->tokens);
}

// Read with coefficients, backward
static void read_streams_backward(const struct site *s)
{
    const struct mixing *mixing = &s->device->mixing;
    if (s->exit) {
        mixing->collapse_backward(s->dstream, s->dinput, exit_scale(s),
                                  &s->layout, s->tokens);
        return;
    }
    mixing->read_backward(s->dstream, s->dcoefficients, s->dinput,
                          s->stream, s->coefficients, &s->layout,
                          s->tokens);
    mixing->coefficients_backward(
        s->dstream, s->dphi, s->dalpha, s->dbias, s->dcoefficients,
        s->work, s->stream, s->coefficients, s->phi, s->alpha, s->bias,
        &s->layout, s->tokens);
}

// Write with coefficients
static void write_streams(const struct site *from, real *next)
{
    from->device->mixing.write(next, from->stream, from->answer,
                               from->coefficients, &from->layout,
                               from->tokens);
}

static void write_streams_backward(const struct site *from,
                                   const real *dnext)
{
    from->device->mixing.write_backward(
        from->dstream, from->danswer, from->dcoefficients, dnext,
        from->stream, from->answer, from->coefficients, &from->layout,
        from->tokens);
}

static struct crossing crossing_between(const struct site *from,
                                        const struct site *to)
{
    return (struct crossing){
        .layout = &to->layout, .tokens = to->tokens,
        .phi = to->phi, .alpha = to->alpha, .bias = to->bias,
        .gain = to->gain, .stream = from->stream,
        .answer = from->answer, .left = from->coefficients,
        .next = to->stream, .reached = to->coefficients,
        .input = to->input, .normed = to->normed,
        .inverse_rms = to->inverse_rms, .work = to->work };
}

// Arrive at a site
void boundary_arrive(const struct site *s)
{
    // Read several streams
    if (s->layout.mix != MIX_NONE)
        read_streams(s);
    s->device->norm.forward(s->normed, s->inverse_rms, s->input,
                            s->gain, s->tokens, s->width);
}

// Arrive, backward
void boundary_arrive_backward(const struct site *s)
{
    s->device->norm.backward(s->dinput, s->dgain, s->dnormed, s->input,
                             s->inverse_rms, s->gain, s->tokens,
                             s->width, s->dinput == s->dstream);
    // Read several streams, backward
    if (s->layout.mix != MIX_NONE)
        read_streams_backward(s);
}

// Cross a boundary
void boundary_cross(const struct site *from, const struct site *to)
{
    // Cross several streams
    if (from->layout.mix != MIX_NONE) {
        // Cross several streams at once
        if (!to->apart && !to->exit) {
            struct crossing s = crossing_between(from, to);
            to->device->mixing.cross(&s);
            return;
        }
        write_streams(from, to->stream);
        boundary_arrive(to);
        return;
    }
    if (to->apart) {
        to->device->streams.add(to->stream, from->stream, from->answer,
                                to->tokens * to->width);
        boundary_arrive(to);
        return;
    }
    to->device->streams.cross(to->stream, to->inverse_rms, to->normed,
                              from->stream, from->answer, to->gain,
                              to->tokens, to->width);
}

// Cross a boundary, backward
void boundary_cross_backward(const struct site *from,
                             const struct site *to)
{
    const struct device *d = to->device;
    size_t count = to->tokens * to->streams * to->width;
    if (to->exit)
        d->zero(to->dstream, count, ROUNDED);
    // Cross several streams, backward
    if (from->layout.mix != MIX_NONE) {
        // Cross several streams at once, backward
        if (!to->apart && !to->exit) {
            struct crossing s = crossing_between(from, to);
            struct crossing_gradients g = {
                .dphi = to->dphi, .dalpha = to->dalpha, .dbias = to->dbias,
                .dgain = to->dgain, .dstream = from->dstream,
                .danswer = from->danswer, .dleft = from->dcoefficients,
                .dnext = to->dstream, .dreached = to->dcoefficients,
                .dnormed = to->dnormed };
            d->mixing.cross_backward(&s, &g);
            return;
        }
        boundary_arrive_backward(to);
        write_streams_backward(from, to->dstream);
        return;
    }
    if (to->apart) {
        boundary_arrive_backward(to);
        d->copy(from->dstream, to->dstream, count, ROUNDED);
        d->copy(from->danswer, to->dstream, count, ROUNDED);
        return;
    }
    d->streams.cross_backward(from->dstream, from->danswer, to->dgain,
                              to->dstream, to->dnormed, to->stream,
                              to->inverse_rms, to->gain, to->tokens,
                              to->width);
}
