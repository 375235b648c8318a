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
    {.14, .26, 6, .02, .14}};

// Check one axis
static void check_axis(const struct axis *a)
{
    char what[80];
    double first = NAN, step = plot_ticks(&first, a->low, a->high,
                                          a->parts);
    snprintf(what, sizeof what, "%g to %g in about %d parts", a->low,
             a->high, a->parts);
    bool right = fabs(step - a->step) < 1e-9 * a->step;
    const char *why = "";
    if (!right)
        why = fabs(step - (a->high - a->low) / a->parts) < 1e-9 * step
            ? ": the ideal step, not a round one"
            : step > 2 * a->step || step < .5 * a->step
            ? ": the power of ten looks wrong"
            : ": a neighbour of the right step; look at the bounds";
    else if (!(fabs(first - a->first) < 1e-6 * step))
        why = fabs(first - a->low) < 1e-9 * step
            ? ": the axis begins there, but is it a multiple?"
            : ": a tick is missing at the start";
    lab_true(what, !*why, "step %g, first %g; wanted %g and %g%s", step,
             first, a->step, a->first, why);
}

int main(void)
{
    lab_begin("round numbers on an axis");
    for (size_t i = 0; i < sizeof axes / sizeof *axes; i++)
        check_axis(&axes[i]);
    for (uint64_t i = 0; i < 1000; i++) {
        double low = 10 * random_uniform(5, 1, i) - 5, first;
        double high = low + pow(10, 6 * random_uniform(5, 2, i) - 3);
        double step = plot_ticks(&first, low, high, 6);
        double count = (high - low) / step;
        if (!(count > 3.7 && count < 9.6 && first >= low - 1e-6 * step
              && first < low + step * (1 + 1e-9))) {
            lab_true("random axes", false, "from %g to %g: first %g,"
                     " step %g, which makes %g parts", low, high, first,
                     step, count);
            return lab_end();
        }
    }
    lab_true("random axes", true, "all are round");
    return lab_end();
}
