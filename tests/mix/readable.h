#ifndef SINKHORN_READABLE_H
#define SINKHORN_READABLE_H
#include <math.h>
#include <stddef.h>
#include <string.h>
/* Sinkhorn-Knopp for one matrix of doubles, as one would read it;
   iterates y [iterations][2][n][n], columns, then rows, normalised */

// Normalise in logarithms
/* each of n lines z[k*line + i*step], i < n: minus the logarithm of
   its sum of exponentials */
static inline void normalise(double *z, size_t n, size_t line,
                             size_t step)
{
    for (size_t k = 0; k < n; k++) {
        double *v = z + k * line, most = v[0], sum = 0;
        for (size_t i = 1; i < n; i++)
            most = fmax(most, v[i * step]);
        for (size_t i = 0; i < n; i++)
            sum += exp(v[i * step] - most);
        for (size_t i = 0; i < n; i++)
            v[i * step] -= most + log(sum);
    }
}

// All iterates
static inline void readable_iterates(double *y, const double *logits,
                                     size_t n, size_t iterations)
{
    double z[64];
    memcpy(z, logits, n * n * sizeof *z);
    for (size_t h = 0; h < 2 * iterations; h++, y += n * n) {
        if (h % 2 == 0)
            normalise(z, n, 1, n);
        else
            normalise(z, n, n, 1);
        for (size_t k = 0; k < n * n; k++)
            y[k] = exp(z[k]);
    }
}

// Back through all iterates
/* g -= y times the sum of g over each line */
static inline void normalise_back(double *g, const double *y, size_t n,
                                  size_t line, size_t step)
{
    for (size_t k = 0; k < n; k++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += g[k * line + i * step];
        for (size_t i = 0; i < n; i++)
            g[k * line + i * step] -= sum * y[k * line + i * step];
    }
}

static inline void readable_backward(double *dlogits, const double *dy,
                                     const double *y, size_t n,
                                     size_t iterations)
{
    y += 2 * iterations * n * n;
    for (size_t k = 0; k < n * n; k++)
        dlogits[k] = dy[k] * (y - n * n)[k];
    for (size_t t = 0; t < iterations; t++) {
        normalise_back(dlogits, y -= n * n, n, n, 1);
        normalise_back(dlogits, y -= n * n, n, 1, n);
    }
}

// Back through the fixed point
/* x = solution of m x = x; m [n][n] is used up */
static inline void solve(double *m, double *x, size_t n)
{
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n; i++) {
            double factor = m[i * n + k] / m[k * n + k];
            if (i == k)
                continue;
            for (size_t j = k; j < n; j++)
                m[i * n + j] -= factor * m[k * n + j];
            x[i] -= factor * x[k];
        }
    for (size_t k = 0; k < n; k++)
        x[k] /= m[k * n + k];
}

static inline void implicit_backward(double *dlogits, const double *dy,
                                     const double *p, size_t n)
{
    double a[8] = { 0 }, b[8] = { 0 }, m[64];
    // Let a and b be the row and column sums of Pcirc dP
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            a[i] += p[i * n + j] * dy[i * n + j];
            b[j] += p[i * n + j] * dy[i * n + j];
        }
    // Solve for a, and let b follow
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            a[i] -= p[i * n + j] * b[j];
            m[i * n + j] = (i == j) + 1. / (double)n;
            for (size_t k = 0; k < n; k++)
                m[i * n + j] -= p[i * n + k] * p[j * n + k];
        }
    solve(m, a, n);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            b[j] -= p[i * n + j] * a[i];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            dlogits[i * n + j] =
                p[i * n + j] * (dy[i * n + j] - a[i] - b[j]);
}

// What the measurements ask of a matrix
/* the sum of the distances of the columns' sums from 1 */
static inline double column_errors(const double *y, size_t n)
{
    double all = 0;
    for (size_t j = 0; j < n; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += y[i * n + j];
        all += fabs(sum - 1);
    }
    return all;
}

/* the second singular value of a doubly stochastic matrix, squared */
static inline double sigma_squared(const double *p, size_t n)
{
    double v[8], size = 0;
    for (size_t k = 0; k < n; k++)
        v[k] = cos((double)(k * k + 1));
    for (size_t step = 0; step < 2000; step++) {
        double u[8] = { 0 }, w[8] = { 0 }, mean = 0;
        for (size_t k = 0; k < n; k++)
            mean += v[k] / (double)n;
        for (size_t k = 0; k < n * n; k++)
            u[k % n] += p[k] * (v[k / n] - mean);
        for (size_t k = 0; k < n * n; k++)
            w[k / n] += p[k] * u[k % n];
        size = 0;
        for (size_t k = 0; k < n; k++)
            size += w[k] * w[k];
        size = sqrt(size);
        for (size_t k = 0; k < n; k++)
            v[k] = w[k] / size;
    }
    return size;
}
#endif
