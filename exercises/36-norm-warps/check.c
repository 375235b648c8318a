#include "support/lab_kernels.h"
#include "layers/norm.h"
#include "support/fill.h"
#include "support/lab_banks.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { ROWS = 40, WIDTH = 300, LANES = 32 };
static real x[ROWS * WIDTH], gain[WIDTH], out[ROWS * WIDTH],
    inverse_rms[ROWS], want[ROWS * WIDTH], want_scale[ROWS];

// Mistakes in a norm by warps
enum mistake { NONE, HALF, BY_LANES, ONE_LANE, SUM, NO_EPSILON, OUTSIDE,
               NO_GAIN, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "a sum over half of the lanes, 0 to 15",
    "a mean over 32, not over the width",
    "a sum over lane 0 alone",
    "the root of the sum, not of the mean",
    "a norm without epsilon",
    "a norm with epsilon outside of the root",
    "a norm without the gain" };

static void norm(size_t rows, size_t width, enum mistake mistake)
{
    for (size_t r = 0; r < rows; r++) {
        double sum = 0, count = (double)width, epsilon = NORM_EPSILON;
        for (size_t c = 0; c < width; c++) {
            const double v = (double)x[r * width + c];
            if (!(mistake == HALF && c % LANES >= LANES / 2) &&
                !(mistake == ONE_LANE && c % LANES > 0))
                sum += v * v;
        }
        if (mistake == BY_LANES || mistake == SUM)
            count = mistake == SUM ? 1 : LANES;
        double scale = 1 / sqrt(sum / count + epsilon);
        if (mistake == NO_EPSILON)
            scale = 1 / sqrt(sum / count);
        if (mistake == OUTSIDE)
            scale = 1 / (sqrt(sum / count) + epsilon);
        want_scale[r] = (real)scale;
        for (size_t c = 0; c < width; c++)
            want[r * width + c] = (real)(scale
                * (double)x[r * width + c]
                * (mistake == NO_GAIN ? 1 : (double)gain[c]));
    }
}

// Check the norm by warps
static void check(size_t rows, size_t width, const char *order,
                  double size)
{
    static size_t cases;
    const size_t all = rows * width, shape[] = { rows, width };
    struct lab_banks counted = { 0 };
    char what[80];
    fill_normal(x, all, ++cases, size);
    fill_normal(gain, width, cases + 50, 1);
    lab_input("x", x, all * sizeof *x);
    lab_input("gain", gain, width * sizeof *gain);
    lab_unset(out, all);
    lab_unset(inverse_rms, rows);
    lab_output(&counted, sizeof counted);
    lab_gpu_call(order,
        float *gpu_x = lab_gpu(x, all), *gpu_out = lab_gpu(out, all);
        float *gpu_gain = lab_gpu(gain, width);
        float *gpu_scale = lab_gpu(inverse_rms, rows);
        lab_banks_begin();
        rms_norm_by_warps(gpu_out, gpu_scale, gpu_x, gpu_gain, rows,
                          width);
        counted = lab_banks());
    norm(rows, width, NONE);
    lab_axes("r");
    lab_axes("rc");
    snprintf(what, sizeof what, "inverse_rms, %zu rows of %zu", rows,
             width);
    if (!lab_compare(what, inverse_rms, want_scale, shape, 1, 1e-5))
        for (int m = HALF; m < NO_GAIN; m++) {
            norm(rows, width, (enum mistake)m);
            lab_mistake(saying[m], want_scale);
        }
    norm(rows, width, NONE);
    snprintf(what, sizeof what, "out, %zu rows of %zu", rows, width);
    if (!lab_compare(what, out, want, shape, 2, 1e-5))
        for (int m = HALF; m < MISTAKES; m++) {
            norm(rows, width, (enum mistake)m);
            lab_mistake(saying[m], want);
        }
    lab_true("a warp reads and writes side by side",
             counted.most_sectors <= 5,
             "one access of a warp touches %zu sectors of 32 bytes; "
             "four or five hold 32 floats", counted.most_sectors);
    const size_t loads = (width + LANES - 1) / LANES;
    lab_true("the lanes of a warp share a row's columns",
             counted.global <= rows * (4 * loads + 2),
             "the warps access memory %zu times; %zu rows of %zu "
             "columns, 32 at a time, take %zu", counted.global, rows,
             width, rows * (4 * loads + 1));
}

static void check_no_rows(void)
{
    lab_unset(out, 1);
    lab_gpu_call("forward",
        float *gpu = lab_gpu(out, 1);
        rms_norm_by_warps(gpu, gpu, gpu, gpu, 0, 32));
    lab_true("without rows nothing is launched", true, "it is");
}

int main(void)
{
    lab_gpu_begin("Lab 36: RMSNorm by warps");
    check(4, 32, "forward", 1);
    check(1, 1, "forward", 1);
    check(3, 31, "reverse", 1e-3);
    check(7, 33, "random:1", 1);
    check(8, 64, "reverse", 1);
    for (size_t k = 0; k < 6; k++) {
        char order[30];
        snprintf(order, sizeof order, "random:%zu", k);
        check(lab_size(k, 1, ROWS), lab_size(k + 10, 1, WIDTH), order,
              k % 2 == 0 ? 1 : 1e-3);
    }
    check_no_rows();
    return lab_end();
}
