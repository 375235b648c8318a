#include "support/lab_kernels.h"
#include "support/fill.h"
#include "support/lab_banks.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { ROWS = 9, KEYS = 1100, LANES = 32 };
static real score[ROWS * KEYS], value[KEYS], got[2 * ROWS],
    want[2 * ROWS];

// Mistakes in an online softmax
enum mistake { NONE, MEAN, SUM, JOIN, HALF, LOG, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "a sum of values that is never shrunk",
    "a sum of weights that is never shrunk",
    "lanes added up as if all had one largest score",
    "the first sixteen lanes alone",
    "an lse without the largest score" };

static double weight(double x, double most)
{
    return isinf(x) ? 0 : exp(x - most);
}

static void online(size_t rows, size_t keys, enum mistake mistake)
{
    const size_t lanes = mistake == HALF ? LANES / 2 : LANES;
    for (size_t r = 0; r < rows; r++) {
        double most[LANES], sum[LANES] = { 0 }, mean[LANES] = { 0 };
        double all = -INFINITY, s = 0, a = 0;
        for (size_t l = 0; l < lanes; l++) {
            most[l] = -INFINITY;
            for (size_t k = l; k < keys; k += LANES) {
                const double x = (double)score[r * keys + k];
                const double old = most[l];
                most[l] = fmax(old, x);
                const double shrink = weight(old, most[l]);
                const double w = weight(x, most[l]);
                sum[l] = sum[l] * (mistake == SUM ? 1 : shrink) + w;
                mean[l] = mean[l] * (mistake == MEAN ? 1 : shrink)
                        + w * (double)value[k];
            }
            all = fmax(all, most[l]);
        }
        for (size_t l = 0; l < lanes; l++) {
            const double w = mistake == JOIN ? 1 : weight(most[l], all);
            s += w * sum[l];
            a += w * mean[l];
        }
        want[r] = (real)(a / s);
        want[rows + r] = (real)(log(s) + (mistake == LOG ? 0 : all));
    }
}

// Check an online softmax
static void inputs(size_t rows, size_t keys, real middle, double scale)
{
    static size_t cases;
    fill_normal(score, rows * keys, lab_seed(++cases), scale);
    fill_normal(value, keys, lab_seed(cases + 50), 1);
    for (size_t i = 0; i < rows * keys; i++) {
        const size_t r = i / keys, k = i % keys;
        score[i] += middle;
        if (r % 3 == 1)         /* larger and larger */
            score[i] += (real)(0.05 * (double)k);
        if (k > 0 && (r % 3 == 2 ? k % LANES == 5 : k % 7 == 3))
            score[i] = -(real)INFINITY;
    }
    lab_input("score", score, rows * keys * sizeof *score);
    lab_input("value", value, keys * sizeof *value);
}

/* mean and lse, each by its own measure */
static bool both(size_t rows, size_t keys)
{
    static const char *const name[] = { "mean", "lse" };
    bool good = true;
    for (size_t k = 0; k < 2; k++) {
        char what[80];
        snprintf(what, sizeof what, "%s, %zu rows of %zu keys", name[k],
                 rows, keys);
        online(rows, keys, NONE);
        if (lab_compare(what, got + k * rows, want + k * rows, &rows, 1,
                        1e-5))
            continue;
        good = false;
        for (int m = MEAN; m < MISTAKES; m++) {
            online(rows, keys, (enum mistake)m);
            lab_mistake(saying[m], want + k * rows);
        }
    }
    return good;
}

static void check(size_t rows, size_t keys, real middle, double scale,
                  const char *order)
{
    struct lab_banks seen = { 0 };
    const size_t turns = (keys + LANES - 1) / LANES;
    inputs(rows, keys, middle, scale);
    lab_unset(got, 2 * rows);
    lab_output(&seen, sizeof seen);
    lab_gpu_call(order,
        float *gpu_score = lab_gpu(score, rows * keys);
        float *gpu_value = lab_gpu(value, keys);
        float *gpu_got = lab_gpu(got, 2 * rows);
        lab_banks_begin();
        online_means(gpu_got, gpu_got + rows, gpu_score, gpu_value,
                     rows, keys);
        seen = lab_banks());
    if (rows == 0) {
        lab_true("no rows", true, "it launches something");
        return;
    }
    size_t i = 0;
    while (i < 2 * rows && !isnan(got[i]))
        i++;
    if (!lab_true("no NaN", i == 2 * rows, "%s of row %zu is not a "
                  "number: was -INFINITY taken from -INFINITY, exp of "
                  "a large score, or does a largest score begin with a "
                  "number?", i < rows ? "mean" : "lse", i % rows))
        return;
    lab_axes("r");
    if (both(rows, keys))
        lab_true("each score is read once",
                 seen.global <= rows * (2 * turns + 2), "%zu accesses "
                 "of warps to device memory, where %zu are enough",
                 seen.global, rows * (2 * turns + 2));
}

int main(void)
{
    lab_gpu_begin("Lab 45: a softmax seen once");
    check(3, 200, 0, 1, "forward");
    check(2, 1, 0, 1, "forward");
    check(5, lab_size(1, 33, 300), 0, 30, "reverse");
    check(3, 20, 0, 1, "random:1");
    check(3, 70, -200, 2, "random:3");
    check(ROWS, KEYS, 0, 2, "random:2");
    check(2, 90, -2000, 2, "reverse");
    check(4, lab_size(2, 100, KEYS), 0, 300, "forward");
    check(0, 8, 0, 1, "forward");
    return lab_end();
}
