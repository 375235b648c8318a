#ifndef SITES_H
#define SITES_H
#include "boundary/boundary.h"
#include "model/kinds.h"
#include "support/cpu.h"
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
    size_t T = s->tokens, C = s->width, nC = s->streams * C;
    size_t K = layout_row(&s->layout), m = s->layout.outputs;
    struct { struct array *array; enum role role; size_t rows,
            columns; }
    list[] = {
        { &s->stream, STREAM, T, nC }, { &s->answer, ACTIVATION, T, C },
        { &s->coefficients, EXACT, T, K },
        { &s->input, ACTIVATION, T, C },
        { &s->normed, ACTIVATION, T, C },
        { &s->inverse_rms, EXACT, T, 1 },
            { &s->dstream, STREAM, T, nC },
        { &s->dcoefficients, EXACT, T, K },
        { &s->dinput, GRADIENT, T, C }, { &s->dnormed, GRADIENT, T, C },
        { &s->danswer, GRADIENT, T, C }, { &s->dgain, MASTER, 1, C },
        { &s->dphi, MASTER, m, layout_inputs(&s->layout) },
        { &s->dalpha, MASTER, 1, b->small },
        { &s->dbias, MASTER, 1, b->small } };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        *list[i].array = test_array(list[i].role, list[i].rows,
                                    list[i].columns, seed + i, 1);
}

// Make a boundary
static inline struct sites sites_of(const struct connection *k,
                                    size_t n, size_t tokens,
                                    size_t width, bool apart)
{
    struct site s = { .tokens = tokens, .streams = n, .width = width,
                      .apart = apart, .mean = k->mean,
                      .layout = layout_of(k->mix, n, width, 20) };
    struct sites b = { .rows = tokens * layout_row(&s.layout),
        .phi = s.layout.outputs * layout_inputs(&s.layout),
        .small = MIX_OUTPUTS };
    s.gain = test_array(MASTER, 1, width, 90, 1);
    s.phi = test_array(MASTER, s.layout.outputs,
                       layout_inputs(&s.layout), 91, 0.2);
    s.alpha = test_array(MASTER, 1, b.small, 92, 1);
    s.bias = test_array(MASTER, 1, b.small, 93, 1);
    b.from = b.to = s;
    fill_site(&b.from, &b, 100);
    fill_site(&b.to, &b, 200);
    return b;
}

static inline void there(struct sites *b)
{
    device_cross(&cpu, &b->from, &b->to);
}

static inline void back(struct sites *b)
{
    device_cross_backward(&cpu, &b->from, &b->to);
}
#endif
