#include "support/lab_kernels.h"
#include "support/fill.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { ROWS = 6, WIDTH = 700 };
static real x[ROWS * WIDTH], sums[ROWS * WIDTH], want[ROWS * WIDTH];

// Mistakes in running sums
enum mistake { NONE, NOT_CARRIED, ONE_WARP, WITHOUT_ITSELF, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "sums that begin anew with each tile of 128",
    "sums that begin anew with each warp",
    "sums without the number itself" };

static void add_up(size_t rows, size_t width, enum mistake mistake)
{
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t c = 0; c < width; c++) {
            const double v = (double)x[r * width + c];
            if ((mistake == NOT_CARRIED && c % 128 == 0) ||
                (mistake == ONE_WARP && c % 32 == 0))
                sum = 0;
            sum += v;
            want[r * width + c] =
                (real)(mistake == WITHOUT_ITSELF ? sum - v : sum);
        }
    }
}

// Check running sums
static void check(size_t rows, size_t width, const char *order)
{
    static size_t cases;
    const size_t all = rows * width, shape[] = { rows, width };
    char what[80];
    fill_integers(x, all, ++cases, 9);
    lab_input("x", x, all * sizeof *x);
    lab_unset(sums, all);
    lab_gpu_call(order,
        float *gpu_x = lab_gpu(x, all), *gpu_sums = lab_gpu(sums, all);
        running_sums(gpu_sums, gpu_x, rows, width));
    snprintf(what, sizeof what, "sums, %zu rows of %zu", rows, width);
    if (rows == 0) {
        lab_true(what, true, "it launches something");
        return;
    }
    add_up(rows, width, NONE);
    lab_axes("rc");
    if (!lab_compare(what, sums, want, shape, 2, 1e-6))
        for (int m = NOT_CARRIED; m < MISTAKES; m++) {
            add_up(rows, width, (enum mistake)m);
            lab_mistake(saying[m], want);
        }
}

int main(void)
{
    lab_gpu_begin("Lab 37: a missing barrier");
    check(2, 32, "forward");
    check(2, 32, "random:1");
    check(3, 128, "forward");
    check(3, 128, "reverse");
    check(1, 256, "forward");
    check(2, 400, "reverse");
    for (size_t k = 0; k < 6; k++) {
        char order[30];
        snprintf(order, sizeof order, "random:%zu", k);
        check(lab_size(k, 1, ROWS), lab_size(k + 10, 1, WIDTH), order);
    }
    check(0, 5, "forward");
    return lab_end();
}
