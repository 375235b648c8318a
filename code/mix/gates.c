#include "mix/gates.h"
#include "mix/deepseek.h"

enum { GATES = 2 * MIX_STREAMS, BLOCK = 16 };

// What makes one gate differ from another
struct gates { real scale[GATES], factor[GATES], shift[GATES]; };

static struct gates gates_of(const real *alpha, const struct layout *l)
{
    struct gates g;
    size_t n = l->streams;
    for (size_t i = 0; i < n; i++) {
        g.scale[i] = alpha[0];
        g.scale[n + i] = alpha[1];
        g.factor[i] = 1;
        g.factor[n + i] = 2;
        g.shift[i] = l->mix == MIX_RELEASED ? DEEPSEEK_EPSILON : 0;
        g.shift[n + i] = 0;
    }
    return g;
}

// Gates, forward
void gates_forward(real *coefficients, const real *alpha,
                   const real *bias, const struct layout *l,
                   size_t tokens)
{
    size_t n = l->streams, K = layout_row(l);
    struct gates g = gates_of(alpha, l);
    for (size_t first = 0; first < tokens; first += BLOCK) {
        size_t count = tokens - first < BLOCK ? tokens - first : BLOCK;
        real *block = coefficients + first * K, h[BLOCK * GATES];
        // Let h be what goes into the gates of a block
        for (size_t t = 0; t < count; t++) {
            const real *raw = block + t * K + layout_raw(l);
            real r = block[t * K + layout_rms(l)];
            for (size_t i = 0; i < 2 * n; i++)
                h[t * 2 * n + i] = g.scale[i] * (r * raw[i]) + bias[i];
        }
        for (size_t i = 0; i < count * 2 * n; i++)
            h[i] = 1 / (1 + exponential(-h[i]));
        for (size_t t = 0; t < count; t++)
            for (size_t i = 0; i < 2 * n; i++)
                block[t * K + i] = g.factor[i] * h[t * 2 * n + i]
                                 + g.shift[i];
    }
}

// Gates, backward
void gates_backward(real *dcoefficients, real *dalpha, real *dbias,
                    const real *coefficients, const real *alpha,
                    const struct layout *l, size_t tokens)
{
    size_t n = l->streams, K = layout_row(l);
    struct gates g = gates_of(alpha, l);
    real slope[GATES] = { 0 }, bias[GATES] = { 0 };
    for (size_t t = 0; t < tokens; t++) {
        const real *k = coefficients + t * K, *raw = k + layout_raw(l);
        const real *d = dcoefficients + t * K;
        real *dz = dcoefficients + t * K + layout_raw(l);
        real r = k[layout_rms(l)];
        for (size_t i = 0; i < 2 * n; i++) {
            real s = (k[i] - g.shift[i]) / g.factor[i];
            real dh = g.factor[i] * d[i] * s * (1 - s);
            dz[i] = g.scale[i] * dh;
            slope[i] += dh * (r * raw[i]);
            bias[i] += dh;
        }
    }
    for (size_t i = 0; i < 2 * n; i++) {
        dalpha[i < n ? 0 : 1] += slope[i];
        dbias[i] += bias[i];
    }
}

// Logits of the mix
void mix_logits(real *logits, const real *coefficients,
                const real *alpha, const real *bias,
                const struct layout *l, size_t tokens)
{
    size_t gates = 2 * l->streams, count = l->outputs - gates;
    for (size_t t = 0; t < tokens; t++) {
        const real *k = coefficients + t * layout_row(l);
        const real *raw = k + layout_raw(l) + gates;
        for (size_t i = 0; i < count; i++)
            logits[t * count + i] =
                alpha[2] * (k[layout_rms(l)] * raw[i])
                + bias[gates + i];
    }
}

// Logits of the mix, backward
void mix_logits_backward(real *dcoefficients, real *dalpha, real *dbias,
                         const real *dlogits, const real *coefficients,
                         const real *alpha, const struct layout *l,
                         size_t tokens)
{
    size_t gates = 2 * l->streams, count = l->outputs - gates;
    real slope[MIX_OUTPUTS] = { 0 }, bias[MIX_OUTPUTS] = { 0 };
    for (size_t t = 0; t < tokens; t++) {
        size_t at = t * layout_row(l) + layout_raw(l) + gates;
        const real *raw = coefficients + at, *dh = dlogits + t * count;
        real *dz = dcoefficients + at;
        real r = coefficients[t * layout_row(l) + layout_rms(l)];
        for (size_t i = 0; i < count; i++) {
            dz[i] = alpha[2] * dh[i];
            slope[i] += dh[i] * (r * raw[i]);
            bias[i] += dh[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        dalpha[2] += slope[i];
        dbias[gates + i] += bias[i];
    }
}
