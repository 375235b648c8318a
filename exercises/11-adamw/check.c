#include <math.h>
#include <string.h>
#include "optimizer/optimizer.h"
#include "support/fill.h"
#include "support/lab.h"

enum { COUNT = 1000, UPDATES = 3 };
static const size_t step[UPDATES] = { 1, 2, 7 };

// Ways to get AdamW wrong
enum mistake { NONE, COUPLED, UNCORRECTED, INSIDE, UNSCALED, UPHILL,
               NO_DECAY, NO_RATE, CORRECTED_TWICE, FROM_ZERO, EXCHANGED,
               NOT_SQUARED, DECAY_LAST, NO_ROOT, MISTAKES };
static const char *const sayings[MISTAKES] = {
    [COUPLED] = "a decay that went through the moments (L2)",
    [UNCORRECTED] = "moments without bias correction",
    [INSIDE] = "an epsilon inside the root",
    [UNSCALED] = "gradients that were not multiplied by scale",
    [UPHILL] = "steps along the gradient, not against it",
    [NO_DECAY] = "weights that do not decay",
    [NO_RATE] = "a decay that is not multiplied by the rate",
    [CORRECTED_TWICE] = "corrected moments that were stored",
    [FROM_ZERO] = "a bias correction with step + 1",
    [EXCHANGED] = "beta and 1 - beta exchanged",
    [NOT_SQUARED] = "a second moment of g, not of g^2",
    [DECAY_LAST] = "a decay of the weight after the step, not before",
    [NO_ROOT] = "a size without the root",
};
static const struct adamw settings = {
    .rate = 0.05, .decay = 0.3, .beta1 = 0.8, .beta2 = 0.9,
    .epsilon = 0.02, .scale = 0.5,
};

// AdamW with a mistake
static double updated(int row, double w, const real *g,
                      enum mistake mistake)
{
    const struct adamw *a = &settings;
    double m = 0, v = 0, b1 = a->beta1, b2 = a->beta2;
    for (int t = 0; t < UPDATES; t++, g += COUNT) {
        double x = (double)*g * (mistake == UNSCALED ? 1 : a->scale);
        double late = (double)step[t] + (mistake == FROM_ZERO);
        double old1 = mistake == EXCHANGED ? 1 - b1 : b1;
        double old2 = mistake == EXCHANGED ? 1 - b2 : b2;
        x += mistake == COUPLED ? a->decay * w : 0;
        m = old1 * m + (1 - old1) * x;
        double squared = mistake == NOT_SQUARED ? x : x * x;
        v = old2 * v + (1 - old2) * squared;
        double c1 = 1 - pow(b1, late), c2 = 1 - pow(b2, late);
        if (mistake == UNCORRECTED)
            c1 = c2 = 1;
        double size = mistake == INSIDE ? sqrt(v / c2 + a->epsilon)
            : (mistake == NO_ROOT ? v / c2 : sqrt(v / c2)) + a->epsilon;
        double move = a->rate * m / c1 / size;
        double decay = a->decay * (mistake == NO_RATE ? 1 : a->rate);
        if (mistake == NO_DECAY || mistake == COUPLED)
            decay = 0;
        move *= mistake == UPHILL ? -1 : 1;
        w -= move + decay * (mistake == DECAY_LAST ? w - move : w);
        m /= mistake == CORRECTED_TWICE ? c1 : 1;
        v /= mistake == CORRECTED_TWICE ? c2 : 1;
    }
    return row == 0 ? m : row == 1 ? v : w;
}

// Compare a row, and look for known mistakes
static void compare_row(const char *what, const real *got, int row,
                        const real *gradient)
{
    static real start[COUNT], want[COUNT];
    fill_normal(start, COUNT, 1, 1);
    for (size_t i = 0; i < COUNT; i++)
        want[i] = (real)updated(row, (double)start[i], gradient + i,
                                NONE);
    const size_t shape[] = { COUNT };
    if (lab_compare(what, got, want, shape, 1, 1e-5))
        return;
    for (enum mistake k = NONE + 1; k < MISTAKES; k++) {
        for (size_t i = 0; i < COUNT; i++)
            want[i] = (real)updated(row, (double)start[i], gradient + i,
                                    k);
        lab_mistake(sayings[k], want);
    }
}

int main(void)
{
    static real weight[COUNT], first[COUNT], second[COUNT];
    static real gradient[UPDATES][COUNT], zeros[COUNT], start[COUNT];
    struct adamw a = settings;
    lab_begin("Lab 11: AdamW");
    lab_axes("i");
    fill_normal(start, COUNT, 1, 1);
    fill_normal(gradient[0], UPDATES * COUNT, 2, 2);
    lab_start(weight, start, COUNT);
    lab_start(first, zeros, COUNT);
    lab_start(second, zeros, COUNT);
    lab_input("gradient", gradient, sizeof gradient);
    lab_call(
        for (size_t t = 0; t < UPDATES; t++) {
            a.step = step[t];
            optimizer_step(weight, first, second, gradient[t], &a,
                           COUNT);
        });
    compare_row("first moments", first, 0, gradient[0]);
    compare_row("second moments", second, 1, gradient[0]);
    compare_row("weights, after the updates 1, 2 and 7", weight, 2,
                gradient[0]);
    return lab_end();
}
