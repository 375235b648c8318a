#include "support/lab_kernels.h"
#include "support/fill.h"
#include "support/lab_banks.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { ROWS = 4, WIDTH = 1200 };
static real x[ROWS * WIDTH], y[ROWS * WIDTH], dots[ROWS], want[ROWS];

// Mistakes in a ring
enum mistake { NONE, ONE_STAGE, WHOLE_TILES, ONE_WARP, LANE_0,
               MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "sums of the first stage alone",
    "sums without what stands behind the last whole 128",
    "sums of one warp alone",
    "sums of the lanes 0 alone" };

static void multiply(size_t rows, size_t width, enum mistake mistake)
{
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t c = 0; c < width; c++)
            if (!(mistake == ONE_STAGE && c >= 128) &&
                !(mistake == WHOLE_TILES && c >= width / 128 * 128) &&
                !(mistake == ONE_WARP && c % 128 >= 32) &&
                !(mistake == LANE_0 && c % 32 > 0))
                sum += (double)x[r * width + c]
                     * (double)y[r * width + c];
        want[r] = (real)sum;
    }
}

// Check the ring
static void check(size_t rows, size_t width, const char *order)
{
    static size_t cases;
    const size_t all = rows * width, shape[] = { rows };
    char what[80];
    fill_integers(x, all, ++cases, 9);
    fill_integers(y, all, ++cases, 9);
    lab_input("x", x, all * sizeof *x);
    lab_input("y", y, all * sizeof *y);
    struct lab_banks seen = { 0 };
    const size_t enough = rows * ((width + 127) / 128 * 8 + 1);
    lab_unset(dots, rows);
    lab_output(&seen, sizeof seen);
    lab_gpu_call(order,
        float *gpu_x = lab_gpu(x, all), *gpu_y = lab_gpu(y, all);
        float *gpu_dots = lab_gpu(dots, rows);
        lab_banks_begin();
        dot_rows(gpu_dots, gpu_x, gpu_y, rows, width);
        seen = lab_banks());
    snprintf(what, sizeof what, "dots, %zu rows of %zu, %s", rows,
             width, order);
    if (rows == 0) {
        lab_true(what, true, "it launches something");
        return;
    }
    multiply(rows, width, NONE);
    lab_axes("r");
    if (lab_compare(what, dots, want, shape, 1, 1e-6))
        lab_true("numbers come through the ring",
                 seen.global <= enough, "%zu accesses of warps to "
                 "device memory, where %zu are enough", seen.global,
                 enough);
    else
        for (int m = ONE_STAGE; m < MISTAKES; m++) {
            multiply(rows, width, (enum mistake)m);
            lab_mistake(saying[m], want);
        }
}

int main(void)
{
    lab_gpu_begin("Lab 44: a stage too early");
    check(1, 32, "forward");
    check(2, 128, "reverse");
    check(1, 600, "forward");
    check(1, 600, "reverse");
    for (size_t k = 0; k < 6; k++) {
        char order[30];
        snprintf(order, sizeof order, "random:%zu", k);
        check(lab_size(k, 1, ROWS), lab_size(k + 10, 1, WIDTH), order);
    }
    check(2, 0, "forward");
    check(0, 5, "forward");
    return lab_end();
}
