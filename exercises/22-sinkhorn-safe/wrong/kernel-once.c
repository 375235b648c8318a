/* expect: one that was rounded to 0 cannot */
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

/* once in logarithms, then by two factors of each entry */
void sinkhorn_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations)
{
    size_t nn = n * n;
    memmove(matrix, logits, count * nn * sizeof *matrix);
    for (; count-- > 0; matrix += nn) {
        if (iterations > 0) {
            normalise(matrix, n, 1, n);
            normalise(matrix, n, n, 1);
        }
        for (size_t k = 0; k < nn; k++)
            matrix[k] = exponential(matrix[k]);
        for (size_t h = 2; h < 2 * iterations; h++) {
            real sum[8] = { 0 };
            for (size_t k = 0; k < nn; k++)
                sum[h % 2 ? k / n : k % n] += matrix[k];
            for (size_t k = 0; k < nn; k++)
                matrix[k] /= sum[h % 2 ? k / n : k % n];
        }
    }
}
