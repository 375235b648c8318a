#include "boundary/streams.h"
#include "support/fill.h"
#include "support/lab.h"
#include <math.h>
#include <string.h>

enum mistake { NONE, NO_STREAM, NO_NORM, NO_PROJECTION, NO_WIDTH,
               GAINLESS, NOT_SCALED, FIRST_ROW, HALF, RAW_GAIN };

// What should come back over the boundary
static void reference(real *d, double *dgain, const real *dnext,
                      const real *dnormed, const real *next,
                      const real *gain, size_t rows, size_t width,
                      enum mistake mistake)
{
    double first = 0;
    for (size_t t = 0; t < rows; t++) {
        const real *x = next + t * width, *dy = dnormed + t * width;
        double square = 0, along = 0;
        for (size_t c = 0; c < width; c++)
            square += (double)x[c] * (double)x[c];
        double r = 1 / sqrt(square / (double)width + 1e-6);
        double by = mistake == NO_WIDTH ? 1 : 1 / (double)width;
        r = mistake == FIRST_ROW && t > 0 ? first : r;
        first = r;
        for (size_t c = 0; c < width; c++)
            along += by * (double)dy[c] * (double)x[c] * r
                   * (mistake == GAINLESS ? 1 : (double)gain[c]);
        for (size_t c = 0; c < width; c++) {
            double h = (double)x[c] * r;
            double kept = mistake == NO_PROJECTION ? 0 : along * h;
            double u = (mistake == GAINLESS ? 1 : (double)gain[c])
                     * (double)dy[c];
            double path = (double)dnext[t * width + c];
            double norm = (mistake == NOT_SCALED ? 1 : r) * (u - kept);
            double sum = (mistake == NO_STREAM ? 0 : path)
                       + (mistake == NO_NORM ? 0 : norm);
            d[t * width + c] = (real)(mistake == HALF ? sum / 2 : sum);
            dgain[c] += (double)dy[c] * (mistake == RAW_GAIN
                                         ? (double)x[c] : h);
        }
    }
}

// Check one size of the boundary
static const struct { enum mistake mistake; const char *saying; }
known[] = {
    { NO_STREAM,
      "the gradient without what came back along the stream" },
    { NO_NORM, "the gradient without what came back through the norm" },
    { NO_PROJECTION,
      "the gradient without the projection of the norm" },
    { NO_WIDTH, "a projection that is not divided by the width" },
    { GAINLESS, "a gradient of the norm without gain" },
    { NOT_SCALED, "a gradient of the norm that lacks the factor r" },
    { FIRST_ROW, "the first row's inverse_rms for all rows" },
    { HALF, "a gradient shared out between stream and answer" },
};

static void compare(const char *what, const real *got,
                    const real *dnext, const real *dnormed,
                    const real *next, const real *gain, size_t rows,
                    size_t width)
{
    real *want = test_reals(rows * width);
    double *unused = (double *)(void *)test_reals(2 * width);
    reference(want, unused, dnext, dnormed, next, gain, rows, width,
              NONE);
    const size_t shape[2] = { rows, width };
    if (lab_compare(what, got, want, shape, 2, 1e-4))
        return;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        reference(want, unused, dnext, dnormed, next, gain, rows, width,
                  known[i].mistake);
        lab_mistake(known[i].saying, want);
    }
}

// Check the gain's gradient, too
static void check(size_t rows, size_t width, double spread)
{
    size_t n = rows * width;
    real *x[4];
    for (size_t i = 0; i < 4; i++) {
        x[i] = test_reals(n);
        fill_normal(x[i], n, 10 + i, i == 1 ? 3 : i == 2 ? spread : 1);
    }
    real *dnext = x[0], *dnormed = x[1], *next = x[2], *gain = x[3];
    real *r = test_reals(rows), *scratch = test_reals(n);
    real *dstream = test_reals(n), *danswer = test_reals(n);
    real *dgain = test_reals(width), *before = test_reals(width);
    real *want = test_reals(width);
    double *sums = (double *)(void *)test_reals(2 * width);
    double *raw = (double *)(void *)test_reals(2 * width);
    for (size_t t = 0; t < rows; t++) {
        double square = 0;
        for (size_t c = 0; c < width; c++)
            square += (double)next[t * width + c]
                    * (double)next[t * width + c];
        r[t] = (real)(1 / sqrt(square / (double)width + 1e-6));
    }
    fill_normal(before, width, 20, 1);
    lab_input("dnext", dnext, n * sizeof(real));
    lab_input("dnormed", dnormed, n * sizeof(real));
    lab_input("next", next, n * sizeof(real));
    lab_input("inverse_rms", r, rows * sizeof(real));
    lab_input("gain", gain, width * sizeof(real));
    lab_unset(dstream, n);
    lab_unset(danswer, n);
    lab_start(dgain, before, width);
    lab_call(streams_cross_backward(dstream, danswer, dgain, dnext,
                                    dnormed, next, r, gain, rows,
                                    width));
    reference(scratch, sums, dnext, dnormed, next, gain, rows, width,
              NONE);
    reference(scratch, raw, dnext, dnormed, next, gain, rows, width,
              RAW_GAIN);
    lab_axes("tc");
    lab_axes("c");
    compare("dstream", dstream, dnext, dnormed, next, gain, rows,
            width);
    compare("danswer", danswer, dnext, dnormed, next, gain, rows,
            width);
    for (size_t c = 0; c < width; c++)
        want[c] = (real)((double)before[c] + sums[c]);
    if (lab_compare("dgain", dgain, want, &width, 1, 1e-4))
        return;
    for (size_t c = 0; c < width; c++)
        want[c] = (real)((double)before[c] + raw[c]);
    lab_mistake("a gain's gradient with next in place of next * r",
                want);
}

// Check that no row is lost
enum { CALLS = 20, NARROW = 8 };

static void check_threads(void)
{
    const size_t rows = lab_size(4, 200000, 300000);
    real *ones = test_reals(rows * NARROW);
    real *d = test_reals(rows * NARROW), *e = test_reals(rows * NARROW);
    real dgain[NARROW];
    for (size_t i = 0; i < rows * NARROW; i++)
        ones[i] = 1;
    lab_start(dgain, d, NARROW);
    lab_call(for (int call = 0; call < CALLS; call++)
                 streams_cross_backward(d, e, dgain, ones, ones, ones,
                                        ones, ones, rows, NARROW));
    lab_ones("dgain, many rows of ones", dgain, NARROW,
             (double)(CALLS * rows));
}

int main(void)
{
    lab_begin("Lab 09: back over a boundary, in one sweep");
    check(1, lab_size(1, 8, 40), 100);
    check(3, 37, 1);
    check(lab_size(2, 6, 40), lab_size(3, 1025, 1300), 1);
    check(2, lab_size(5, 4097, 6000), 1);
    check(3, 20, 1e-3);
    check_threads();
    return lab_end();
}
