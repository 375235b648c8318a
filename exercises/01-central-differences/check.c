#include "ground/random.h"
#include "support/difference.h"
#include "support/lab.h"

enum { COUNT = 4, CALLS = 64 };

static real x[COUNT], start[COUNT] = { 0.1, -3, 1e6, 0.7 };
static struct place { const real *x; } place = { x };
static struct watch {
    size_t calls, element[CALLS];
    double step[CALLS];         /* x[element] - start[element] */
} w;

// Watch what the function under test does
static double weight(size_t i)
{
    double u = 1 + random_uniform(lab_seed(1), 0, i);
    return i == 1 ? -u : u;
}

static void cubes_at(void *value, const void *point)
{
    const real *at = point;
    double sum = 0;
    size_t moved = COUNT;
    for (size_t i = 0; i < COUNT; i++) {
        sum += weight(i) * at[i] * at[i] * at[i] / 3;
        if (at[i] != start[i])
            moved = i;
    }
    if (w.calls < CALLS) {
        w.element[w.calls] = moved;
        w.step[w.calls] = moved < COUNT ? at[moved] - start[moved] : 0;
    }
    w.calls++;
    *(double *)value = sum;
}

IN_CHILD
static double cubes(void *context)
{
    const struct place *p = context;
    double value;
    lab_ask(&value, p->x);
    return value;
}

static struct difference look(const real *gradient)
{
    struct difference d = { 0, 0, COUNT };
    w.calls = 0;
    lab_input("gradient", gradient, COUNT * sizeof *gradient);
    lab_input("the context", &place, sizeof place);
    lab_start(x, start, COUNT);
    lab_output(&d, sizeof d);
    lab_serve(cubes_at, sizeof(double), sizeof x);
    lab_call(d = difference_check(cubes, &place, x, gradient, COUNT));
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
    const real gradient[COUNT] = { 0 };
    look(gradient);
    lab_compare("x, put back", x, start,
                (const size_t[]){ COUNT }, 1, 0);
    bool above = true, below = true;
    for (size_t i = 0; i < COUNT; i++) {
        above = above && stepped(i, true, 0, 1e9);
        below = below && stepped(i, false, 1e-300, 1e9);
    }
    lab_true("f is called above and below each x[i]", above && below,
             above || below
                 ? "only on one side: this looks like a one-sided "
                   "difference"
                 : "f has not seen other values of x[i]");
    lab_true("the step suits small numbers",
             stepped(0, true, 1e-6, 1e-4),
             "at x = 0.1 the step should be about 6e-6%s",
             stepped(0, true, 1e-7, 1e-6)
                 ? ": was it multiplied by |x|, and not by the larger "
                   "of 1 and |x|?" : "");
    lab_true("the step suits large numbers", stepped(2, true, 1, 100),
             "at x = 1e6 the step should be about 6, a millionth part "
             "or so of x");
}

// Check what it reports
static void check_report(void)
{
    real gradient[COUNT];
    const double largest = 9 * fabs(weight(1));
    const double own = 0.49 * weight(3);
    for (size_t i = 0; i < COUNT; i++)
        gradient[i] = weight(i) * start[i] * start[i];
    struct difference d = look(gradient);
    lab_true("the largest slope is found",
             fabs(d.largest - largest) < 1e-6,
             "largest is %g, but the slope at x[1] = -3 is %g: its "
             "absolute value counts", d.largest, -largest);
    lab_true("a right gradient is accepted", d.worst < 1e-9,
             "worst is %g; with two sides it comes to about 1e-11",
             d.worst);
    for (int sign = -1; sign < 2; sign += 2) {
        gradient[3] += sign * 0.9;
        d = look(gradient);
        gradient[3] -= sign * 0.9;
        lab_true(sign < 0 ? "an element too small is found"
                          : "an element too large is found",
                 d.at == 3 && d.worst > 0, "gradient[3] is off by %g, "
                 "but at is %zu and worst is %g", sign * 0.9, d.at,
                 d.worst);
    }
    lab_true("the error is relative to the largest slope",
             fabs(d.worst - 0.9 / largest) < 1e-6,
             "worst is %g and should be 0.9 / %g%s", d.worst, largest,
             fabs(d.worst - 0.9) < 1e-3
                 ? ": this looks like the error itself"
                 : fabs(d.worst - 0.9 / own) < 1e-3
                 ? ": this looks like relative to its own slope"
                 : "");
    for (size_t i = 0; i < COUNT; i++)
        gradient[i] = 0;
    d = look(gradient);
    lab_true("a gradient of zeros is wrong", fabs(d.worst - 1) < 1e-6,
             "worst is %g and should be 1: `largest` comes from the "
             "differences, not from the gradient under test", d.worst);
    for (size_t i = 0; i < COUNT; i += 2) {
        gradient[i] = NAN;
        d = look(gradient);
        gradient[i] = 0;
        lab_true("a NaN is the worst", d.at == i && !(d.worst < 1e300),
                 "gradient[%zu] is a NaN, but at is %zu and worst is "
                 "%g", i, d.at, d.worst);
    }
}

int main(void)
{
    lab_begin("Lab 01: central differences");
    lab_axes("i");
    check_points();
    start[2] = 2;
    check_report();
    return lab_end();
}
