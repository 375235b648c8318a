#include "mix/kronecker.h"
#include <assert.h>

enum { STREAMS = 8, FACTORS = 3 };

// Count factors
size_t kronecker_factors(size_t n)
{
    size_t factors = 0;
    while (n > 1)
        n /= 2, factors++;
    return factors;
}

// The first row of a product
struct factor { real p, q; };

static struct factor factor_of(real logit)
{
    real e = exponential(logit < 0 ? logit : -logit);
    real more = 1 / (1 + e), less = e * more;
    return logit < 0 ? (struct factor){ less, more }
                     : (struct factor){ more, less };
}

/* f [m], and row [2^m]: the product's first row */
static void multiply(real *row, struct factor *f, const real *logits,
                     size_t m)
{
    row[0] = 1;
    for (size_t k = 0; k < m; k++) {
        f[k] = factor_of(logits[k]);
        for (size_t s = (size_t)1 << k; s-- > 0;) {
            row[2 * s + 1] = row[s] * f[k].q;
            row[2 * s] = row[s] * f[k].p;
        }
    }
}

// Mix by a product
void kronecker_forward(real *matrix, const real *logits, size_t count,
                       size_t n, size_t iterations)
{
    size_t m = kronecker_factors(n);
    struct factor f[FACTORS];
    real row[STREAMS];
    (void)iterations;
    assert(n <= STREAMS && n == (size_t)1 << m);
    for (size_t t = 0; t < count; t++) {
        multiply(row, f, logits + t * m, m);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                *matrix++ = row[i ^ j];
    }
}

// Mix by a product, backward
void kronecker_backward(real *dlogits, const real *dmatrix,
                        const real *logits, size_t count, size_t n,
                        size_t iterations)
{
    size_t m = kronecker_factors(n);
    struct factor f[FACTORS];
    real row[STREAMS];
    (void)iterations;
    assert(n <= STREAMS && n == (size_t)1 << m);
    for (size_t t = 0; t < count; t++) {
        real drow[STREAMS] = { 0 };
        multiply(row, f, logits + t * m, m);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                drow[i ^ j] += *dmatrix++;
        for (size_t k = 0; k < m; k++) {
            real d = 0;
            for (size_t s = 0; s < n; s++)
                d += drow[s] * row[s]
                   * (s >> (m - 1 - k) & 1 ? -f[k].p : f[k].q);
            *dlogits++ = d;
        }
    }
}
