#include <math.h>
#include <stdio.h>
#include "experiment/statistics.h"
#include "ground/random.h"
#include "support/lab.h"

enum { MOST = 2000 };
static double left[MOST], right[MOST], confidence;
static size_t pairs;
static double slack;            /* where all differences are the same */

static bool near(double got, double want)
{
    return fabs(got - want) <= 1e-5 * fabs(want) + slack;
}

// What the pairs say
enum mistake { NONE, UNPAIRED, NORMAL, NO_ROOT, POPULATION, ONE_SIDED,
               FREEDOM, MISTAKES };

static double deviation_of(const double *x, const double *less,
                           double over)
{
    double mean = 0, squares = 0;
    for (size_t i = 0; i < pairs; i++)
        mean += (x[i] - (less ? less[i] : 0)) / (double)pairs;
    for (size_t i = 0; i < pairs; i++)
        squares += pow(x[i] - (less ? less[i] : 0) - mean, 2);
    return sqrt(squares / over);
}

static double half_of(enum mistake m, bool twice)
{
    double n = (double)pairs, freedom = n - (m == FREEDOM ? 0 : 1);
    double d = deviation_of(left, right, m == POPULATION ? n : n - 1);
    if (m == UNPAIRED) {
        d = hypot(deviation_of(left, NULL, n - 1),
                  deviation_of(right, NULL, n - 1));
        freedom = twice ? 2 * n - 2 : n - 1;
    }
    double p = m == ONE_SIDED ? confidence : (1 + confidence) / 2;
    return student_quantile(p, m == NORMAL ? 1e7 : freedom) * d
         / (m == NO_ROOT ? 1 : sqrt(n));
}

// Explain a wrong half
static const char *explain(double half)
{
    static const char *const saying[MISTAKES] = { "",
        ": this forgets the pairs; each seed has its own level",
        ": this is the normal quantile, not Student's",
        ": the root of the number of pairs is missing",
        ": the deviation is over pairs - 1",
        ": the quantile at the confidence, not at (1 + confidence) / 2",
        ": there are pairs - 1 degrees of freedom" };
    for (int m = NONE + 1; m < MISTAKES; m++)
        if (near(half, half_of((enum mistake)m, false)) ||
            near(half, half_of((enum mistake)m, true)))
            return saying[m];
    return "";
}

// Check an interval
static void check(const char *what)
{
    struct paired r = { 0 };
    double n = (double)pairs, mean = 0;
    char name[80];
    lab_input("left", left, sizeof left);
    lab_input("right", right, sizeof right);
    lab_output(&r, sizeof r);
    lab_call(r = paired_interval(left, right, pairs, confidence));
    #define NAME(part) \
        (snprintf(name, sizeof name, part ", %s", what), name)
    for (size_t i = 0; i < pairs; i++)
        mean += (left[i] - right[i]) / n;
    double deviation = deviation_of(left, right, n - 1);
    double t = fabs(mean) / deviation * sqrt(n);
    double p = mean == 0 ? 1 : 2 * student_tail(t, n - 1, 0);
    lab_true(NAME("pairs"), r.pairs == pairs, "got %zu", r.pairs);
    lab_true(NAME("mean"), near(r.mean, mean), "got %g, want %g%s",
             r.mean, mean, near(r.mean, -mean) ? ": right - left" : "");
    lab_true(NAME("deviation"), near(r.deviation, deviation),
             "got %g, want %g%s", r.deviation, deviation,
             near(r.deviation, deviation * sqrt((n - 1) / n))
             ? ": divided by the number of pairs"
             : near(r.deviation, deviation * deviation)
             ? ": the root is missing" : "");
    double half = half_of(NONE, false);
    lab_true(NAME("half"), near(r.half, half), "got %g, want %g%s",
             r.half, half, explain(r.half));
    lab_true(NAME("p"), near(r.p, p), "got %g, want %g%s", r.p, p,
             near(r.p, p / 2) ? ": one tail only"
             : near(r.p, 2 - p) ? ": is the absolute value missing?"
             : "");
}

/* `pairs` of them, on a level each */
static void make_pairs(size_t k, double scale)
{
    double shift = scale * random_normal(lab_seed(k), 2, 0);
    for (size_t i = 0; i < pairs; i++) {
        right[i] = random_normal(lab_seed(k), 0, i);
        left[i] = right[i] + shift
                + scale * random_normal(lab_seed(k), 1, i);
    }
    confidence = 0.9 + 0.09 * random_uniform(lab_seed(k), 3, 0);
}

int main(void)
{
    static const double four[2][4] = { { 1.60, 1.65, 1.61, 1.66 },
                                       { 1.62, 1.66, 1.64, 1.68 } };
    lab_begin("an interval from pairs");
    for (pairs = 0; pairs < 4; pairs++) {
        left[pairs] = four[0][pairs];
        right[pairs] = four[1][pairs];
    }
    confidence = 0.95;
    check("four pairs");
    for (size_t i = 0; i < pairs; i++) {
        left[i] = four[1][i];
        right[i] = four[0][i];
    }
    confidence = 0.5;
    check("left and right exchanged, 50 %");
    memcpy(left, right, sizeof left);
    check("no difference");
    for (size_t i = 0; i < pairs; i++)
        left[i] = (right[i] = (double)i) - 0.25;
    check("always the same difference");
    slack = 1e-12;
    for (pairs = 5; pairs < 10; pairs++) {
        for (size_t i = 0; i < pairs; i++)
            left[i] = (right[i] = 0) + 0.1;
        check("differences of 0.1");
    }
    slack = 0;
    for (size_t k = 0; k < 3; k++) {
        pairs = k == 0 ? 2 : lab_size(k, k == 1 ? 1025 : 3, MOST);
        make_pairs(k, k == 2 ? 1e-9 : pow(10, (double)k - 2));
        check(k == 0 ? "two pairs" : k == 1 ? "many pairs"
              : "others, that differ by little");
    }
    for (size_t i = 0; i < pairs; i++)
        left[i] = right[i] + 1000
                + 1e-4 * random_normal(lab_seed(9), 1, i);
    check("differences far from 0");
    left[1] = NAN;              /* a run that was lost */
    struct paired lost = { 0 };
    lab_input("left", left, sizeof left);
    lab_output(&lost, sizeof lost);
    lab_call(lost = paired_interval(left, right, pairs, confidence));
    lab_true("a NaN makes all NaN", isnan(lost.mean) && isnan(lost.p)
             && isnan(lost.deviation) && isnan(lost.half),
             "with a NaN among the losses mean is %g, deviation %g, "
             "half %g, p %g", lost.mean, lost.deviation, lost.half,
             lost.p);
    return lab_end();
}
