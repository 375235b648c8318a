#include <math.h>
#include <stdlib.h>
#include "gain/gain.h"
#include "ground/random.h"
#include "support/lab.h"

enum { MOST = 70 };
static double a[MOST * MOST], b[MOST * MOST], got[MOST * MOST];

// Compare with sums of another kind
static double extreme(size_t n, bool columns, bool absolute, bool most)
{
    double found = NAN;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            double x = a[columns ? j * n + i : i * n + j];
            sum += absolute ? fabs(x) : x;
        }
        sum = fabs(sum);
        if (i == 0 || (most ? sum > found : sum < found))
            found = sum;
    }
    return found;
}

static double extreme_signed(size_t n, bool columns, bool most)
{
    double found = NAN;
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t j = 0; j < n; j++)
            sum += a[columns ? j * n + i : i * n + j];
        if (i == 0 || (most ? sum > found : sum < found))
            found = sum;
    }
    return found;
}

static void check_figure(const char *what, double figure, size_t n,
                         bool columns, bool most)
{
    double want = extreme(n, columns, false, most);
    const char *why =
        figure == extreme(n, columns, true, most)
        ? "absolute values were added, not signed ones"
        : figure == extreme(n, !columns, false, most)
        ? "these are the other direction's sums"
        : figure == extreme(n, columns, false, !most)
        ? "the least and the largest are exchanged"
        : fabs(figure) == want ? "the absolute value is meant"
        : figure == extreme_signed(n, columns, most)
        ? "the largest and the least sum, not of their absolute values"
        : "wrong";
    lab_true(what, figure == want, "n = %zu: %g, wanted %g: %s", n,
             figure, want, why);
}

static void check_gain(size_t n)
{
    struct gain g = { 0 };
    lab_input("matrix", a, sizeof a);
    lab_output(&g, sizeof g);
    lab_call(g = gain_of(a, n));
    check_figure("forward", g.forward, n, false, true);
    check_figure("forward, least", g.forward_least, n, false, false);
    check_figure("backward", g.backward, n, true, true);
    check_figure("backward, least", g.backward_least, n, true, false);
}

// Check a product
static size_t wrong_elements(const double *left, const double *right,
                             size_t n)
{
    size_t wrong = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += left[i * n + k] * right[k * n + j];
            wrong += got[i * n + j] != sum;
        }
    return wrong;
}

static const double *turned(const double *x, size_t n)
{
    static double y[MOST * MOST];
    for (size_t e = 0; e < n * n; e++)
        y[e] = x[e % n * n + e / n];
    return y;
}

static void check_product(size_t n)
{
    for (size_t e = 0; e < n * n; e++)
        got[e] = NAN;
    lab_input("left", a, sizeof a);
    lab_input("right", b, sizeof b);
    lab_output(got, sizeof got);
    lab_call(gain_product(got, a, b, n));
    size_t wrong = wrong_elements(a, b, n), nans = 0;
    for (size_t e = 0; e < n * n; e++)
        nans += isnan(got[e]) != 0;
    lab_true("product", wrong == 0, "n = %zu: %zu elements are wrong%s",
             n, wrong, nans > 0
                       ? ": some were not written, or added to what "
                         "stood there"
             : wrong_elements(b, a, n) == 0
                       ? ": this is right times left"
             : wrong_elements(a, turned(b, n), n) == 0
                       ? ": the rows of left times the rows of right"
             : "");
}

/* small integers or such of 24 bits, times a power of two */
static void fill(double *x, size_t k, size_t n, size_t power)
{
    const size_t most = k % 4 < 2 ? 9 : 1 << 24;
    int shift = (int)lab_size(k, 1, power) * (k % 2 ? 1 : -1);
    for (size_t e = 0; e < n * n; e++) {
        size_t at = random_below(lab_seed(5), k, e, 2 * most + 1);
        x[e] = ldexp((double)at - (double)most, shift);
    }
}

int main(void)
{
    lab_begin("the gain of a mixing");
    for (size_t k = 1; k <= 9; k++) {
        size_t n = k < 9 ? k : lab_size(9, 33, MOST);
        fill(a, k, n, 900);
        fill(b, 10 + k, n, 50);
        check_gain(n);
        check_product(n);
    }
    fill(a, 5, 4, 1);           /* the largest numbers that there are */
    for (size_t e = 0; e < 16; e++)
        a[e] = ldexp(a[e] + 20, 1016);
    check_gain(4);
    return lab_end();
}
