#include "mix/readable.h"
#include "mix/sinkhorn.h"
#include "support/fill.h"
#include "support/lab.h"

enum { COUNT = 12, MOST = 8, ALL = COUNT * MOST * MOST, STEPS = 5,
       MOST_STEPS = 100 };
static real logits[ALL], want[ALL], *got;
static size_t count;            /* of matrices in this case */

static const struct input { const char *name, *reason; } inputs[] = {
    { "logits of spread 3", "nothing extreme here" },
    { "logits around 100", "exp(100) is infinite in float" },
    { "logits of 10000 and -10000", "their differences overflow too" },
    { "a column far from the rest", "if one number is subtracted from "
      "all, nothing of that column is left: 0 / 0" },
    { "a row far below the rest", "after the column step nothing of "
      "that row is left: 0 / 0" },
    { "logits of 3e38 and -3e38", "their exponentials overflow" },
    { "entries that grow", "exp(-200) is 0 in float" } };

enum { GROWING = 6 };           /* for many iterations only */

// Make an input
static void make(size_t input, size_t n)
{
    static const real far[] = { -120, -2000, (real)-1e6, (real)1e6 };
    fill_normal(logits, ALL, n + 10 * input, input == 0 ? 3 : 1);
    for (size_t k = 0; k < ALL; k++) {
        size_t m = k / (n * n), line = m % n;
        if (input == 2)
            logits[k] = logits[k] < 0 ? (real)-1e4 : (real)1e4;
        else if (input == 5)
            logits[k] = (real)(m % 2 ? 3e38 : -3e38);
        else if (input == GROWING)
            logits[k] = (k / n % n == 0) == (k % n == n - 1) ? -200 : 0;
        else
            logits[k] += input == 1 ? 100
                : input == 3 && k % n == line ? far[(m + n) % 4]
                : input == 4 && k / n % n == line ? far[m % 2] : 0;
    }
}

// What the matrix should be
enum mistake { NONE, ROW_LARGEST, ROWS_FIRST, CLAMPED, ONE_FEWER,
               NO_LAST_ROWS, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "a matrix from which each row's largest was subtracted before "
    "columns were normalised: that is another matrix",
    "rows normalised before columns",
    "logits that were clamped, or exponentials with a floor: what lies "
    "far below becomes all the same",
    "one iteration fewer",
    "a matrix whose last row step is missing" };

static void expect(size_t n, size_t steps, enum mistake mistake)
{
    static double y[(2 * MOST_STEPS + 1) * MOST * MOST];
    size_t nn = n * n, halves = 2 * steps;
    halves -= mistake == ONE_FEWER ? 2 : mistake == NO_LAST_ROWS;
    for (size_t m = 0; m < count * nn; m += nn) {
        double z[MOST * MOST];
        for (size_t k = 0; k < nn; k++) {
            size_t other = k % n * n + k / n;
            double most = -INFINITY;
            for (size_t j = 0; j < n; j++)
                most = fmax(most, (double)logits[m + k / n * n + j]);
            z[k] = (double)logits[m + (mistake == ROWS_FIRST ? other
                                                             : k)];
            if (mistake == ROW_LARGEST)
                z[k] -= most;
            if (mistake == CLAMPED)
                z[k] = fmin(fmax(z[k], -60), 60);
        }
        for (size_t k = 0; k < nn; k++)
            y[k] = exp(z[k]);
        readable_iterates(y + nn, z, n, steps);
        const double *last = y + halves * nn;
        for (size_t k = 0; k < nn; k++)
            want[m + k] = (real)last[mistake == ROWS_FIRST
                                     ? k % n * n + k / n : k];
    }
}

// See whether a line is lost
/* a row, or a column, of zeros where there should be something */
static bool lost(size_t n)
{
    bool found = false;
    for (size_t k = 0; k < 2 * count * n; k++) {
        size_t m = k / 2 / n * n * n, at = k / 2 % n;
        double sum = 0, right = 0;
        for (size_t i = 0; i < n; i++) {
            size_t e = m + (k % 2 ? i * n + at : at * n + i);
            sum += (double)got[e];
            right += (double)want[e];
        }
        found = found || (sum < 1e-3 && right > 0.05);
    }
    return found;
}

// Check one input
static void check_in_place(size_t n, size_t steps)
{
    const size_t shape[] = { count, n, n }, all = count * n * n;
    real *first = got;
    got = test_reals(all);
    lab_start(got, logits, all);
    lab_call(sinkhorn_forward(got, got, count, n, steps));
    if (!lab_compare("matrix, in place", got, first, shape, 3, 1e-6))
        lab_true("in place", false, "the answer changes when matrix "
                 "is logits: something is read after it was "
                 "overwritten");
}

static void check(size_t input, size_t n, size_t steps)
{
    static size_t cases;
    count = lab_size(MOST + ++cases, 2, COUNT);
    const size_t shape[] = { count, n, n }, all = count * n * n;
    bool finite = true;
    char what[80];
    make(input, n);
    lab_input("logits", logits, sizeof logits);
    got = test_reals(all);
    lab_unset(got, all);
    lab_call(sinkhorn_forward(got, logits, count, n, steps));
    for (size_t i = 0; i < all; i++)
        finite = finite && isfinite(got[i]);
    snprintf(what, sizeof what, "matrix, %s, n = %zu",
             inputs[input].name, n);
    if (!finite) {
        lab_true(what, false, "not finite: %s", inputs[input].reason);
        return;
    }
    expect(n, steps, NONE);
    lab_axes("mij");
    if (lab_compare(what, got, want, shape, 3, 1e-3)) {
        check_in_place(n, steps);
        return;
    }
    if (input == GROWING)
        lab_true("what is tiny comes back", false, "an entry that "
                 "begins at exp(-200) grows by 49 at each iteration; "
                 "one that was rounded to 0 cannot");
    if (steps == 0 || input == GROWING)
        return;
    if (lost(n))
        lab_true("no line is lost", false, "a row or a column is all "
                 "zeros: an epsilon added to a sum makes 0 of 0 / 0, "
                 "and what stood there is lost all the same");
    for (int m = NONE + 1; m < MISTAKES; m++) {
        if (m == ONE_FEWER && steps == 1)
            continue;
        expect(n, steps, (enum mistake)m);
        lab_mistake(saying[m], want);
    }
}

// Check that the logarithm is not rounded away
static void check_rounding(size_t n)
{
    const size_t shape[] = { 1, n, n }, all = n * n;
    const real far = 1000000, sum = far + (real)log((double)n);
    double off = exp((double)far + log((double)n) - (double)sum);
    for (size_t k = 0; k < all; k++) {
        logits[k] = k % n == 1 ? far : 0;
        want[k] = 1 / (real)n;
    }
    lab_input("logits", logits, sizeof logits);
    got = test_reals(all);
    lab_unset(got, all);
    lab_call(sinkhorn_forward(got, logits, 1, n, 1));
    if (lab_compare("matrix, a column of a million", got, want, shape,
                    3, 1e-3))
        return;
    for (size_t k = 0; k < all; k++)
        want[k] = (real)((k % n == 1 ? off : 1)
                         / ((double)n - 1 + off));
    lab_mistake("a large logit and the logarithm of the sum added "
                "before they are subtracted: the logarithm is rounded "
                "away", want);
}

int main(void)
{
    lab_begin("Lab 22: Sinkhorn-Knopp that cannot overflow");
    for (size_t k = 0; k < GROWING; k++)
        check(k, 4, STEPS);
    for (size_t n = 1; n <= MOST; n++)
        check(n % GROWING, n, lab_size(n, 1, STEPS));
    for (size_t n = 2; n <= 4; n++)
        check_rounding(n);
    check(0, 4, MOST_STEPS);
    check(GROWING, 8, MOST_STEPS);
    check(0, 1, STEPS);
    check(0, 3, 1);
    check(4, 8, 3);
    check(0, 4, 0);
    return lab_end();
}
