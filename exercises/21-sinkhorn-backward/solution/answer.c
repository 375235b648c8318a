#include "mix/sinkhorn.h"

static void forward_step(double *x, size_t n, size_t line, size_t step)
{
    for (size_t k = 0; k < n; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += x[k * line + i * step];
        for (size_t i = 0; i < n; i++)
            x[k * line + i * step] /= sum;
    }
}

// Back through a half step
static void backward_step(double *g, const double *y, size_t n,
                          size_t line, size_t step)
{
    for (size_t k = 0; k < n; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += g[k * line + i * step];
        for (size_t i = 0; i < n; i++)
            g[k * line + i * step] -= sum * y[k * line + i * step];
    }
}

void sinkhorn_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations)
{
    double y[200][64];
    size_t nn = n * n;
    for (size_t m = 0; m < count * nn; m += nn) {
        double x[64], g[64];
        for (size_t i = 0; i < nn; i++)
            x[i] = exp(logits[m + i]);
        for (size_t h = 0; h < 2 * iterations; h++) {
            forward_step(x, n, h % 2 ? n : 1, h % 2 ? 1 : n);
            memcpy(y[h], x, sizeof x);
        }
        for (size_t i = 0; i < nn; i++)
            g[i] = dmatrix[m + i] * x[i];
        for (size_t h = 2 * iterations; h-- > 0; )
            backward_step(g, y[h], n, h % 2 ? n : 1, h % 2 ? 1 : n);
        memcpy(dlogits + m, g, nn * sizeof *g);
    }
}
