#include "boundary/mixed.h"

// The layout of a site
struct layout mixed_layout(const struct site *s)
{
    return layout_of(s->connection->mix, s->streams, s->width,
                     s->configuration->iterations);
}

size_t mixed_coefficients(const struct connection *k, size_t streams)
{
    return mix_row(k->mix, streams);
}

size_t mixed_work(const struct configuration *c, size_t tokens)
{
    struct layout l = { .streams = c->streams, .width = c->width,
                        .parts = 1, .outputs = MIX_OUTPUTS };
    size_t most = mixing_work(&l, tokens);
    // More work of a mixed connection
    if (mixing_cross_work(&l) > most)
        most = mixing_cross_work(&l);
    return most;
}

// Declare phi, alpha and bias
void mixed_declare(const struct connection *k, struct parameters *p,
                   size_t offset[], const char *prefix,
                   const struct configuration *c, size_t index,
                   bool exit)
{
    size_t n = c->streams;
    struct layout l = layout_of(k->mix, n, c->width, c->iterations);
    if (exit)
        return;
    if (l.parts > 0) {
        offset[MIXED_PHI] = parameter_add(p, prefix, "phi", l.outputs,
            layout_inputs(&l), start_constant(0), true);
        offset[MIXED_ALPHA] = parameter_add(p, prefix, "alpha", 1,
            mix_scales(k->mix), start_constant(0.01), false);
    }
    offset[MIXED_BIAS] = parameter_add(p, prefix, "bias", 1,
        mix_biases(k->mix, n), start_rule(k->start, n, index), false);
}

// Enter and leave
void mixed_enter(const struct site *s, const real *vector)
{
    struct layout l = mixed_layout(s);
    s->device->mixing.expand(s->stream, vector, &l, s->tokens);
}

void mixed_enter_backward(real *dvector, const struct site *s)
{
    struct layout l = mixed_layout(s);
    s->device->mixing.expand_backward(dvector, s->dstream, &l,
                                      s->tokens);
}

static real exit_scale(const struct site *s)
{
    return s->connection->mean ? 1 / (real)s->streams : 1;
}

void mixed_leave(const struct site *s)
{
    struct layout l = mixed_layout(s);
    s->device->mixing.collapse(s->input, s->stream, exit_scale(s), &l,
                               s->tokens);
}

void mixed_leave_backward(const struct site *s)
{
    struct layout l = mixed_layout(s);
    s->device->mixing.collapse_backward(s->dstream, s->dinput,
                                        exit_scale(s), &l, s->tokens);
}

// Read with coefficients
void mixed_read(const struct site *s)
{
    struct layout l = mixed_layout(s);
    const struct mixing *mixing = &s->device->mixing;
    mixing->coefficients(s->coefficients, s->stream,
                         s->weight[MIXED_PHI], s->weight[MIXED_ALPHA],
                         s->weight[MIXED_BIAS], &l, s->tokens);
    mixing->read(s->input, s->stream, s->coefficients, &l, s->tokens);
}

void mixed_read_backward(const struct site *s)
{
    struct layout l = mixed_layout(s);
    const struct mixing *mixing = &s->device->mixing;
    mixing->read_backward(s->dstream, s->dcoefficients, s->dinput,
                          s->stream, s->coefficients, &l, s->tokens);
    mixing->coefficients_backward(
        s->dstream, s->gradient[MIXED_PHI], s->gradient[MIXED_ALPHA],
        s->gradient[MIXED_BIAS], s->dcoefficients, s->work, s->stream,
        s->coefficients, s->weight[MIXED_PHI], s->weight[MIXED_ALPHA],
        s->weight[MIXED_BIAS], &l, s->tokens);
}

// Write with coefficients
void mixed_write(real *next, const struct site *s)
{
    struct layout l = mixed_layout(s);
    s->device->mixing.write(next, s->stream, s->answer, s->coefficients,
                            &l, s->tokens);
}

void mixed_write_backward(const struct site *s, const real *dnext)
{
    struct layout l = mixed_layout(s);
    s->device->mixing.write_backward(s->dstream, s->danswer,
                                     s->dcoefficients, dnext, s->stream,
                                     s->answer, s->coefficients, &l,
                                     s->tokens);
}
