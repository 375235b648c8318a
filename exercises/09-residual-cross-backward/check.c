#include "streams/streams.h"
#include "support/fill.h"
#include "support/lab.h"
#include <math.h>
#include <string.h>

enum mistake { NONE, NO_STREAM, NO_NORM, NO_PROJECTION, HALF };

// What should come back over the boundary
static void reference(real *d, double *dgain, const real *dnext,
                      const real *dnormed, const real *next,
                      const real *gain, size_t rows, size_t width,
                      enum mistake mistake)
{
    for (size_t t = 0; t < rows; t++) {
        const real *x = next + t * width, *dy = dnormed + t * width;
        double square = 0, along = 0;
        for (size_t c = 0; c < width; c++)
            square += (double)x[c] * (double)x[c];
        double r = 1 / sqrt(square / (double)width + 1e-6);
        for (size_t c = 0; c < width; c++)
            along += (double)gain[c] * (double)dy[c] * (double)x[c] * r
                   / (double)width;
        for (size_t c = 0; c < width; c++) {
            double h = (double)x[c] * r, kept = along * h;
            double u = (double)gain[c] * (double)dy[c];
            double path = (double)dnext[t * width + c];
            if (mistake == NO_PROJECTION)
                kept = 0;
            double norm = r * (u - kept);
            double sum = (mistake == NO_STREAM ? 0 : path)
                       + (mistake == NO_NORM ? 0 : norm);
            d[t * width + c] = (real)(mistake == HALF ? sum / 2 : sum);
            dgain[c] += (double)dy[c] * h;
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
static void check(size_t rows, size_t width)
{
    size_t n = rows * width;
    real *x[4];
    for (size_t i = 0; i < 4; i++) {
        x[i] = test_reals(n);
        fill_normal(x[i], n, 10 + i, i == 1 ? 3 : 1);
    }
    real *dnext = x[0], *dnormed = x[1], *next = x[2], *gain = x[3];
    real *r = test_reals(rows), *scratch = test_reals(n);
    real *dstream = test_reals(n), *danswer = test_reals(n);
    real *dgain = test_reals(width), *before = test_reals(width);
    real *want = test_reals(width);
    double *sums = (double *)(void *)test_reals(2 * width);
    reference(scratch, sums, dnext, dnormed, next, gain, rows, width,
              NONE);
    for (size_t t = 0; t < rows; t++) {
        double square = 0;
        for (size_t c = 0; c < width; c++)
            square += (double)next[t * width + c]
                    * (double)next[t * width + c];
        r[t] = (real)(1 / sqrt(square / (double)width + 1e-6));
    }
    fill_normal(before, width, 20, 1);
    memcpy(dgain, before, width * sizeof(real));
    streams_cross_backward(dstream, danswer, dgain, dnext, dnormed,
                           next, r, gain, rows, width);
    compare("dstream", dstream, dnext, dnormed, next, gain, rows,
            width);
    compare("danswer", danswer, dnext, dnormed, next, gain, rows,
            width);
    for (size_t c = 0; c < width; c++)
        want[c] = (real)((double)before[c] + sums[c]);
    if (lab_compare("dgain", dgain, want, &width, 1, 1e-4))
        return;
    for (size_t c = 0; c < width; c++)
        want[c] = (real)sums[c];
    lab_mistake("a gain's gradient that overwrote what was there",
                want);
}

int main(void)
{
    lab_begin("Lab 09: back over a boundary, in one sweep");
    check(1, 8);
    check(3, 37);
    check(5, 130);
    return lab_end();
}
