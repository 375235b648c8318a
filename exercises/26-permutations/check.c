#include "mix/permutations.h"
#include "support/fill.h"
#include "support/lab.h"
#include <math.h>

enum { MOST = 3000, MANY = MOST * PERMUTATIONS };
static real logits[MANY], d[MOST * 16], want[MANY];
static size_t tokens;           /* of this case */

enum mistake { NONE, TRANSPOSED, NO_MEAN, NO_WEIGHT, BARE };

// The mean of permutations that is wanted
/* a [n!] of a token; returns n! */
static size_t weights(double *a, size_t t, size_t n)
{
    size_t all = permutations_of(n);
    double most = -INFINITY, sum = 0;
    for (size_t k = 0; k < all; k++)
        most = fmax(most, (double)logits[t * all + k]);
    for (size_t k = 0; k < all; k++)
        sum += a[k] = exp((double)logits[t * all + k] - most);
    for (size_t k = 0; k < all; k++)
        a[k] /= sum;
    return all;
}

static void wanted(size_t n, enum mistake mistake)
{
    double a[PERMUTATIONS];
    for (size_t e = 0; e < tokens * n * n; e++)
        want[e] = 0;
    for (size_t t = 0; t < tokens; t++)
        for (size_t k = 0; k < weights(a, t, n); k++) {
            size_t column[4];
            permutation_at(column, k, n);
            for (size_t i = 0; i < n; i++)
                want[t * n * n + (mistake == TRANSPOSED
                     ? column[i] * n + i : i * n + column[i])]
                    += (real)a[k];
        }
}

// The way back that is wanted
static void wanted_back(size_t n, enum mistake mistake)
{
    for (size_t t = 0; t < tokens; t++) {
        double a[PERMUTATIONS], s[PERMUTATIONS] = { 0 }, mean = 0;
        size_t all = weights(a, t, n), column[4];
        for (size_t k = 0; k < all; k++) {
            permutation_at(column, k, n);
            for (size_t i = 0; i < n; i++)
                s[k] += (double)d[t * n * n + (mistake == TRANSPOSED
                    ? column[i] * n + i : i * n + column[i])];
            mean += mistake == NO_MEAN || mistake == BARE ? 0
                  : a[k] * s[k];
        }
        for (size_t k = 0; k < all; k++)
            want[t * all + k] = (real)((mistake == NO_WEIGHT || mistake
                == BARE ? 1 : a[k]) * (s[k] - mean));
    }
}

// Check a mean of permutations
static void check(size_t n, double spread)
{
    size_t all = permutations_of(n);
    static size_t cases;
    bool many = cases % 3 == 2;
    tokens = lab_size(cases++, many ? 2000 : 1, many ? MOST : 12);
    const size_t shape[3] = { tokens, n, n };
    const size_t shape_back[2] = { tokens, all };
    real *matrix = test_reals(tokens * n * n);
    real *dlogits = test_reals(tokens * all);
    const char *what = spread > 1 ? "logits of ten thousand"
                                  : "logits of one";
    char name[60];
    fill_normal(logits, tokens * all, n, spread);
    for (size_t k = 0; k < tokens * all; k++)
        logits[k] = fmax(-10000, fmin(10000, logits[k]));
    fill_normal(d, tokens * n * n, n + 9, 1);
    lab_input("logits", logits, tokens * all * sizeof *logits);
    lab_unset(matrix, tokens * n * n);
    lab_call(permutations_forward(matrix, logits, tokens, n, 1));
    wanted(n, NONE);
    lab_axes("tij");
    lab_axes("tk");
    snprintf(name, sizeof name, "matrix, n = %zu, %s", n, what);
    if (!lab_compare(name, matrix, want, shape, 3, 1e-10)) {
        wanted(n, TRANSPOSED);
        lab_mistake("every permutation the other way round", want);
    }
    // Check the way back through a mean of permutations
    lab_input("dmatrix", d, tokens * n * n * sizeof *d);
    lab_input("logits", logits, tokens * all * sizeof *logits);
    lab_unset(dlogits, tokens * all);
    lab_call(permutations_backward(dlogits, d, logits, tokens, n, 1));
    wanted_back(n, NONE);
    snprintf(name, sizeof name, "dlogits, n = %zu, %s", n, what);
    if (!lab_compare(name, dlogits, want, shape_back, 2, 1e-10)) {
        wanted_back(n, NO_MEAN);
        lab_mistake("the gradient of a softmax without its mean", want);
        wanted_back(n, NO_WEIGHT);
        lab_mistake("the gradient of the weights, not of the logits", want);
        wanted_back(n, BARE);
        lab_mistake("the slopes of the weights: the softmax is left out",
                    want);
        wanted_back(n, TRANSPOSED);
        lab_mistake("every permutation the other way round", want);
    }
}

int main(void)
{
    lab_begin("Lab 26: a mean of permutations");
    for (size_t n = 1; n <= 4; n++) {
        check(n, 1);
        check(n, 10000);
    }
    return lab_end();
}
