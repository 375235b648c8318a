#include "mix/own.h"

size_t own_logits(size_t n)
{
    (void)n;
    return 0;
}

void own_forward(real *matrix, const real *logits, size_t count,
                 size_t n)
{
    (void)logits;
    for (size_t e = 0; e < count * n * n; e++)
        matrix[e] = e % (n * n) % (n + 1) == 0;
}

void own_backward(real *dlogits, const real *dmatrix,
                  const real *logits, size_t count, size_t n)
{
    (void)dlogits, (void)dmatrix, (void)logits, (void)count, (void)n;
}
