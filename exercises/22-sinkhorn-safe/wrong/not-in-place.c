/* expect: the answer changes when matrix is logits */
#include "mix/sinkhorn.h"

// Normalise for lab 22
static void normalise(real *z, size_t n, size_t line, size_t step)
{
    for (size_t k = 0; k < n; k++) {
        real *v = z + k * line, most = v[0], sum = 0;
        for (size_t i = 1; i < n; i++)
            most = v[i * step] > most ? v[i * step] : most;
        for (size_t i = 0; i < n; i++)
            sum += exponential(v[i * step] - most);
        real more = (real)log((double)sum);
        for (size_t i = 0; i < n; i++)
            v[i * step] = v[i * step] - most - more;
    }
}

void sinkhorn_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations)
{
    size_t nn = n * n;
    for (; count-- > 0; matrix += nn, logits += nn) {
        for (size_t k = 0; k < nn; k++) {
            real most = logits[k];
            for (size_t i = k % n; i < nn; i += n)
                most = logits[i] > most ? logits[i] : most;
            matrix[k] = logits[k] - (iterations > 0 ? most : 0);
        }
        for (size_t t = 0; t < iterations; t++) {
            normalise(matrix, n, 1, n);
            normalise(matrix, n, n, 1);
        }
        for (size_t k = 0; k < nn; k++)
            matrix[k] = exponential(matrix[k]);
    }
}
