#include "mix/deepseek.h"
#include <assert.h>

enum { MOST = 8, STEPS = 100 };

// A softmax of each row, plus epsilon
static void softmax_rows(real *out, const real *logits, size_t n)
{
    for (size_t i = 0; i < n * n; i += n) {
        real most = logits[i], sum = 0;
        for (size_t j = 1; j < n; j++)
            most = logits[i + j] > most ? logits[i + j] : most;
        for (size_t j = 0; j < n; j++)
            sum += out[i + j] = exponential(logits[i + j] - most);
        for (size_t j = 0; j < n; j++)
            out[i + j] = out[i + j] / sum + DEEPSEEK_EPSILON;
    }
}

// Divide lines by their sums
/* lines `along` apart, their elements `step` apart: rows n, 1;
   columns 1, n */
static void divide(real *out, const real *x, size_t n, size_t along,
                   size_t step)
{
    for (size_t i = 0; i < n; i++) {
        real sum = DEEPSEEK_EPSILON;
        for (size_t j = 0; j < n; j++)
            sum += x[i * along + j * step];
        for (size_t j = 0; j < n; j++)
            out[i * along + j * step] = x[i * along + j * step] / sum;
    }
}

// Divide lines by their sums, backward
/* d = gradient of x, was that of y = divide(x) */
static void divide_backward(real *d, const real *y, const real *x,
                            size_t n, size_t along, size_t step)
{
    for (size_t i = 0; i < n; i++) {
        real sum = DEEPSEEK_EPSILON, common = 0;
        for (size_t j = 0; j < n; j++) {
            sum += x[i * along + j * step];
            common += d[i * along + j * step] * y[i * along + j * step];
        }
        for (size_t j = 0; j < n; j++)
            d[i * along + j * step] =
                (d[i * along + j * step] - common) / sum;
    }
}

// DeepSeek's mix, forward
/* iterates [2 * iterations][n][n]: even ones had their rows done, odd
   ones their columns */
static void iterate(real (*x)[MOST * MOST], const real *logits,
                    size_t n, size_t iterations)
{
    assert(n <= MOST && iterations > 0 && iterations <= STEPS);
    softmax_rows(x[0], logits, n);
    divide(x[1], x[0], n, 1, n);
    for (size_t k = 2; k < 2 * iterations; k += 2) {
        divide(x[k], x[k - 1], n, n, 1);
        divide(x[k + 1], x[k], n, 1, n);
    }
}

void deepseek_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations)
{
    real x[2 * STEPS][MOST * MOST];
    for (size_t t = 0; t < count * n * n; t += n * n) {
        iterate(x, logits + t, n, iterations);
        for (size_t i = 0; i < n * n; i++)
            matrix[t + i] = x[2 * iterations - 1][i % n * n + i / n];
    }
}

// DeepSeek's mix, backward
void deepseek_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations)
{
    real x[2 * STEPS][MOST * MOST];
    for (size_t t = 0; t < count * n * n; t += n * n) {
        real *d = dlogits + t;
        iterate(x, logits + t, n, iterations);
        for (size_t i = 0; i < n * n; i++)
            d[i] = dmatrix[t + i % n * n + i / n];
        for (size_t k = 2 * iterations - 1; k > 0; k--)
            divide_backward(d, x[k], x[k - 1], n, k % 2 ? 1 : n,
                            k % 2 ? n : 1);
        // Go back through the softmax of the rows
        for (size_t i = 0; i < n * n; i += n) {
            real common = 0;
            for (size_t j = i; j < i + n; j++)
                common += d[j] * (x[0][j] - DEEPSEEK_EPSILON);
            for (size_t j = i; j < i + n; j++)
                d[j] = (x[0][j] - DEEPSEEK_EPSILON) * (d[j] - common);
        }
    }
}
