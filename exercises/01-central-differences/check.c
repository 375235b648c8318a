#include "support/difference.h"
#include "support/lab.h"

enum { COUNT = 4, CALLS = 64 };

static struct watch {
    real x[COUNT], start[COUNT];
    size_t calls, element[CALLS];
    double step[CALLS];         /* x[element] - start[element] */
} w;

// Watch what the function under test does
static double cubes(void *context)
{
    struct watch *v = context;
    double sum = 0;
    size_t moved = COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        sum += v->x[i] * v->x[i] * v->x[i] / 3;
        if (v->x[i] != v->start[i])
            moved = i;
    }
    if (v->calls < CALLS) {
        v->element[v->calls] = moved;
        v->step[v->calls] = moved < COUNT
                                ? v->x[moved] - v->start[moved] : 0;
    }
    v->calls++;
    return sum;
}

static struct difference look(const real *gradient)
{
    w.calls = 0;
    struct difference d = difference_check(cubes, &w, w.x, gradient,
                                           COUNT);
    for (size_t i = 0; i < COUNT; i++)
        w.x[i] = w.start[i];
    return d;
}

static bool stepped(size_t element, bool up, double least, double most)
{
    for (size_t k = 0; k < w.calls && k < CALLS; k++)
        if (w.element[k] == element && (w.step[k] > 0) == up &&
            fabs(w.step[k]) >= least && fabs(w.step[k]) <= most)
            return true;
    return false;
}

// Check where it looks
static void check_points(void)
{
    real gradient[COUNT] = { 0 };
    w.calls = 0;
    difference_check(cubes, &w, w.x, gradient, COUNT);
    lab_compare("x is put back", w.x, w.start,
                (const size_t[]){ COUNT }, 1, 0);
    for (size_t i = 0; i < COUNT; i++)
        w.x[i] = w.start[i];
    bool above = true, below = true, large = true;
    for (size_t i = 0; i < COUNT; i++) {
        above = above && stepped(i, true, 0, 1e9);
        below = below && stepped(i, false, 1e-300, 1e9);
    }
    lab_true("f is called above and below each x[i]", above && below,
             above || below
                 ? "only on one side: this looks like a one-sided "
                   "difference"
                 : "f has not seen other values of x[i]");
    large = stepped(2, true, 1, 100);
    lab_true("the step suits small numbers",
             stepped(0, true, 1e-6, 1e-4),
             "at x = 0.1 the step should be about 6e-6");
    lab_true("the step suits large numbers", large,
             "at x = 1e6 the step should be about 6, a millionth part "
             "or so of x");
}

// Check what it reports
static void check_report(void)
{
    real gradient[COUNT];
    for (size_t i = 0; i < COUNT; i++)
        gradient[i] = w.start[i] * w.start[i];
    struct difference d = look(gradient);
    lab_true("the largest slope is found", fabs(d.largest - 9) < 1e-6,
             "largest is %g, but the slope at x[1] = -3 is 9",
             d.largest);
    lab_true("a right gradient is accepted", d.worst < 1e-9,
             "worst is %g; with two sides it comes to about 1e-12",
             d.worst);
    gradient[3] -= 0.9;
    d = look(gradient);
    lab_true("a wrong element is found", d.at == 3 && d.worst > 0,
             "gradient[3] is too small by 0.9, but at is %zu and worst "
             "is %g", d.at, d.worst);
    lab_true("the error is relative to the largest slope",
             fabs(d.worst - 0.1) < 1e-6,
             "worst is %g and should be 0.9 / 9%s", d.worst,
             fabs(d.worst - 0.9) < 1e-3
                 ? ": this looks like the error itself"
                 : fabs(d.worst - 0.9 / 0.49) < 1e-3
                 ? ": this looks like relative to its own slope"
                 : "");
    for (size_t i = 0; i < COUNT; i++)
        gradient[i] = 0;
    d = look(gradient);
    lab_true("a gradient of zeros is wrong", fabs(d.worst - 1) < 1e-6,
             "worst is %g and should be 1: `largest` comes from the "
             "differences, not from the gradient under test", d.worst);
    gradient[0] = NAN;
    d = look(gradient);
    lab_true("a NaN is the worst", d.at == 0 && !(d.worst < 1e300),
             "gradient[0] is a NaN, but at is %zu and worst is %g",
             d.at, d.worst);
}

int main(void)
{
    lab_begin("Lab 01: central differences");
    const real start[COUNT] = { 0.1, -3, 1e6, 0.7 };
    for (size_t i = 0; i < COUNT; i++)
        w.x[i] = w.start[i] = start[i];
    check_points();
    const real near[COUNT] = { 0.1, -3, 2, 0.7 };
    for (size_t i = 0; i < COUNT; i++)
        w.x[i] = w.start[i] = near[i];
    check_report();
    return lab_end();
}
