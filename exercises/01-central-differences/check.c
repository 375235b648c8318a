#include "ground/random.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/lab.h"

enum { GIVEN = 6, MOST = 24, CALLS = 100 };

static real x[MOST], start[MOST] = { 0.1, -3, 1e6, 0.7, -0.0, 1 };
static size_t count;
static struct place { const real *x; } place = { x };
static struct watch {
    size_t calls, element[CALLS];
    double step[CALLS];         /* of x[element], in right steps */
} w;

// Watch what the function under test does
static double weight(size_t i)
{
    double u = 1 + random_uniform(lab_seed(1), 0, i);
    return i == 1 ? -u : u;
}

static double straight = NAN;   /* the slope, if f is no cube */

static double right_step(size_t i)
{
    return cbrt(REAL_EPSILON) * fmax(1, fabs(start[i]));
}

static void cubes_at(void *value, const void *point)
{
    const real *at = point;
    double sum = 0;
    size_t moved = MOST;
    for (size_t i = 0; i < count; i++) {
        sum += isnan(straight) ? weight(i) * at[i] * at[i] * at[i] / 3
                               : straight * (at[i] - start[i]);
        if (at[i] != start[i])
            moved = i;
    }
    if (w.calls < CALLS) {
        w.element[w.calls] = moved;
        w.step[w.calls] = moved == MOST ? 0
            : (at[moved] - start[moved]) / right_step(moved);
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
    struct difference d = { 0, 0, MOST };
    w.calls = 0;
    lab_input("gradient", gradient, MOST * sizeof *gradient);
    lab_input("the context", &place, sizeof place);
    lab_start(x, start, MOST);
    lab_output(&d, sizeof d);
    lab_serve(cubes_at, sizeof(double), sizeof x);
    lab_call(d = difference_check(cubes, &place, x, gradient, count));
    return d;
}

static bool stepped(size_t element, double least, double most)
{
    for (size_t k = 0; k < w.calls && k < CALLS; k++)
        if (w.element[k] == element &&
            w.step[k] >= least && w.step[k] <= most)
            return true;
    return false;
}

/* the element of the largest |x|, up to 1 or beyond, with a wrong step;
   MOST: none */
static size_t badly_stepped(bool beyond)
{
    size_t bad = MOST;
    for (size_t i = 0; i < count; i++)
        if ((fabs(start[i]) > 1) == beyond &&
            !(stepped(i, 0.999, 1.001) &&
              stepped(i, -1.001, -0.999)) &&
            (bad == MOST || fabs(start[i]) > fabs(start[bad])))
            bad = i;
    return bad;
}

// Check where it looks
static void check_points(void)
{
    const real gradient[MOST] = { 0 };
    look(gradient);
    if (lab_compare("x, put back", x, start,
                    (const size_t[]){ MOST }, 1, 0) &&
        !compare_bits(NULL, "x", x, start, MOST))
        lab_true("bit for bit", false, "a zero has lost its sign");
    bool above = true, below = true;
    for (size_t i = 0; i < count; i++) {
        above = above && stepped(i, 1e-300, INFINITY);
        below = below && stepped(i, -INFINITY, -1e-300);
    }
    lab_true("f is called above and below each x[i]", above && below,
             above || below
                 ? "only on one side: this looks like a one-sided "
                   "difference"
                 : "f has not seen other values of x[i]");
    for (int beyond = 0; beyond < 2; beyond++) {
        size_t i = badly_stepped(beyond);
        double by = i < MOST ? fabs(start[i]) : 0;
        lab_true(beyond ? "the step suits large numbers"
                        : "the step suits small numbers", i == MOST,
                 "at x = %g the step should be %g both ways%s",
                 start[i % MOST], right_step(i % MOST),
                 by < 0.9 && stepped(i, 0.99 * by, 1.01 * by)
                     ? ": was it multiplied by |x|, and not by the "
                       "larger of 1 and |x|?" : "");
    }
}

// Check what it reports
/* functions, so that no answer finds these numbers in memory */
static size_t off(void) { return lab_size(3, 2, count - 1); }
static double largest(void) { return 9 * fabs(weight(1)); }

static double own(void)
{
    return start[off()] * start[off()] * weight(off());
}

static void check_report(void)
{
    real gradient[MOST];
    for (size_t i = 0; i < MOST; i++)
        gradient[i] = i < count ? weight(i) * start[i] * start[i] : NAN;
    struct difference d = look(gradient);
    lab_true("the largest slope is found",
             fabs(d.largest - largest()) < 1e-6,
             "largest is %g, but the slope at x[1] = -3 is %g: its "
             "absolute value counts", d.largest, -largest());
    lab_true("a right gradient is accepted", d.worst < 1e-9,
             "worst is %g; with two sides it comes to about 1e-11",
             d.worst);
    for (int sign = -1; sign < 2; sign += 2) {
        gradient[off()] += sign * 0.9;
        d = look(gradient);
        gradient[off()] -= sign * 0.9;
        lab_true(sign < 0 ? "an element too small is found"
                          : "an element too large is found",
                 d.at == off() && d.worst > 0, "gradient[%zu] is off "
                 "by %g, but at is %zu and worst is %g", off(),
                 sign * 0.9, d.at, d.worst);
    }
    lab_true("the error is relative to the largest slope",
             fabs(d.worst - 0.9 / largest()) < 1e-6,
             "worst is %g and should be 0.9 / %g%s", d.worst, largest(),
             fabs(d.worst - 0.9) < 1e-3
                 ? ": this looks like the error itself"
                 : fabs(d.worst - 0.9 / own()) < 1e-3
                 ? ": this looks like relative to its own slope"
                 : "");
    gradient[0] += 0.9;         /* before the largest slope */
    d = look(gradient);
    gradient[0] -= 0.9;
    lab_true("the largest of all, not of those so far",
             d.at == 0 && fabs(d.worst - 0.9 / largest()) < 1e-6,
             "worst is %g and should be 0.9 / %g, though the largest "
             "slope comes later", d.worst, largest());
    for (size_t i = 0; i < count; i++)
        gradient[i] = 0;
    d = look(gradient);
    lab_true("a gradient of zeros is wrong", fabs(d.worst - 1) < 1e-6,
             "worst is %g and should be 1: `largest` comes from the "
             "differences, not from the gradient under test", d.worst);
    for (size_t first = 0; first < 2; first++) {
        gradient[first ? 0 : off()] = NAN;
        gradient[first ? off() : 0] = INFINITY;
        d = look(gradient);
        gradient[0] = gradient[off()] = 0;
        lab_true("also where another is infinite",
                 d.at == (first ? 0 : off()) && !(d.worst < 1e300),
                 "gradient[%zu] is a NaN, another one infinite, but at "
                 "is %zu", first ? 0 : off(), d.at);
    }
    for (size_t i = 0; i <= off(); i += off()) {
        gradient[i] = NAN;
        d = look(gradient);
        gradient[i] = 0;
        lab_true("a NaN is the worst", d.at == i && !(d.worst < 1e300),
                 "gradient[%zu] is a NaN, but at is %zu and worst is "
                 "%g", i, d.at, d.worst);
        lab_true("and does not end the work",
                 fabs(d.largest - largest()) < 1e-6 &&
                 compare_bits(NULL, "x", x, start, MOST),
                 "gradient[%zu] is a NaN: largest is %g, not %g, or x "
                 "is not put back", i, d.largest, largest());
    }
}
// Check straight lines
static void check_straight(void)
{
    real gradient[MOST];
    for (size_t i = 0; i < MOST; i++)
        gradient[i] = i < count ? -2 : NAN;
    straight = -2;
    struct difference d = look(gradient);
    lab_true("a straight line has no error",
             d.worst < 1e-13 && d.largest == 2, "worst is %g, largest "
             "is %.17g, and 2 is right: is the slope divided by "
             "above - below, not by 2 steps?", d.worst, d.largest);
    for (size_t i = 0; i < count; i++)
        gradient[i] = 0;
    size_t all = count;
    count = 0;
    d = look(gradient);
    count = all;
    lab_true("nothing has no error", d.worst == 0, "worst is %g where "
             "there is no element", d.worst);
    straight = 0;
    d = look(gradient);
    gradient[0] = 1;
    struct difference wrong = look(gradient);
    lab_true("a constant f has no slope", d.worst == 0 &&
             d.largest == 0 && wrong.worst > 1e300,
             "worst is %g for a gradient of zeros, and %g for another",
             d.worst, wrong.worst);
}

int main(void)
{
    lab_begin("Lab 01: central differences");
    lab_axes("i");
    count = lab_size(1, GIVEN, MOST);
    fill_normal(start + GIVEN, MOST - GIVEN, 1, 1);
    for (size_t i = GIVEN; i < MOST; i++)
        start[i] *= pow(10, (double)(i % 14) - 9);
    check_points();
    count = lab_size(2, GIVEN, MOST);
    start[2] = 2;
    fill_normal(start + GIVEN, MOST - GIVEN, 2, 0.4);
    check_report();
    check_straight();
    return lab_end();
}
