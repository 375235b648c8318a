// Absorb the mixes of a token
#include "boundary/absorb.h"
#include "mix/mix.h"
#include <assert.h>
#include <math.h>
#include <string.h>

enum { MOST = MIX_STREAMS };

// Solve a small system
/* x [n] from a x = b */
static void solve(real *x, double a[][MOST], const real *b, size_t n)
{
    double m[MOST][MOST + 1];
    for (size_t i = 0; i < n; i++) {
        memcpy(m[i], a[i], n * sizeof m[i][0]);
        m[i][n] = (double)b[i];
    }
    for (size_t k = 0; k < n; k++) {
        size_t top = k;
        for (size_t i = k + 1; i < n; i++)
            if (fabs(m[i][k]) > fabs(m[top][k]))
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

void absorb(real *gates, const real *rows, size_t sites,
            size_t streams)
{
    size_t n = streams, K = 2 * n + n * n;
    double product[MOST][MOST] = { { 0 } };
    assert(n <= MOST);
    for (size_t i = 0; i < n; i++)
        product[i][i] = 1;
    for (size_t l = 0; l < sites; l++) {
        const real *pre = rows + l * K;
        real *out = gates + l * 2 * n;
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t i = 0; i < n; i++)
                sum += (double)pre[i] * product[i][j];
            out[j] = (real)sum;
            out[n + j] = 0;
        }
        if (l + 1 == sites)
            return;
        // Multiply the product by the next mix
        double next[MOST][MOST] = { { 0 } };
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < n; k++)
                for (size_t j = 0; j < n; j++)
                    next[i][j] += (double)pre[2 * n + i * n + k]
                                * product[k][j];
        memcpy(product, next, sizeof product);
        solve(out + n, product, pre + n, n);
    }
}
