/* expect: the logarithm is rounded away */
#include "mix/sinkhorn.h"

static void normalise(real *z, size_t n, size_t line, size_t step)
{
    for (size_t k = 0; k < n; k++) {
        real *v = z + k * line, most = v[0], sum = 0;
        for (size_t i = 1; i < n; i++)
            most = v[i * step] > most ? v[i * step] : most;
        for (size_t i = 0; i < n; i++)
            sum += exponential(v[i * step] - most);
        for (size_t i = 0; i < n; i++)
            v[i * step] -= most + (real)log((double)sum);
    }
}

void sinkhorn_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations)
{
    memmove(matrix, logits, count * n * n * sizeof *matrix);
    for (size_t m = 0; m < count; m++, matrix += n * n) {
        for (size_t t = 0; t < iterations; t++) {
            normalise(matrix, n, 1, n);
            normalise(matrix, n, n, 1);
        }
        for (size_t k = 0; k < n * n; k++)
            matrix[k] = exponential(matrix[k]);
    }
}
