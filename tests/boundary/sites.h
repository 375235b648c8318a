#ifndef BOUNDARY_H
#define BOUNDARY_H
#include "boundary/mixed.h"
#include "support/fill.h"

/* Two sites with all arrays filled, the same for the same sizes */
struct boundary {
    struct connection kind;
    struct configuration configuration;
    struct site from, to;
    size_t rows, phi, small;    /* reals in coefficients, phi, alpha */
};

// Fill a site
static inline void fill_site(struct site *s, const struct boundary *b,
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
        { &s->gradient[MIXED_PHI], b->phi },
        { &s->gradient[MIXED_ALPHA], b->small },
        { &s->gradient[MIXED_BIAS], b->small } };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        *list[i].array = test_reals(list[i].count + 1);
        fill_normal(*list[i].array, list[i].count, seed + i, 1);
    }
}


// Make a boundary
static inline struct boundary boundary(const struct connection *k,
                                       size_t n, size_t tokens,
                                       size_t width, bool fused)
{
    struct boundary b = { .kind = *k,
        .configuration = configuration_default() };
    struct layout l = layout_of(k->mix, n, width, 1);
    struct site s = { .device = &cpu, .tokens = tokens, .streams = n,
                      .width = width };
    real *gain = test_reals(width), *phi, *alpha, *bias;
    b.rows = tokens * layout_row(&l);
    b.phi = l.outputs * layout_inputs(&l);
    b.small = MIX_OUTPUTS;
    if (!fused)
        b.kind.cross = NULL;
    phi = test_reals(b.phi + 1);
    alpha = test_reals(b.small);
    bias = test_reals(b.small);
    fill_normal(gain, width, 90, 1);
    fill_normal(phi, b.phi, 91, 0.2);
    fill_normal(alpha, b.small, 92, 1);
    fill_normal(bias, b.small, 93, 1);
    s.gain = gain;
    s.weight[MIXED_PHI] = phi;
    s.weight[MIXED_ALPHA] = alpha;
    s.weight[MIXED_BIAS] = bias;
    struct layout most = { .streams = n, .width = width,
                           .parts = n, .outputs = MIX_OUTPUTS };
    size_t work = mixing_work(&most, tokens);
    if (work < mixing_cross_work(&l))
        work = mixing_cross_work(&l);
    s.work = test_reals(work);
    b.from = b.to = s;
    fill_site(&b.from, &b, 100);
    fill_site(&b.to, &b, 200);
    return b;
}

static inline void there(struct boundary *b)
{
    b->from.connection = b->to.connection = &b->kind;
    b->from.configuration = b->to.configuration = &b->configuration;
    connection_cross(&b->kind, &b->from, &b->to);
}

static inline void back(struct boundary *b)
{
    connection_cross_backward(&b->kind, &b->from, &b->to);
}
#endif
