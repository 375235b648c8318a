#include "mix/readable.h"
#include "mix/sinkhorn.h"
#include "support/fill.h"
#include "support/lab.h"

enum { COUNT = 12, MOST = 8, ALL = COUNT * MOST * MOST, STEPS = 100 };
static real logits[ALL], dmatrix[ALL], want[ALL];
static size_t count;            /* of matrices in this case */
static double iterate[(2 * STEPS + 1) * MOST * MOST];

// Mistakes in the gradient of Sinkhorn-Knopp
enum mistake { NONE, CUT, STALE, BEFORE, EXCHANGED, ROWS_FIRST,
               ONE_FEWER, NO_FIRST_STEP, LAST_ONLY, NOT_LOGITS,
               NO_DIVISION, NO_MATRIX, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "dmatrix times matrix: the normalisations are left out",
    "a gradient that takes the final matrix for every iterate",
    "a gradient with the iterate before each half step, not after it",
    "columns and rows exchanged on the way back",
    "the gradient of the other order, rows before columns",
    "a gradient that forgets the first iteration",
    "a gradient that forgets the first column step",
    "a gradient through the last iteration only",
    "the gradient of X = exp(logits): the factor X is left out",
    "half steps that do not divide by the sum of the line",
    "a short form that does not begin with dmatrix times matrix" };

// The gradient with a mistake
/* the gradient g of a line's step from x to y; in the short form of
   g * y, there is no division */
static void step_back(double *g, const double *y, const double *x,
                      size_t n, bool rows, bool divides)
{
    for (size_t k = 0; k < n; k++) {
        double *gk = g + (rows ? k * n : k), sum = 0, s = 0;
        size_t line = rows ? k * n : k, step = rows ? 1 : n;
        for (size_t i = 0; i < n; i++) {
            sum += gk[i * step] * y[line + i * step];
            s += x[line + i * step];
        }
        for (size_t i = 0; i < n; i++)
            gk[i * step] = (gk[i * step] - sum) / (divides ? s : 1);
    }
}

static void gradient(size_t n, size_t steps, enum mistake mistake,
                     bool in_short)
{
    double *y = iterate, g[MOST * MOST], z[MOST * MOST];
    size_t nn = n * n, halves = 2 * steps;
    const double *last = y + halves * nn;
    size_t least = mistake == CUT ? halves
        : mistake == LAST_ONLY ? halves - 2
        : mistake == ONE_FEWER ? 2 : mistake == NO_FIRST_STEP;
    for (size_t m = 0; m < count * nn; m += nn) {
        // Go back through one matrix, with a mistake
        #define PLACE(k) m + (mistake == ROWS_FIRST ? k % n * n + k / n : k)
        for (size_t k = 0; k < nn; k++)
            y[k] = exp(z[k] = logits[PLACE(k)]);
        readable_iterates(y + nn, z, n, steps);
        for (size_t k = 0; k < nn; k++)
            g[k] = dmatrix[PLACE(k)]
                 * (in_short && mistake != NO_MATRIX ? last[k] : 1);
        for (size_t h = halves; h > least; h--) {
            bool rows = (h % 2 == 0) != (mistake == EXCHANGED);
            const double *at = mistake == STALE ? last
                : y + (h - (mistake == BEFORE)) * nn;
            if (in_short)
                normalise_back(g, at, n, rows ? n : 1, rows ? 1 : n);
            else
                step_back(g, at, y + (h - 1) * nn, n, rows,
                          mistake != NO_DIVISION);
        }
        for (size_t k = 0; k < nn; k++)
            want[PLACE(k)] = g[k] * (in_short || mistake == NOT_LOGITS ? 1
                                                                       : y[k]);
    }
}

// Check the gradient for some iterations
static void check(size_t n, size_t steps)
{
    static size_t cases;
    count = lab_size(MOST + ++cases, 1, COUNT);
    const size_t shape[] = { count, n, n }, all = count * n * n;
    real *got = test_reals(all);
    char what[80];
    snprintf(what, sizeof what, "dlogits, n = %zu, iterations: %zu", n,
             steps);
    fill_normal(logits, all, cases, steps > 20 ? 6 : 2);
    fill_normal(dmatrix, all, cases + 20, 1);
    lab_input("dmatrix", dmatrix, sizeof dmatrix);
    lab_input("logits", logits, sizeof logits);
    lab_unset(got, all);
    lab_call(sinkhorn_backward(got, dmatrix, logits, count, n, steps));
    gradient(n, steps, NONE, true);
    lab_axes("mij");
    if (lab_compare(what, got, want, shape, 3, 1e-9)) {
        real *both = test_reals(all);
        lab_input("logits", logits, sizeof logits);
        lab_start(both, dmatrix, all);
        lab_call(sinkhorn_backward(both, both, logits, count, n,
                                   steps));
        if (!lab_compare("dlogits, in place", both, got, shape, 3,
                         1e-12))
            lab_true("in place", false, "the answer changes when "
                     "dlogits is dmatrix");
        return;
    }
    for (int m = CUT; m < MISTAKES; m++)
        for (int in_short = 0; in_short < 2; in_short++) {
            // Leave out what is no mistake of its own
            if ((m == ONE_FEWER && steps == 1) || (m == LAST_ONLY && steps <= 2))
                continue;
            if (in_short ? m == BEFORE || m == ROWS_FIRST || m == NOT_LOGITS
                           || m == NO_DIVISION : m == NO_MATRIX)
                continue;
            gradient(n, steps, (enum mistake)m, in_short);
            lab_mistake(saying[m], want);
        }
}

int main(void)
{
    lab_begin("Lab 21: the gradient of Sinkhorn-Knopp");
    check(4, 1);
    check(4, 2);
    check(4, 20);
    for (size_t n = 2; n <= MOST; n++)
        check(n, lab_size(n, 3, STEPS));
    check(MOST, STEPS);
    check(4, 0);
    return lab_end();
}
