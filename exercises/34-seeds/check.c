#include <math.h>
#include <stdio.h>
#include "experiment/statistics.h"
#include "ground/random.h"
#include "support/lab.h"

struct plan { double mean, deviation, power, confidence; };

static const struct plan plan[] = {
    { .02, .02, .9, .95 }, { .02, .01, .9, .95 }, { .02, .04, .9, .95 },
    { -.02, .02, .9, .95 }, { .02, .03, .8, .99 }, { .1, .01, .8, .95 },
    { .01, .02, .5, .95 }, { .5, .01, .9, .95 },
    { .001, .02, .06, .95 } };

// How many pairs, right or by mistake
enum mistake { NONE, TWICE, CERTAIN, ONE_TAIL, ONE_MORE, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    ": that is for two samples without pairs",
    (": is the probability left out? the mean of the differences is as "
     "often below its true value as above"),
    ": the quantile at the confidence, not at (1 + confidence) / 2",
    ": one more than are needed" };

static size_t needed(const struct plan *p, enum mistake m)
{
    double q = m == ONE_TAIL ? p->confidence : (1 + p->confidence) / 2;
    double ratio = fabs(p->mean) / p->deviation;
    for (size_t n = 2; n < 100000; n++) {
        double t = student_quantile(q, (double)n - 1);
        double s = ratio * sqrt((double)n / (m == TWICE ? 2 : 1));
        double power = student_tail(t, (double)n - 1, s)
                     + student_tail(t, (double)n - 1, -s);
        if (m == CERTAIN ? t <= s : power >= p->power)
            return n + (m == ONE_MORE);
    }
    return 0;
}

/* the formula of the normal distribution */
static size_t normal(const struct plan *p)
{
    double z = student_quantile((1 + p->confidence) / 2, 1e7)
             + student_quantile(p->power, 1e7);
    return (size_t)ceil(pow(z * p->deviation / p->mean, 2));
}

// Check a plan
/* merged: says only what is wrong */
static bool check(const struct plan *p, bool merged)
{
    size_t got = 0, want;
    const char *why = "";
    char what[100];
    snprintf(what, sizeof what, "mean %.3g, deviation %.3g, power "
             "%.3g, confidence %.3g", p->mean, p->deviation, p->power,
             p->confidence);
    lab_output(&got, sizeof got);
    lab_call(got = pairs_needed(p->mean, p->deviation, p->power,
                                p->confidence));
    want = needed(p, NONE);
    if (got == want && merged)
        return true;
    if (got == normal(p))
        why = ": that is the normal formula; t is wider";
    for (int m = MISTAKES - 1; m > NONE && got != want; m--)
        if (got == needed(p, (enum mistake)m))
            why = saying[m];
    return lab_true(what, got == want, "got %zu, want %zu%s", got, want,
                    why);
}

int main(void)
{
    lab_begin("how many seeds?");
    bool all = true;
    for (size_t i = 0; i < sizeof plan / sizeof plan[0]; i++)
        all = check(&plan[i], true) && all;
    if (all)
        lab_true("the plans of the book", true, "%s", "");
    for (uint64_t i = 0; i < 6; i++) {
        #define ANY(k) random_uniform(lab_seed(i), k, 0)
        struct plan p = { 0.01 + 0.02 * ANY(0), 0.01 + 0.05 * ANY(1),
                          0.5 + 0.45 * ANY(2), 0.8 + 0.19 * ANY(3) };
        if (i % 2)
            p.mean *= -1;
        if (i == 5)
            // Plan for more than a thousand pairs
            p = (struct plan){ 0.01, 0.01 * sqrt((double)lab_size(i, 1100, 1500)
                                                 / 10.5), .9, .95 };
        check(&p, false);
    }
    return lab_end();
}
