#include "support/lab_kernels.h"
#include "support/fill.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { ROWS = 3, WIDTH = 2200 };
static real x[ROWS * WIDTH], out[ROWS * WIDTH], want[ROWS * WIDTH];

// Mistakes in a norm by blocks
enum mistake { NONE, SIXTEEN, HALF, ONE_WARP, TO_A_POWER, RAGGED,
               MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "a sum over the first sixteen warps",
    "a sum over half of the warps",
    "a sum over one warp",
    "a sum over as many warps as a power of two has",
    "a sum without what a block's last turn leaves over" };

static bool counts(size_t c, size_t width, size_t threads,
                   enum mistake mistake)
{
    const size_t warp = c % threads / 32, warps = threads / 32;
    size_t power = 1;
    while (2 * power <= warps)
        power *= 2;
    return mistake == SIXTEEN ? warp < 16
        : mistake == HALF ? warp < (warps + 1) / 2
        : mistake == ONE_WARP ? warp == 0
        : mistake == TO_A_POWER ? warp < power
        : mistake == RAGGED ? c < width / threads * threads : true;
}

static void norm(size_t rows, size_t width, size_t threads,
                 enum mistake mistake)
{
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t c = 0; c < width; c++) {
            const double v = (double)x[r * width + c];
            if (counts(c, width, threads, mistake))
                sum += v * v;
        }
        for (size_t c = 0; c < width; c++)
            want[r * width + c] = (real)((double)x[r * width + c]
                                         / sqrt(sum / (double)width));
    }
}

// Check a norm by blocks
static bool only_lane_0(size_t all, size_t width, size_t threads)
{
    bool first = true, others = true;
    for (size_t i = 0; i < all; i++) {
        const bool right = fabsf(out[i] - want[i])
                        <= 1e-5f * fabsf(want[i]);
        if (i % width % threads % 32 == 0)
            first = first && right;
        else
            others = others && right;
    }
    return first && !others;
}

static void check(size_t rows, size_t width, unsigned threads,
                  const char *order)
{
    static size_t cases;
    const size_t all = rows * width, shape[] = { rows, width };
    char what[80];
    fill_normal(x, all, ++cases, 1);
    lab_input("x", x, all * sizeof *x);
    lab_unset(out, all);
    lab_gpu_call(order,
        float *gpu_x = lab_gpu(x, all), *gpu_out = lab_gpu(out, all);
        normalise_by_blocks(gpu_out, gpu_x, rows, width, threads));
    snprintf(what, sizeof what, "out, blocks of %u, %zu rows of %zu",
             threads, rows, width);
    if (rows == 0) {
        lab_true(what, true, "it launches something");
        return;
    }
    norm(rows, width, threads, NONE);
    lab_axes("rc");
    if (lab_compare(what, out, want, shape, 2, 1e-5))
        return;
    if (only_lane_0(all, width, threads))
        lab_mistake("only lane 0 of each warp has the total", out);
    for (int m = SIXTEEN; m < MISTAKES; m++) {
        norm(rows, width, threads, (enum mistake)m);
        lab_mistake(saying[m], want);
    }
}

int main(void)
{
    lab_gpu_begin("Lab 40: half of the lanes");
    for (unsigned threads = 32; threads <= 1024; threads += 32) {
        check(2, threads + 1 + threads % 5, threads, "forward");
        check(1, lab_size(threads, 1, WIDTH), threads, "random:1");
    }
    for (unsigned threads = 32; threads <= 1024; threads *= 2)
        check(1, threads / 32, threads, "reverse");
    check(0, 8, 64, "forward");
    return lab_end();
}
