#include "check/scatter.h"
#include "ground/random.h"
#include "support/lab.h"
#include <math.h>
#include <string.h>

enum { MANY = 128, PAIRS = MANY / 2 };

// Ask the judge for values, who notes them
enum { CALLS = 16 };
static const double unset = 1e300;  /* what stands in a tolerance */
static struct values { double in[MANY], out[MANY]; } noted[CALLS];
static int calls;
static function *tried;
static size_t tried_inputs, tried_outputs;

static void serve(void *reply, const void *request)
{
    struct values *v = &noted[calls % CALLS];
    memcpy(v->in, request, sizeof v->in);
    tried(v->out, v->in);
    memcpy(reply, v->out, sizeof v->out);
    calls++;
}

IN_CHILD
static void ask_judge(double *out, const double *in)
{
    static struct values v;
    memcpy(v.in, in, tried_inputs * sizeof *in);
    lab_ask(v.out, v.in);
    memcpy(out, v.out, tried_outputs * sizeof *out);
}

static void differences(double *out, const double *in)
{
    for (int i = 0; i < PAIRS; i++)
        out[i] = in[2 * i] - in[2 * i + 1];
}

static void sums(double *out, const double *in)
{
    out[0] = out[1] = 0;
    for (size_t i = 0; i < tried_inputs; i++) {
        out[0] += in[i];
        out[1] += i % 2 ? in[i] : 0;
    }
}

static void copies(double *out, const double *in)
{
    memcpy(out, in, tried_inputs * sizeof *in);
}

static void nothing(double *out, const double *in)
{
    (void)in;
    out[0] = 3;
}

// Call the function under test
static bool moved_by(double u, size_t inputs)
{
    size_t up = 0;
    for (int k = 1; k < 9; k++)
        for (size_t i = 0; i < inputs; i++) {
            double by = noted[k].in[i] / noted[0].in[i] - 1;
            up += by > 0;
            if (!(fabs(fabs(by) - u) < 1e-3 * u))
                return false;
        }
    return inputs < 100 || (up > 3 * inputs && up < 5 * inputs);
}

/* does argument i of run k move as i + lag of run j does, or against
   it, for nearly all i? */
static bool runs_alike(size_t inputs, int k, int j, size_t lag)
{
    size_t same = 0;
    double all = (double)(inputs - lag);
    for (size_t i = 0; i + lag < inputs; i++)
        same += (noted[k].in[i] > noted[0].in[i])
             == (noted[j].in[i + lag] > noted[0].in[i + lag]);
    return (double)same < .15 * all || (double)same > .85 * all;
}

/* a run whose signs are those of another one, or all turned, perhaps
   shifted by some arguments; or 0 */
static int repeated_run(size_t inputs)
{
    for (int k = 1; k < 9 && inputs >= 100; k++)
        for (int j = 1; j < 9; j++)
            for (size_t lag = 0; lag <= 16; lag++)
                if (j != k && runs_alike(inputs, k, j, lag))
                    return k;
    return 0;
}

/* is the sign of argument i in run k that of another one, because the
   numbers of run and argument were multiplied, or combined by bits? */
static bool mixes_numbers(size_t inputs)
{
    bool up[9][MANY];
    for (size_t k = 1; k < 9; k++)
        for (size_t i = 0; i < inputs; i++)
            up[k][i] = noted[k].in[i] / noted[0].in[i] > 1;
    for (size_t first = 0; first < 2 && inputs >= 100; first++) {
        size_t same = 0;        /* of 28 */
        for (size_t a = 1; a < 9; a++)
            for (size_t b = 1; b < a; b++)
                same += up[a][b - first] == up[b][a - first];
        if (same == 28)
            return true;
    }
    for (size_t d = 1; d < 8 && inputs >= 100; d++) {
        size_t same = 0;
        for (size_t e = 0; e < 512; e++) {
            size_t k = e / 64, i = e % 64;
            same += up[k + 1][i] == up[(k ^ d) + 1][i ^ d];
        }
        if (same > 400)         /* of 512 */
            return true;
    }
    return false;
}

/* does argument i move as i + lag does, in all runs, for many i? */
static bool moves_together(size_t inputs, size_t lag)
{
    size_t together = 0;
    for (size_t i = 0; i + lag < inputs; i++) {
        int same = 0;
        for (int k = 1; k < 9; k++)
            same += (noted[k].in[i] > noted[0].in[i])
                 == (noted[k].in[i + lag] > noted[0].in[i + lag]);
        together += same == 8 || same == 0;
    }
    return (inputs - lag < 40 ? 2 : 4) * together > inputs - lag;
}

static void run_scatter(double *t, function *f, const double *in,
                        size_t inputs, size_t outputs, double u)
{
    size_t wrong = 0;
    for (size_t k = 0; k < outputs; k++)
        t[k] = unset;
    tried = f, tried_inputs = inputs, tried_outputs = outputs;
    calls = 0;
    lab_input("in", in, inputs * sizeof *in);
    lab_output(t, outputs * sizeof *t);
    lab_serve(serve, sizeof noted->out, sizeof noted->in);
    lab_call(scatter(t, ask_judge, in, inputs, outputs, u));
    // Hold the tolerances against the calls
    if (!lab_true("one call as it is, and eight others", calls == 9 &&
                  memcmp(noted[0].in, in, inputs * sizeof *in) == 0,
                  "f was called %d times%s", calls,
                  calls == 9 ? ", but not with in first" : ""))
        return;
    lab_true("each argument moves by u, up or down", moved_by(u, inputs),
             "in the eight runs it is multiplied by 1 + u or 1 - u");
    size_t lag = 1;
    while (lag + 12 < inputs && !moves_together(inputs, lag))
        lag++;
    int again = repeated_run(inputs);
    bool mixed = mixes_numbers(inputs);
    lab_true("each by a sign of its own",
             lag + 12 >= inputs && again == 0 && !mixed, mixed
             ? "the signs of one run are those of others in another "
               "order: does one number stand for run and argument?"
             : again ? "run %d has the signs of another one, or all "
               "turned, or shifted"
             : "arguments that are %d apart have the same signs",
             again ? again : (int)lag);
    for (size_t k = 0; k < outputs; k++) {
        double most = 0;
        for (int run = 1; run < 9; run++)
            most = fmax(most, fabs(noted[run].out[k] - noted[0].out[k]));
        if (!(fabs(t[k] - 4 * most) <= 1e-9 * most))
            wrong++;
    }
    lab_true("four times the largest difference", wrong == 0,
             "%zu of %zu tolerances are not", wrong, outputs);
}

int main(void)
{
    double in[MANY], t[MANY], few = 0, tiny = 0;
    double u = 1e-6 * (1 + random_uniform(lab_seed(1), 0, 0));
    lab_begin("Lab 32: a check of your own");
    for (int i = 0; i < MANY; i++)
        in[i] = 1 + 1e-4 * (i % 3);
    run_scatter(t, differences, in, 2 * PAIRS, PAIRS, u);
    for (int i = 0; i < PAIRS; i++) {
        few += !(t[i] > 7.9 * u && t[i] < 8.1 * u);
        tiny += t[i] < .1 * u;
    }
    lab_true("differences of nearly equal numbers", few <= 10,
             "%g of %d tolerances are not 8 u%s", few, PAIRS,
             tiny == PAIRS
             ? ": they are as small as the differences"
             : t[0] == unset ? ": they were not written"
             : t[0] > 1.9 * u && t[0] < 2.1 * u
             ? ": the largest difference itself, not four times it"
             : few < PAIRS ? ": were the signs new in each run?" : "");
    run_scatter(t, sums, in, 4 * lab_size(1, 25, 31) + 3, 2, u);
    lab_true("a long sum", t[0] > 3.5 * u && t[0] < 300 * u,
             "its tolerance is %g u, expected 40 to 120 u%s", t[0] / u,
             t[0] > 350 * u ? ": do all arguments move together?" : "");
    lab_true("half of it", t[1] > 3.5 * u && t[1] < 220 * u,
             "its tolerance is %g u, expected 28 to 85 u", t[1] / u);
    for (int i = 0; i < MANY; i++)
        in[i] *= (i % 3 ? 1 : -1) * pow(10, i % 60 - 30);
    run_scatter(t, copies, in, MANY, MANY, 1e-4 * u);
    run_scatter(t, copies, in, MANY, MANY, .01);
    run_scatter(t, nothing, in, lab_size(2, 1, 20), 1, u);
    lab_true("a function of nothing", t[0] == 0,
             "its tolerance is %g, not 0", t[0]);
    return lab_end();
}
