#include "layers/matmul.h"
#include "boundary/mixing.h"
#include "layers/norm.h"
#include "ground/reduction.h"
#include <assert.h>

enum { SHARE = 64 };    /* tokens in a slice */

// Project a token
static inline real square(struct operands o, size_t c)
{
    return o.a[c] * o.a[c];
}

static inline real product(struct operands o, size_t c)
{
    return o.a[c] * o.b[c];
}

static void project(real *row, const real *x, const real *phi,
                    const struct layout *l)
{
    size_t inputs = layout_inputs(l);
    real *raw = row + layout_raw(l), *rms = row + layout_rms(l);
    for (size_t p = 0; p < l->parts; p++) {
        struct operands o = { .a = x + p * inputs };
        double mean = (double)sum_in_lanes(square, o, inputs)
                    / (double)inputs;
        rms[p] = (real)(1 / sqrt(mean + NORM_EPSILON));
        for (size_t k = 0; k < l->outputs; k++) {
            o.b = phi + k * inputs;
            raw[p * l->outputs + k] = sum_in_lanes(product, o, inputs);
        }
    }
}

// Coefficients, forward
void mixing_coefficients(real *coefficients, const real *stream,
                         const real *phi, const real *alpha,
                         const real *bias, const struct layout *l,
                         size_t tokens)
{
    size_t K = layout_row(l), all = l->streams * l->width;
    #pragma omp parallel for schedule(static)
    for (size_t first = 0; first < tokens; first += SHARE) {
        size_t rest = tokens - first;
        size_t count = rest < SHARE ? rest : SHARE;
        for (size_t t = first; t < first + count; t++)
            project(coefficients + t * K, stream + t * all, phi, l);
        mix_forward(coefficients + first * K, alpha, bias, l, count);
    }
}

// The work of coefficients
enum { SUMS = MIX_SCALES + MIX_OUTPUTS };     /* of a slice */

size_t mixing_work(const struct layout *l, size_t tokens)
{
    return tokens * l->parts * l->outputs
         + (tokens + SHARE - 1) / SHARE * SUMS;
}

// Project a token, backward
enum { PIECE = 64 };    /* channels */

static void project_backward(real *dx, real *draw, const real *dz,
                             const real *raw, real r, const real *x,
                             const real *phi, const struct layout *l)
{
    size_t inputs = layout_inputs(l), m = l->outputs;
    real along = 0;
    for (size_t k = 0; k < m; k++) {
        draw[k] = r * dz[k];
        along += dz[k] * (r * raw[k]);
    }
    along *= r * r / (real)inputs;
    for (size_t at = 0; at < inputs; at += PIECE) {
        // Add a piece of the gradient of the streams
        real sum[PIECE] = { 0 };
        size_t rest = inputs - at, count = rest < PIECE ? rest : PIECE;
        for (size_t k = 0; k < m; k++)
            for (size_t c = 0; c < count; c++)
                sum[c] += draw[k] * phi[k * inputs + at + c];
        for (size_t c = 0; c < count; c++)
            dx[at + c] += sum[c] - x[at + c] * along;
    }
}

// Coefficients, backward
void mixing_coefficients_backward(
    real *dstream, real *dphi, real *dalpha, real *dbias,
    real *dcoefficients, real *work, const real *stream,
    const real *coefficients, const real *phi, const real *alpha,
    const real *bias, const struct layout *l, size_t tokens)
{
    size_t K = layout_row(l), m = l->outputs;
    size_t biases = mix_biases(l->mix, l->streams);
    size_t scales = mix_scales(l->mix);
    real *sums = work + tokens * l->parts * m;
    assert(m <= MIX_OUTPUTS && biases <= MIX_OUTPUTS);
    #pragma omp parallel for schedule(static)
    for (size_t first = 0; first < tokens; first += SHARE) {
        size_t rest = tokens - first;
        size_t count = rest < SHARE ? rest : SHARE;
        real *own = sums + first / SHARE * SUMS;
        // Go back through the mix for the tokens of a slice
        memset(own, 0, SUMS * sizeof(real));
        mix_backward(dcoefficients + first * K, own, own + MIX_SCALES,
                     coefficients + first * K, alpha, bias, l, count);
        // Go back through their projections
        for (size_t i = first * l->parts; i < (first + count) * l->parts; i++) {
            size_t t = i / l->parts, p = i % l->parts;
            size_t at = i * layout_inputs(l);
            const real *row = coefficients + t * K;
            size_t raw = layout_raw(l) + p * m;
            project_backward(dstream + at, work + i * m,
                             dcoefficients + t * K + raw, row + raw,
                             row[layout_rms(l) + p], stream + at, phi, l);
        }
    }
    // Add up what the slices found
    for (size_t first = 0; first < tokens; first += SHARE) {
        const real *own = sums + first / SHARE * SUMS;
        for (size_t k = 0; k < scales; k++)
            dalpha[k] += own[k];
        for (size_t k = 0; k < biases; k++)
            dbias[k] += own[MIX_SCALES + k];
    }
    if (l->parts > 0)
        matmul_backward_weight(dphi, work, stream, tokens * l->parts,
                               m, layout_inputs(l));
}
