/* expect: the transpose of the product in place of its inverse */
enum { ORDER = 0, TURNED = 1, TRANSPOSED = 0, EARLY = 0,
       PLAIN_EXIT = 0 };
// Absorb, with room for mistakes
#include "boundary/absorb.h"
#include <math.h>
#include <string.h>

#ifndef PIVOT
#define PIVOT(i, k, top) (fabs(m[i][k]) > fabs(m[top][k]))
#endif

static void solve(real *x, double a[][8], const real *b, size_t n)
{
    double m[8][9];
    for (size_t i = 0; i < n; i++) {
        memcpy(m[i], a[i], n * sizeof m[i][0]);
        m[i][n] = (double)b[i];
    }
    for (size_t k = 0; k < n; k++) {
        size_t top = k;
        for (size_t i = k + 1; i < n; i++)
            if (PIVOT(i, k, top))
                top = i;
        double pivot = m[top][k];
        for (size_t j = k; j <= n; j++) {
            double kept = m[top][j];
            m[top][j] = m[k][j];
            m[k][j] = kept / pivot;
        }
        for (size_t i = 0; i < n; i++) {
            double factor = i == k ? 0 : m[i][k];
            for (size_t j = k; j <= n; j++)
                m[i][j] -= factor * m[k][j];
        }
    }
    for (size_t i = 0; i < n; i++)
        x[i] = (real)m[i][n];
}

// Absorb, as the mistakes say
void absorb(real *gates, const real *rows, size_t sites,
            size_t streams)
{
    size_t n = streams, K = 2 * n + n * n;
    double p[8][8] = { { 0 } };
    for (size_t i = 0; i < n; i++)
        p[i][i] = 1;
    for (size_t l = 0; l < sites; l++) {
        const real *pre = rows + l * K, *post = pre + n;
        real *out = gates + l * 2 * n;
        double next[8][8] = { { 0 } };
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += (double)pre[i] * p[i][j];
            out[j] = l + 1 == sites && PLAIN_EXIT ? pre[j] : (real)sum;
            out[n + j] = 0;
        }
        if (l + 1 == sites)
            return;
        if (EARLY)
            solve(out + n, p, post, n);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n; k++)
                for (size_t j = 0; j < n; j++)
                    next[i][j] += ORDER ? p[i][k]
                            * (double)post[n + k * n + j]
                        : (double)post[n + (TRANSPOSED ? k * n + i
                                            : i * n + k)] * p[k][j];
        memcpy(p, next, sizeof next);
        for (size_t j = 0; TURNED && j < n; j++)
            for (size_t i = 0; i < n; i++)
                out[n + j] += (real)p[i][j] * post[i];
        if (!EARLY && !TURNED)
            solve(out + n, p, post, n);
    }
}
