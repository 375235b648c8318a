#ifndef SITES_H
#define SITES_H
#include "boundary/boundary.h"
#include "model/kinds.h"
#include "support/fill.h"

/* Two sites with all arrays filled, the same for the same sizes */
struct sites {
    struct site from, to;
    size_t rows, phi, small;    /* reals in coefficients, phi, alpha */
};

// Fill a site
static inline void fill_site(struct site *s, const struct sites *b,
                             uint64_t seed)
{
    size_t count = s->tokens * s->width, all = s->streams * count;
    struct { real **array; size_t count; } list[] = {
        { &s->stream, all }, { &s->answer, count },
        { &s->coefficients, b->rows }, { &s->input, count },
        { &s->normed, count }, { &s->inverse_rms, s->tokens },
        { &s->dstream, all }, { &s->dcoefficients, b->rows },
        { &s->dinput, count }, { &s->dnormed, count },
        { &s->danswer, count }, { &s->dgain, s->width },
        { &s->dphi, b->phi }, { &s->dalpha, b->small },
        { &s->dbias, b->small } };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        *list[i].array = test_reals(list[i].count + 1);
        fill_normal(*list[i].array, list[i].count, seed + i, 1);
    }
}


// Make a boundary
static inline struct sites sites_of(const struct connection *k,
                                    size_t n, size_t tokens,
                                    size_t width, bool apart)
{
    struct site s = { .device = &cpu, .tokens = tokens, .streams = n,
                      .width = width, .apart = apart, .mean = k->mean,
                      .layout = layout_of(k->mix, n, width, 20) };
    struct sites b = { .rows = tokens * layout_row(&s.layout),
        .phi = s.layout.outputs * layout_inputs(&s.layout),
        .small = MIX_OUTPUTS };
    real *gain = test_reals(width);
    fill_normal(gain, width, 90, 1);
    s.gain = gain;
    s.phi = test_reals(b.phi + 1);
    s.alpha = test_reals(b.small);
    s.bias = test_reals(b.small);
    fill_normal(s.phi, b.phi, 91, 0.2);
    fill_normal(s.alpha, b.small, 92, 1);
    fill_normal(s.bias, b.small, 93, 1);
    s.work = test_reals(boundary_work(n, width, tokens));
    b.from = b.to = s;
    fill_site(&b.from, &b, 100);
    fill_site(&b.to, &b, 200);
    return b;
}

static inline void there(struct sites *b)
{
    boundary_cross(&b->from, &b->to);
}

static inline void back(struct sites *b)
{
    boundary_cross_backward(&b->from, &b->to);
}
#endif
