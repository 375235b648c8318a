#include <math.h>
#include <stdio.h>
#include <stdlib.h>
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
        && fabs(first - a->first) < 1e-6 * a->step
                                  + 4e-14 * fabs(a->first);
}

static bool compare_axis(const char *what, const struct axis *a,
                         double step, double first)
{
    const char *why = "";
    if (agree(a, step, first))
        return true;
    if (!(fabs(step - a->step) < 1e-9 * a->step))
        why = fabs(step - (a->high - a->low) / a->parts) < 1e-9 * step
            ? ": the ideal step, not a round one"
            : step > 2.6 * a->step || step < .3 * a->step
            ? ": the power of ten looks wrong"
            : ": a neighbour of the right step; look at the bounds";
    else
        why = fabs(first - a->low) < 1e-9 * step
            ? ": the axis begins there, but is it a multiple?"
            : fabs(first - a->first - step) < 1e-6 * step
            ? ": a tick is missing at the start"
            : first < a->low ? ": that tick lies before the axis" : "";
    return lab_true(what, false, "%.9g to %.9g in about %d parts: step "
                    "%g, first %g; wanted %g and %g%s", a->low, a->high,
                    a->parts, step, first, a->step, a->first, why);
}

static void check_by_hand(void)
{
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++) {
        const struct axis *a = &axes[i];
        double first = NAN, step = NAN;
        lab_output(&first, sizeof first);
        lab_output(&step, sizeof step);
        lab_call(step = plot_ticks(&first, a->low, a->high, a->parts));
        if (!compare_axis("axes by hand", a, step, first))
            return;
    }
    lab_true("axes by hand", true, "all are round");
}

// Check random axes
enum { RANDOM = 1000 };
enum kind { ANY, MULTIPLE, ABOVE, FAR, BOUNDS, HAIR };
static const double bound[] = { M_SQRT2, 3.16227766016838,
                                7.07106781186548 };

static double round_step(double ideal)
{
    static const double round[] = { 1, 2, 5, 10 };
    size_t k = 0;
    int e = -40;
    while (pow(10, e + 1) <= ideal)
        e++;
    while (k < 3 && ideal / pow(10, e) >= bound[k])
        k++;
    return round[k] * pow(10, e);
}

/* false if rounding decides which step it is */
static bool work_out(struct axis *a, enum kind kind)
{
    double ideal = (a->high - a->low) / a->parts;
    a->step = round_step(ideal);
    double times = a->low / a->step;
    a->first = ceil(times - 1e-9) * a->step;
    return round_step(ideal * (1 - 1e-6)) == a->step
        && round_step(ideal * (1 + 1e-6)) == a->step
        && (kind == MULTIPLE || kind == ABOVE || kind == HAIR
            || fabs(times - rint(times)) > 1e-6);
}

static double uniform(enum kind kind, size_t i, uint64_t k)
{
    return random_uniform(lab_seed(5), kind * 10 + k, i);
}

static void invent(struct axis *a, enum kind kind, size_t i)
{
    double power = pow(10, floor(60 * uniform(kind, i, 1)) - 30);
    double f = pow(10, uniform(kind, i, 2));
    if (kind == BOUNDS)
        f = bound[i % 3] * (i % 2 > 0 ? 1 - 2e-6 : 1 + 2e-6);
    a->parts = i % 10 > 0 ? 1 + (int)(12 * uniform(kind, i, 3)) : 1000;
    double step = round_step(f * power);
    bool on = kind == MULTIPLE || kind == ABOVE || kind == HAIR;
    bool near = !on || kind == HAIR || i % 2 > 0;
    double most = near ? 100 : 4e5;
    double times = floor(most * (2 * uniform(kind, i, 4) - 1));
    if (on) {
        char text[40];          /* .14 is not always 7 * .02 */
        snprintf(text, sizeof text, "%.15g", times * step);
        a->low = strtod(text, NULL);
        a->low += kind == ABOVE ? 3e-9 * step
                : kind == HAIR ? 3e-10 * step : 0;
    } else if (kind == FAR)
        a->low = step * (1e8 * times + 3e9 * (times > 0 ? 1 : -1)
                         + (i % 2 > 0 ? 2e-5
                            : 0.1 + 0.8 * uniform(kind, i, 5)));
    else
        a->low = step * (times + uniform(kind, i, 5));
    a->high = a->low + f * power * a->parts;
}

static void check_random(const char *what, enum kind kind)
{
    static struct axis a[RANDOM];
    static double step[RANDOM], first[RANDOM];
    for (size_t i = 0; i < RANDOM; i++) {
        invent(&a[i], kind, i);
        step[i] = first[i] = NAN;
    }
    lab_output(step, sizeof step);
    lab_output(first, sizeof first);
    lab_call(
        for (size_t i = 0; i < RANDOM; i++)
            step[i] = plot_ticks(&first[i], a[i].low, a[i].high,
                                 a[i].parts));
    for (size_t i = 0; i < RANDOM; i++)
        if (work_out(&a[i], kind)
            && !compare_axis(what, &a[i], step[i], first[i]))
            return;
    lab_true(what, true, "all are round");
}

int main(void)
{
    lab_begin("round numbers on an axis");
    check_by_hand();
    check_random("random axes", ANY);
    check_random("lows that are multiples", MULTIPLE);
    check_random("lows a hair above a multiple", HAIR);
    check_random("lows a little above a multiple", ABOVE);
    check_random("axes far from 0", FAR);
    check_random("steps near the bounds", BOUNDS);
    return lab_end();
}
