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
static void inputs(size_t rows, size_t keys, double scale)
{
    static size_t cases;
    fill_normal(score, rows * keys, lab_seed(++cases), scale);
    fill_normal(value, keys, lab_seed(cases + 50), 1);
    for (size_t i = 0; i < rows * keys; i++) {
        const size_t r = i / keys, k = i % keys;
        if (r % 3 == 1)         /* larger and larger */
            score[i] += (real)(0.05 * (double)k);
        if (k > 0 && (r % 3 == 2 ? k % LANES == 5 : k % 7 == 3))
            score[i] = -(real)INFINITY;
    }
    lab_input("score", score, rows * keys * sizeof *score);
    lab_input("value", value, keys * sizeof *value);
}

static void check(size_t rows, size_t keys, double scale,
                  const char *order)
{
    struct lab_banks seen = { 0 };
    const size_t turns = (keys + LANES - 1) / LANES;
    char what[80];
    inputs(rows, keys, scale);
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
    snprintf(what, sizeof what, "mean and lse, %zu rows of %zu keys",
             rows, keys);
    if (rows == 0) {
        lab_true(what, true, "it launches something");
        return;
    }
    for (size_t i = 0; i < 2 * rows; i++)
        if (!lab_true("no NaN", !isnan(got[i]), "%s of row %zu is not "
                      "a number: was -INFINITY taken from -INFINITY, "
                      "or exp of a large score?",
                      i < rows ? "mean" : "lse", i % rows))
            return;
    online(rows, keys, NONE);
    lab_axes("xr");
    if (lab_compare(what, got, want, (const size_t[]){ 2, rows }, 2,
                    1e-5))
        lab_true("each score is read once",
                 seen.global <= rows * (2 * turns + 2), "%zu accesses "
                 "of warps to device memory, where %zu are enough",
                 seen.global, rows * (2 * turns + 2));
    else
        for (int m = MEAN; m < MISTAKES; m++) {
            online(rows, keys, (enum mistake)m);
            lab_mistake(saying[m], want);
        }
}

int main(void)
{
    lab_gpu_begin("Lab 45: a softmax seen once");
    check(3, 200, 1, "forward");
    check(2, 1, 1, "forward");
    check(5, lab_size(1, 33, 300), 30, "reverse");
    check(3, 20, 1, "random:1");
    check(ROWS, KEYS, 2, "random:2");
    check(4, lab_size(2, 100, KEYS), 300, "forward");
    check(0, 8, 1, "forward");
    return lab_end();
}
