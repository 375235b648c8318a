#include "check/scatter.h"
#include "ground/random.h"
#include "support/lab.h"
#include <math.h>
#include <string.h>

enum { PAIRS = 24, MANY = 100 };
static int calls;               /* of the function of nothing */

static void differences(double *out, const double *in)
{
    for (int i = 0; i < PAIRS; i++)
        out[i] = in[2 * i] - in[2 * i + 1];
}

static void sums(double *out, const double *in)
{
    out[0] = out[1] = 0;
    for (int i = 0; i < MANY; i++) {
        out[0] += in[i];
        out[1] += i % 2 ? in[i] : 0;
    }
}

static void nothing(double *out, const double *in)
{
    (void)in;
    calls++;
    out[0] = 3;
}

#define SCATTER(f, inputs, outputs) \
    memset(t, 255, sizeof t); \
    lab_input("in", in, sizeof in); \
    lab_output(t, sizeof t); \
    lab_output(&calls, sizeof calls); \
    lab_call(calls = 0; scatter(t, f, in, inputs, outputs, u))

int main(void)
{
    double in[MANY], t[MANY], few = 0, tiny = 0;
    double u = 1e-6 * (1 + random_uniform(lab_seed(1), 0, 0));
    lab_begin("Lab 32: a check of your own");
    for (int i = 0; i < MANY; i++)
        in[i] = 1 + 1e-4 * (i % 3);
    SCATTER(differences, 2 * PAIRS, PAIRS);
    for (int i = 0; i < PAIRS; i++) {
        few += !(t[i] > 7.9 * u && t[i] < 8.1 * u);
        tiny += t[i] < .1 * u;
    }
    lab_true("differences of nearly equal numbers", few <= 2,
             "%g of %d tolerances are not 8 u%s", few, PAIRS,
             tiny == PAIRS
             ? ": they are as small as the differences"
             : isnan(t[0]) ? ": they were not written"
             : t[0] > 1.9 * u && t[0] < 2.1 * u
             ? ": the largest difference itself, not four times it"
             : few < PAIRS ? ": were the signs new in each run?" : "");
    SCATTER(sums, MANY, 2);
    lab_true("a long sum", t[0] > 20 * u && t[0] < 200 * u,
             "its tolerance is %g u, expected 40 to 120 u%s", t[0] / u,
             t[0] > 350 * u ? ": do all arguments move together?" : "");
    lab_true("half of it", t[1] > 12 * u && t[1] < 140 * u,
             "its tolerance is %g u, expected 28 to 85 u", t[1] / u);
    SCATTER(nothing, MANY, 1);
    lab_true("a function of nothing", t[0] == 0,
             "its tolerance is %g, not 0", t[0]);
    lab_true("one call as it is, and eight others", calls == 9,
             "f was called %d times", calls);
    return lab_end();
}
