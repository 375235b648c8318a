#include <math.h>
#include <stdio.h>
#include "ground/random.h"
#include "plot/ticks.h"
#include "support/lab.h"

struct axis { double low, high; int parts; double step, first; };

static const struct axis axes[] = {
    {1.47, 5.55, 6, .5, 1.5}, {0, 2000, 6, 500, 0},
    {0, 1000, 6, 200, 0}, {-1, 1, 6, .5, -1}, {0, 84, 6, 10, 0},
    {0, 86, 6, 20, 0}, {0, 42.4, 6, 5, 0}, {0, 18.9, 6, 2, 0},
    {0, 57, 6, 10, 0}, {2e-7, 8e-7, 6, 1e-7, 2e-7},
    {.9, 1.3, 4, .1, .9}, {.7, 1.1, 4, .1, .7}, {.6, 1, 4, .1, .6},
    {.14, .26, 6, .02, .14}, {3.000004, 7, 6, .5, 3.5}};

// Check one axis
static bool agree(const struct axis *a, double step, double first)
{
    return fabs(step - a->step) < 1e-9 * a->step
        && fabs(first - a->first) < 1e-6 * a->step;
}

static void compare_axis(const char *what, const struct axis *a,
                         double step, double first)
{
    const char *why = "";
    if (!(fabs(step - a->step) < 1e-9 * a->step))
        why = fabs(step - (a->high - a->low) / a->parts) < 1e-9 * step
            ? ": the ideal step, not a round one"
            : step > 2.6 * a->step || step < .3 * a->step
            ? ": the power of ten looks wrong"
            : ": a neighbour of the right step; look at the bounds";
    else if (!agree(a, step, first))
        why = fabs(first - a->low) < 1e-9 * step
            ? ": the axis begins there, but is it a multiple?"
            : fabs(first - a->first - step) < 1e-6 * step
            ? ": a tick is missing at the start"
            : first < a->low ? ": that tick lies before the axis" : "";
    lab_true(what, agree(a, step, first),
             "step %g, first %g; wanted %g and %g%s", step, first,
             a->step, a->first, why);
}

static void check_axis(const struct axis *a)
{
    char what[80];
    double first = NAN, step = NAN;
    snprintf(what, sizeof what, "%g to %g in about %d parts", a->low,
             a->high, a->parts);
    lab_output(&first, sizeof first);
    lab_output(&step, sizeof step);
    lab_call(step = plot_ticks(&first, a->low, a->high, a->parts));
    compare_axis(what, a, step, first);
}

// Check random axes
enum { RANDOM = 1000 };

/* false if rounding decides which step it is */
static bool work_out(struct axis *a)
{
    static const double bound[] = { M_SQRT2, 3.16227766016838,
                                    7.07106781186548, 10 };
    static const double round[] = { 1, 2, 5, 10 };
    double ideal = (a->high - a->low) / a->parts, power = 1e-9;
    size_t k = 0;
    while (power * 10 <= ideal)
        power *= 10;
    while (k < 3 && ideal / power >= bound[k])
        k++;
    a->step = round[k] * power;
    double times = a->low / a->step;
    a->first = ceil(times - 1e-9) * a->step;
    bool sure = fabs(times - rint(times)) > 1e-6;
    for (size_t i = 0; i < 4; i++)
        sure = sure && fabs(ideal / power - bound[i]) > 1e-6;
    return sure && fabs(ideal / power - 1) > 1e-6;
}

static void check_random(void)
{
    static struct axis a[RANDOM];
    static double step[RANDOM], first[RANDOM];
    for (uint64_t i = 0; i < RANDOM; i++) {
        a[i].low = 10 * random_uniform(lab_seed(5), 1, i) - 5;
        a[i].high = a[i].low
                  + pow(10, 6 * random_uniform(lab_seed(5), 2, i) - 3);
        a[i].parts = 2 + (int)random_below(lab_seed(5), 3, i, 9);
        step[i] = first[i] = NAN;
    }
    lab_output(step, sizeof step);
    lab_output(first, sizeof first);
    lab_call(
        for (size_t i = 0; i < RANDOM; i++)
            step[i] = plot_ticks(&first[i], a[i].low, a[i].high,
                                 a[i].parts));
    for (size_t i = 0; i < RANDOM; i++)
        if (work_out(&a[i]) &&
            !agree(&a[i], step[i], first[i])) {
            char what[80];
            snprintf(what, sizeof what, "%.9g to %.9g in about %d "
                     "parts", a[i].low, a[i].high, a[i].parts);
            compare_axis(what, &a[i], step[i], first[i]);
            return;
        }
    lab_true("random axes", true, "all are round");
}

int main(void)
{
    lab_begin("round numbers on an axis");
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++)
        check_axis(&axes[i]);
    check_random();
    return lab_end();
}
