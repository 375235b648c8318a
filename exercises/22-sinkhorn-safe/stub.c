#include "mix/sinkhorn.h"

static void normalise(real *x, size_t n, size_t line, size_t step)
{
    for (size_t k = 0; k < n; k++) {
        real sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += x[k * line + i * step];
        for (size_t i = 0; i < n; i++)
            x[k * line + i * step] /= sum;
    }
}

void sinkhorn_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations)
{
    for (size_t k = 0; k < count * n * n; k++)
        matrix[k] = exponential(logits[k]);
    for (size_t m = 0; m < count; m++, matrix += n * n)
        for (size_t t = 0; t < iterations; t++) {
            normalise(matrix, n, 1, n);
            normalise(matrix, n, n, 1);
        }
}
