#include "mix/permutations.h"

void permutations_forward(real *matrix, const real *logits,
                          size_t count, size_t n, size_t iterations)
{
    (void)logits, (void)iterations;
    for (size_t e = 0; e < count * n * n; e++)
        matrix[e] = 1 / (real)n;
}

void permutations_backward(real *dlogits, const real *dmatrix,
                           const real *logits, size_t count, size_t n,
                           size_t iterations)
{
    (void)dmatrix, (void)logits, (void)iterations;
    for (size_t k = 0; k < count * permutations_of(n); k++)
        dlogits[k] = 0;
}
