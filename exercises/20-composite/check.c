#include <math.h>
#include <stdio.h>
#include <string.h>
#include "gain/gain.h"
#include "ground/random.h"
#include "support/lab.h"

enum { DEPTH = 9, LONG = 64, MOST = 8 };
static const struct gain poison = { 1e300, 1e300, 0, 0 };
static size_t depth;
static int power;               /* of two, times each matrix */

// The composite gain, by brute force
static double h[LONG][MOST * MOST];

/* most or least |sum| of rows or columns of H_last .. H_first */
static double brute(size_t first, size_t last, size_t n, bool columns,
                    bool most, bool reversed)
{
    double m[MOST * MOST], next[MOST * MOST], found = NAN;
    for (size_t e = 0; e < n * n; e++)
        m[e] = e % (n + 1) == 0;
    for (size_t k = 0; k <= last - first; k++) {
        const double *a = h[reversed ? last - k : first + k];
        for (size_t e = 0; e < n * n; e++) {
            next[e] = 0;
            for (size_t j = 0; j < n; j++)
                next[e] += a[e / n * n + j] * m[j * n + e % n];
        }
        for (size_t e = 0; e < n * n; e++)
            m[e] = next[e];
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += m[columns ? j * n + i : i * n + j];
        if (i == 0 || (most ? fabs(sum) > found : fabs(sum) < found))
            found = fabs(sum);
    }
    return found;
}

// Compare a chain
static void check_figure(const char *what, double got, size_t l,
                         size_t n, bool columns, bool most)
{
    size_t first = columns ? l : 0, last = columns ? depth - 1 : l;
    double want = brute(first, last, n, columns, most, false);
    double order = brute(first, last, n, columns, most, true);
    double other = brute(first, last, n, !columns, most, false);
    double start = brute(0, l, n, columns, most, false);
    double unit = ldexp(1, power * (int)(last - first + 1));
    bool right = fabs(got - want) <= 1e-9 * (unit + want);
    const char *why =
        fabs(got - order) <= 1e-9 * order ? "the product is reversed"
        : fabs(got - other) <= 1e-9 * other
        ? "columns and rows are exchanged"
        : columns && fabs(got - start) <= 1e-9 * start
        ? "backward gains run to the end, not from the start"
        : got > want ? "too large; were signs lost on the way?"
                     : "too small";
    char name[64];
    snprintf(name, sizeof name, "%s, n = %zu, l = %zu", what, n, l);
    lab_true(name, right, "%g, wanted %g: %s", got, want, why);
}

static void check_chain(size_t n, size_t least, size_t longest)
{
    struct gain g[DEPTH + 1];
    depth = lab_size(n, least, longest);
    power = (int)lab_size(10 + n, 20, 90) * (n % 2 ? -1 : 1);
    for (size_t l = 0; l < depth; l++)
        for (size_t e = 0; e < n * n; e++)
            h[l][e] = ldexp(random_normal(lab_seed(9), n,
                                          l * n * n + e), power);
    static double packed[DEPTH * MOST * MOST];
    for (size_t e = 0; e < depth * n * n; e++)
        packed[e] = h[e / (n * n)][e % (n * n)];
    for (size_t l = 0; l <= DEPTH; l++)
        g[l] = poison;
    lab_input("mixing", packed, sizeof packed);
    lab_output(g, sizeof g);
    lab_call(gain_along(g, packed, depth, n));
    if (memcmp(&g[depth], &poison, sizeof poison) != 0)
        lab_true("the end", false, "gains were written behind those of "
                 "the last matrix, n = %zu, depth = %zu", n, depth);
    for (size_t l = 0; l < depth; l++) {
        check_figure("forward", g[l].forward, l, n, false, true);
        check_figure("forward, least", g[l].forward_least, l, n, false,
                     false);
        check_figure("backward", g[l].backward, l, n, true, true);
        check_figure("backward, least", g[l].backward_least, l, n, true,
                     false);
    }
}

// Compare a chain whose product overflows
static bool close_to(double got, double want, double unit)
{
    return want == 0 ? got == 0
         : fabs(got - want) <= 1e-6 * want + 1e-12 * unit;
}

/* of the m streams and of the two apart */
static bool agree(double most, double least, size_t first, size_t last,
                  size_t m, bool columns, double apart)
{
    double unit = brute(first, last, m, columns, true, false);
    double low = brute(first, last, m, columns, false, false);
    return close_to(most, fmax(unit, apart), unit)
        && close_to(least, fmin(low, apart), unit);
}

/* two streams apart, with the rows (a, -a) and (-a, a), and a bit more
   in each of the four: row and column have this sum */
static void check_large(size_t n, double a, double sum)
{
    static double packed[LONG * MOST * MOST];
    struct gain g[LONG];
    size_t m = n - 2, good = 0;
    memset(packed, 0, sizeof packed);
    for (size_t l = 0; l < LONG; l++) {
        g[l] = poison;
        double *to = packed + l * n * n;
        to[0] = to[n + 1] = sum / 2 + a;
        to[1] = to[n] = sum / 2 - a;
        for (size_t e = 0; e < m * m; e++)
            to[(e / m + 2) * n + e % m + 2] = h[l][e] =
                random_normal(lab_seed(10), n, l * m * m + e);
    }
    lab_input("mixing", packed, sizeof packed);
    lab_output(g, sizeof g);
    lab_call(gain_along(g, packed, LONG, n));
    while (good < LONG &&
           agree(g[good].forward, g[good].forward_least, 0, good, m,
                 false, pow(sum, (double)good + 1)) &&
           agree(g[good].backward, g[good].backward_least, good,
                 LONG - 1, m, true, pow(sum, (double)(LONG - good))))
        good++;
    char name[64];
    snprintf(name, sizeof name, "a product that overflows, n = %zu", n);
    lab_true(name, good == LONG, "wrong at l = %zu: were matrices "
             "multiplied? Their product is beyond a double, a vector "
             "is not", good);
}

int main(void)
{
    lab_begin("composite gains without a matrix");
    check_chain(1, 1, DEPTH);
    check_chain(2, 3, DEPTH);
    check_chain(lab_size(3, 3, 4), 3, DEPTH);
    check_chain(lab_size(4, 5, 7), 3, DEPTH);
    check_chain(MOST, 3, DEPTH);
    check_chain(lab_size(6, 1, MOST), 0, 0);
    check_large(4, 1e60, 0);
    check_large(lab_size(5, 5, 7), 0x1p60, 1024);
    check_large(MOST, 1e300, 0);
    return lab_end();
}
