#include "mix/hyper.h"
#include <tgmath.h>

// Static coefficients
void static_forward(real *coefficients, const real *bias,
                    const struct layout *l, size_t tokens)
{
    size_t K = layout_row(l);
    for (size_t i = 0; i < tokens * K; i++)
        coefficients[i] = bias[i % K];
}

void static_backward(const real *dcoefficients, real *dbias,
                     const struct layout *l, size_t tokens)
{
    size_t K = layout_row(l);
    for (size_t i = 0; i < tokens * K; i++)
        dbias[i % K] += dcoefficients[i];
}

// Dynamic coefficients
/* which of alpha scales row k of phi */
static size_t scale_of(size_t k, const struct layout *l)
{
    return k < 2 ? k : l->mix == MIX_TANH_TWO ? 0 : 2;
}

void tanh_forward(real *coefficients, const real *alpha,
                  const real *bias, const struct layout *l,
                  size_t tokens)
{
    size_t n = l->streams, m = l->outputs;
    for (size_t t = 0; t < tokens; t++) {
        real *row = coefficients + t * layout_row(l);
        const real *raw = row + layout_raw(l);
        const real *r = row + layout_rms(l);
        for (size_t i = 0; i < m * n; i++) {
            size_t k = i / n, j = i % n;
            row[i] = alpha[scale_of(k, l)] * tanh(r[j] * raw[j * m + k])
                   + bias[i];
        }
    }
}

// Dynamic coefficients, backward
void tanh_backward(real *dcoefficients, real *dalpha, real *dbias,
                   const real *coefficients, const real *alpha,
                   const struct layout *l, size_t tokens)
{
    size_t n = l->streams, m = l->outputs;
    for (size_t t = 0; t < tokens; t++) {
        const real *row = coefficients + t * layout_row(l);
        const real *raw = row + layout_raw(l);
        const real *r = row + layout_rms(l);
        real *d = dcoefficients + t * layout_row(l);
        real *dz = d + layout_raw(l);
        for (size_t i = 0; i < m * n; i++) {
            size_t k = i / n, j = i % n, a = scale_of(k, l);
            real u = tanh(r[j] * raw[j * m + k]);
            dalpha[a] += d[i] * u;
            dbias[i] += d[i];
            dz[j * m + k] = d[i] * alpha[a] * (1 - u * u);
        }
    }
}
