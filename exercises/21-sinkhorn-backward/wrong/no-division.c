/* expect: half steps that do not divide by the sum of the line */
#define SUM 1
// An answer to lab 21 that divides
#include "mix/sinkhorn.h"

#ifndef ROWS
#define ROWS h % 2
#endif
#ifndef ITERATE
#define ITERATE x[h + 1]
#endif
#ifndef X
#define X x[0][i]
#endif
#ifndef SUM
#define SUM sum[h][k]
#endif

#define LINE(i, h) ((ROWS) ? (i) / n : (i) % n)

static void back(double *g, double x[][64], double sum[][8], size_t n,
                 size_t h)
{
    double along[8] = { 0 };
    (void)sum;
    for (size_t i = 0; i < n * n; i++)
        along[LINE(i, h)] += g[i] * ITERATE[i];
    for (size_t i = 0; i < n * n; i++) {
        size_t k = LINE(i, h);
        g[i] = (g[i] - along[k]) / SUM;
        (void)k;
    }
}

void sinkhorn_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations)
{
    double x[201][64], sum[200][8], g[64];
    size_t nn = n * n;
    for (; count-- > 0; dlogits += nn, dmatrix += nn, logits += nn) {
        memset(sum, 0, sizeof sum);
        memcpy(g, dmatrix, nn * sizeof *g);
        for (size_t i = 0; i < nn; i++)
            x[0][i] = exp(logits[i]);
        for (size_t h = 0; h < 2 * iterations; h++) {
            for (size_t i = 0; i < nn; i++)
                sum[h][LINE(i, h)] += x[h][i];
            for (size_t i = 0; i < nn; i++)
                x[h + 1][i] = x[h][i] / sum[h][LINE(i, h)];
        }
        for (size_t h = 2 * iterations; h-- > 0; )
            back(g, x, sum, n, h);
        for (size_t i = 0; i < nn; i++)
            dlogits[i] = g[i] * X;
    }
}
