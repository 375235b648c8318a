/* expect: a short form that does not begin with dmatrix times matrix */
#define START 1
// A plain answer to lab 21
#include "mix/sinkhorn.h"

#ifndef LEAST
#define LEAST 0
#endif
#ifndef ITERATE
#define ITERATE y[h]
#endif
#ifndef ROWS
#define ROWS h % 2
#endif
#ifndef INTO
#define INTO =
#endif
#ifndef START
#define START y[halves - 1][i]
#endif
#ifndef BEGIN
#define BEGIN
#endif

static void step(double *x, size_t n, bool rows)
{
    double sum[8] = { 0 };
    for (size_t i = 0; i < n * n; i++)
        sum[rows ? i / n : i % n] += x[i];
    for (size_t i = 0; i < n * n; i++)
        x[i] /= sum[rows ? i / n : i % n];
}

static void back(double *g, const double *at, size_t n, bool rows)
{
    double sum[8] = { 0 };
    for (size_t i = 0; i < n * n; i++)
        sum[rows ? i / n : i % n] += g[i];
    for (size_t i = 0; i < n * n; i++)
        g[i] -= at[i] * sum[rows ? i / n : i % n];
}

void sinkhorn_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations)
{
    double y[200][64];
    size_t halves = 2 * iterations, nn = n * n;
    BEGIN
    for (; count-- > 0; dlogits += nn, dmatrix += nn, logits += nn) {
        double g[64];
        for (size_t i = 0; i < nn; i++)
            g[i] = exp(logits[i]);
        for (size_t h = 0; h < halves; h++) {
            step(g, n, h % 2);
            memcpy(y[h], g, sizeof g);
        }
        for (size_t i = 0; i < nn; i++)
            g[i] = dmatrix[i] * START;
        for (size_t h = halves; h-- > (LEAST); )
            back(g, ITERATE, n, ROWS);
        for (size_t i = 0; i < nn; i++)
            dlogits[i] INTO g[i];
    }
}
