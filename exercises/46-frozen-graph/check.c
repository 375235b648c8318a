#include "support/lab_kernels.h"
#include "support/fill.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { COUNT = 700, UPDATES = 30, MORE = 6 };
static real start[COUNT], zeros[COUNT], weight[COUNT], first[COUNT],
    second[COUNT], gradients[UPDATES * COUNT], want[3][COUNT], calls[2];

// Mistakes in recorded updates
enum mistake { NONE, FROZEN, SAME_NUMBER, SAME_GRADIENT, SAME_RATE,
               FROM_ZERO, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "update 1, again and again",
    "other gradients, but the rate and the corrections of update 1",
    "the gradients of update 1, again and again",
    "the corrections of each update, at the rate of the first",
    "numbers that begin with 2" };

static void update(size_t count, double k, size_t row, double rate_of)
{
    for (size_t i = 0; i < count; i++) {
        double g = (double)gradients[row * count + i];
        double m = 0.9 * (double)want[1][i] + 0.1 * g;
        double v = 0.95 * (double)want[2][i] + 0.05 * g * g;
        double rate = 0.04 / (3 + rate_of);
        want[1][i] = (real)m;
        want[2][i] = (real)v;
        want[0][i] -= (real)(rate * (m / (1 - pow(0.9, k)))
                             / (sqrt(v / (1 - pow(0.95, k))) + 1e-8));
    }
}

static void go(size_t count, size_t updates, enum mistake mistake)
{
    memcpy(want[0], start, sizeof start);
    memset(want[1], 0, 2 * sizeof want[1]);
    for (size_t n = 1; n <= updates; n++) {
        bool same = mistake == FROZEN || mistake == SAME_NUMBER;
        bool row = mistake == FROZEN || mistake == SAME_GRADIENT;
        double k = same ? 1 : (double)n;
        if (mistake == FROM_ZERO)
            k++;
        update(count, k, row ? 0 : n - 1,
               mistake == SAME_RATE ? 1 : k);
    }
}

// Check recorded updates
static void check(size_t count, size_t updates, const char *order)
{
    static size_t cases;
    const size_t all = count * updates, shape[] = { count };
    char what[80];
    fill_normal(start, count, ++cases, 1);
    fill_normal(gradients, all, ++cases, 1);
    for (size_t i = 0; i < all; i++)
        gradients[i] *= (real)(1 + i / count);
    lab_start(weight, start, count);
    lab_start(first, zeros, count);
    lab_start(second, zeros, count);
    lab_input("gradients", gradients, all * sizeof *gradients);
    lab_unset(calls, 2);
    lab_gpu_call(order,
        float *gpu_weight = lab_gpu(weight, count);
        float *gpu_first = lab_gpu(first, count);
        float *gpu_second = lab_gpu(second, count);
        float *gpu_gradients = lab_gpu(gradients, all);
        float *number = lab_gpu_scratch(1);
        lab_gpu_calls(&calls[0]);
        adam_recorded(gpu_weight, gpu_first, gpu_second, number,
                      gpu_gradients, count, (unsigned)updates);
        lab_gpu_calls(&calls[1]));
    snprintf(what, sizeof what, "weight, %zu updates of %zu", updates,
             count);
    lab_axes("i");
    go(count, updates, NONE);
    if (!lab_compare(what, weight, want[0], shape, 1, 1e-4)
        && updates > 1)
        for (int m = FROZEN; m < MISTAKES; m++) {
            go(count, updates, (enum mistake)m);
            lab_mistake(saying[m], want[0]);
        }
    go(count, updates, NONE);
    lab_compare("first", first, want[1], shape, 1, 1e-4);
    lab_compare("second", second, want[2], shape, 1, 1e-4);
    double made = (double)calls[1] - (double)calls[0];
    lab_true("the graph is made ready once, and launched for each "
             "update", made <= (double)updates + MORE,
             "%g calls for %zu updates", made, updates);
}

int main(void)
{
    lab_gpu_begin("Lab 46: a graph that froze its step number");
    check(5, 1, "forward");
    check(200, 2, "reverse");
    check(130, 0, "forward");
    check(128, 30, "random:1");
    for (size_t k = 0; k < 3; k++)
        check(lab_size(k, 1, COUNT), lab_size(k + 10, 2, UPDATES),
              "random:2");
    return lab_end();
}
