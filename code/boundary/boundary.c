#include "boundary/boundary.h"
#include "boundary/streams.h"
#include "layers/norm.h"
// More headers of crossing
#include "array/narrow.h"
#include <string.h>

// Several streams
// The work of a boundary
size_t boundary_work(const struct layout *l)
{
    return mixing_work(l) * sizeof(real);
}

static size_t room_of(const struct site *to)
{
    size_t bytes = boundary_work(&to->layout);
    // Add room to make streams again
    if (to->again && to->lens == NULL)
        bytes += mixing_again(&to->layout) * sizeof(real);
    return bytes;
}

// Enter and leave
void boundary_enter(struct device *d, const struct site *s,
                    struct array vector)
{
    (void)d;
    mixing_expand(reals(s->stream), reals(vector), &s->layout,
                  s->tokens);
}

void boundary_enter_backward(struct device *d, struct array dvector,
                             const struct site *s)
{
    (void)d;
    mixing_expand_backward(reals(dvector), reals(s->dstream),
                           &s->layout, s->tokens);
}

static real exit_scale(const struct site *s)
{
    return s->mean ? 1 / (real)s->streams : 1;
}

// Read with coefficients
static void read_streams(const struct site *s)
{
    real *x = reals(s->stream), *k = reals(s->coefficients);
    if (s->exit) {
        mixing_collapse(reals(s->input), x, exit_scale(s), &s->layout,
                        s->tokens);
        return;
    }
    mixing_coefficients(k, x, reals(s->phi), reals(s->alpha),
                        reals(s->bias), &s->layout, s->tokens);
    mixing_read(reals(s->input), x, k, &s->layout, s->tokens);
}

// Read with coefficients, backward
static void read_streams_backward(struct device *d,
                                  const struct site *s)
{
    real *dx = reals(s->dstream), *dinput = reals(s->dinput);
    real *k = reals(s->coefficients), *dk = reals(s->dcoefficients);
    if (s->exit) {
        mixing_collapse_backward(dx, dinput, exit_scale(s), &s->layout,
                                 s->tokens);
        return;
    }
    real *work = device_scratch(d, boundary_work(&s->layout));
    if (work == NULL)
        return;
    mixing_read_backward(dx, dk, dinput, reals(s->stream), k,
                         &s->layout, s->tokens);
    mixing_coefficients_backward(
        dx, reals(s->dphi), reals(s->dalpha), reals(s->dbias), dk, work,
        reals(s->stream), k, reals(s->phi), reals(s->alpha),
        reals(s->bias), &s->layout, s->tokens);
}

// Write with coefficients
static void write_streams(const struct site *from, struct array next)
{
    mixing_write(reals(next), reals(from->stream), reals(from->answer),
                 reals(from->coefficients), &from->layout,
                 from->tokens);
}

static void write_streams_backward(const struct site *from,
                                   struct array dnext)
{
    mixing_write_backward(reals(from->dstream), reals(from->danswer),
                          reals(from->dcoefficients), reals(dnext),
                          reals(from->stream), reals(from->answer),
                          reals(from->coefficients), &from->layout,
                          from->tokens);
}

static struct crossing crossing_between(struct device *d,
                                        const struct site *from,
                                        const struct site *to)
{
    return (struct crossing){
        .layout = &to->layout, .tokens = to->tokens,
        .phi = reals(to->phi), .alpha = reals(to->alpha),
        .bias = reals(to->bias), .gain = reals(to->gain),
        .stream = reals(from->stream), .answer = reals(from->answer),
        .left = reals(from->coefficients), .next = reals(to->stream),
        .reached = reals(to->coefficients), .input = reals(to->input),
        .normed = reals(to->normed),
        .inverse_rms = reals(to->inverse_rms),
        .work = device_scratch(d, room_of(to)),
        // Set more of a crossing
        .lens = to->lens,
        .again = to->again, .past = past_of(from),
    };
}
static void settle_rows(struct array a, size_t rows)
{
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < rows; t++)
        bf16_settle(reals(a) + t * a.columns, a.columns);
}

static void settle_streams(const struct site *s)
{
    size_t row = s->kept.columns;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < s->tokens; t++)
        keep(s->kept, t * row, reals(s->stream) + t * row, row);
}
void boundary_write(struct device *d, const struct site *from,
                    const struct site *to)
{
    (void)d;
    if (to->layout.mix != MIX_NONE)
        write_streams(from, to->stream);
    else
        streams_add(reals(to->stream), reals(from->stream),
                    reals(from->answer), to->tokens * to->width);
}

static void make_again(const struct site *s)
{
    if (s->behind == NULL)
        return;
    make_again(s->behind);
    boundary_write(s->device, s->behind, s);
}

// Arrive at a site
void boundary_arrive(struct device *d, const struct site *s)
{
    (void)d;
    // Read several streams
    if (s->layout.mix != MIX_NONE)
        read_streams(s);
    // Settle what was read
    if (s->settle)
        settle_rows(s->input, s->tokens);
    norm_forward(reals(s->normed), reals(s->inverse_rms),
                 reals(s->input), reals(s->gain), s->tokens, s->width);
}

// Arrive, backward
void boundary_arrive_backward(struct device *d, const struct site *s)
{
    (void)d;
    // Look again, if that is needed
    if (s->again && s->layout.mix != MIX_NONE) {
        if (s->exit)
            mixing_collapse(reals(s->input), reals(s->stream),
                            exit_scale(s), &s->layout, s->tokens);
        else
            mixing_read(reals(s->input), reals(s->stream),
                        reals(s->coefficients), &s->layout, s->tokens);
        if (s->settle)
            settle_rows(s->input, s->tokens);
    }
    norm_backward(reals(s->dinput), reals(s->dgain), reals(s->dnormed),
                  reals(s->input), reals(s->inverse_rms),
                  reals(s->gain), s->tokens, s->width,
                  s->dinput.at == s->dstream.at);
    // Read several streams, backward
    if (s->layout.mix != MIX_NONE)
        read_streams_backward(d, s);
}

// Cross a boundary
void boundary_cross(struct device *d, const struct site *from,
                    const struct site *to)
{
    // Cross several streams
    if (to->layout.mix != MIX_NONE) {
        if (d->planning) {
            device_scratch(d, room_of(to));
            return;
        }
        // Cross several streams at once
        if (from != NULL && !to->apart && !to->exit) {
            struct crossing s = crossing_between(d, from, to);
            if (s.work != NULL)
                mixing_cross(&s);
            return;
        }
        if (from != NULL)
            write_streams(from, to->stream);
        // Settle what was written
        if (to->settle && from != NULL)
            settle_streams(to);
        boundary_arrive(d, to);
        return;
    }
    if (d->planning)
        return;
    if (from == NULL || to->apart) {
        if (from != NULL)
            streams_add(reals(to->stream), reals(from->stream),
                        reals(from->answer), to->tokens * to->width);
        // Settle what was written
        if (to->settle && from != NULL)
            settle_streams(to);
        boundary_arrive(d, to);
        return;
    }
    streams_cross(reals(to->stream), reals(to->inverse_rms),
                  reals(to->normed), reals(from->stream),
                  reals(from->answer), reals(to->gain), to->tokens,
                  to->width);
}

// Cross a boundary, backward
static void pass_on(struct array d, const struct site *to)
{
    memcpy(reals(d), reals(to->dstream),
           to->tokens * to->width * sizeof(real));
}

void boundary_cross_backward(struct device *d, const struct site *from,
                             const struct site *to)
{
    size_t count = to->tokens * to->streams * to->width;
    if (to->exit && !d->planning)
        memset(reals(to->dstream), 0, count * sizeof(real));
    // Make again what was not kept
    bool tiles = to->layout.mix != MIX_NONE && from != NULL && !to->apart
              && !to->exit;
    if (to->again && !tiles && !d->planning)
        make_again(last_again(from, to));
    // Cross several streams, backward
    if (to->layout.mix != MIX_NONE) {
        if (d->planning)        /* the way there has asked for as much */
            return;
        // Cross several streams at once, backward
        if (from != NULL && !to->apart && !to->exit) {
            struct crossing s = crossing_between(d, from, to);
            struct crossing_gradients g = {
                .dphi = reals(to->dphi), .dalpha = reals(to->dalpha),
                .dbias = reals(to->dbias), .dgain = reals(to->dgain),
                .dstream = reals(from->dstream),
                .danswer = reals(from->danswer),
                .dleft = reals(from->dcoefficients),
                .dnext = reals(to->dstream),
                .dreached = reals(to->dcoefficients),
                .dnormed = reals(to->dnormed) };
            if (s.work != NULL)
                mixing_cross_backward(&s, &g);
            return;
        }
        boundary_arrive_backward(d, to);
        if (from != NULL)
            write_streams_backward(from, to->dstream);
        return;
    }
    if (d->planning)
        return;
    if (from == NULL || to->apart) {
        boundary_arrive_backward(d, to);
        if (from != NULL)
            pass_on(from->dstream, to), pass_on(from->danswer, to);
        return;
    }
    streams_cross_backward(reals(from->dstream), reals(from->danswer),
                           reals(to->dgain), reals(to->dstream),
                           reals(to->dnormed), reals(to->stream),
                           reals(to->inverse_rms), reals(to->gain),
                           to->tokens, to->width);
}
