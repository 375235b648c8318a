#include <math.h>
#include <string.h>
#include "layers/optimizer.h"
#include "support/fill.h"
#include "support/lab.h"

enum { RUNS = 2, COUNT = 1000, UPDATES = 3 };

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

// Two runs of AdamW
enum { FIRST, SECOND, WEIGHT, ROWS };
static real start[ROWS][RUNS][COUNT], gradient[RUNS][UPDATES][COUNT];
static size_t count[RUNS] = { COUNT };
static size_t step[RUNS][UPDATES] = { { 1, 2, 7 },
                                      { 1, 0, (size_t)1 << 32 } };
static struct adamw settings[RUNS] = {
    { .rate = 0.05, .decay = 0.3, .beta1 = 0.8, .beta2 = 0.9,
      .epsilon = 0.02, .scale = 0.5 },
    { .rate = 0.3, .decay = 0.02, .beta2 = 0.9999, .epsilon = 1e-8,
      .scale = 0.8 } };

static void prepare(void)
{
    count[1] = lab_size(3, 1, COUNT - 1);
    step[1][1] = lab_size(4, 3, 50);
    settings[1].beta1 = 0.01 * (double)lab_size(5, 50, 90);
    fill_normal(start[WEIGHT][0], RUNS * COUNT, 1, 1);
    fill_normal(gradient[0][0], RUNS * UPDATES * COUNT, 2, 2);
    fill_normal(start[FIRST][1], COUNT, 3, 1);
    fill_normal(start[SECOND][1], COUNT, 4, 1);
    for (size_t i = 0; i < COUNT; i++) {
        real power = (real)pow(10, -(double)(i % 9));
        start[FIRST][1][i] *= power;
        start[SECOND][1][i] *= power * power * start[SECOND][1][i];
        for (size_t t = 0; t < UPDATES; t++)
            gradient[1][t][i] *= i % 10 > 0 ? power : 0;
    }
}

// AdamW with a mistake
static double updated(int row, size_t k, size_t i,
                      enum mistake mistake)
{
    const struct adamw *a = &settings[k];
    double w = (double)start[WEIGHT][k][i];
    double m = (double)start[FIRST][k][i];
    double v = (double)start[SECOND][k][i];
    double b1 = a->beta1, b2 = a->beta2;
    for (int t = 0; t < UPDATES && i < count[k]; t++) {
        double x = (double)gradient[k][t][i]
                 * (mistake == UNSCALED ? 1 : a->scale);
        double late = (double)step[k][t] + (mistake == FROM_ZERO);
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
    return row == FIRST ? m : row == SECOND ? v : w;
}

// Compare a row, and look for known mistakes
static void compare_row(const char *what, real (*got)[RUNS][COUNT],
                        int row)
{
    static real want[RUNS * COUNT];
    static const size_t shape[] = { RUNS, COUNT };
    for (enum mistake m = NONE; m < MISTAKES; m++) {
        for (size_t e = 0; e < RUNS * COUNT; e++)
            want[e] = (real)updated(row, e / COUNT, e % COUNT, m);
        if (m > NONE)
            lab_mistake(sayings[m], want);
        else if (lab_compare(what, got[row][0], want, shape, 2, 1e-5))
            return;
    }
}

int main(void)
{
    static real row[ROWS][RUNS][COUNT];
    lab_begin("Lab 11: AdamW");
    lab_axes("ki");
    prepare();
    for (int r = 0; r < ROWS; r++)
        lab_start(row[r][0], start[r][0], RUNS * COUNT);
    lab_input("gradient", gradient, sizeof gradient);
    lab_call(
        for (size_t k = 0; k < RUNS; k++)
            for (size_t t = 0; t < UPDATES; t++) {
                struct adamw a = settings[k];
                a.step = step[k][t];
                optimizer_step(row[WEIGHT][k], row[FIRST][k],
                               row[SECOND][k], gradient[k][t], &a,
                               count[k]);
            });
    compare_row("first moments", row, FIRST);
    compare_row("second moments", row, SECOND);
    compare_row("weights, after three updates", row, WEIGHT);
    return lab_end();
}
