#include "layers/norm.h"
#include "support/fill.h"
#include "support/lab.h"
#include <stdlib.h>
#include <string.h>

enum mistake { NONE, NO_PROJECTION, NO_GAIN, GAINLESS, NO_WIDTH, PLUS,
               RAW_X, NOT_SCALED, FIRST_ROW, RAW_GAIN, LAST_ROW };

// The gradients of the norm, with or without a mistake
static void gradients(double *dx, double *dgain, const real *dout,
                      const real *x, const real *gain, size_t rows,
                      size_t width, enum mistake mistake)
{
    double first = 0;
    for (size_t t = 0; t < rows; t++, x += width, dout += width) {
        double square = 0, along = 0;
        for (size_t c = 0; c < width; c++)
            square += (double)x[c] * (double)x[c];
        double r = 1 / sqrt(square / (double)width + 1e-6);
        if (t > 0 && mistake == FIRST_ROW)
            r = first;
        first = r;
        // Let along be what the mistake makes of it
        for (size_t c = 0; c < width; c++)
            along += (mistake == NO_GAIN || mistake == GAINLESS
                      ? 1 : (double)gain[c])
                   * (double)dout[c] * (double)x[c] * r;
        if (mistake != NO_WIDTH)
            along /= (double)width;
        if (mistake == NO_PROJECTION || mistake == PLUS)
            along *= mistake == PLUS ? -1 : 0;
        for (size_t c = 0; c < width; c++) {
            double h = (double)x[c] * r;
            double u = (mistake == GAINLESS ? 1 : (double)gain[c])
                     * (double)dout[c];
            *dx++ += (mistake == NOT_SCALED ? 1 : r)
                   * (u - along * (mistake == RAW_X ? (double)x[c]
                                                    : h));
            if (mistake == LAST_ROW && t + 1 < rows)
                continue;
            dgain[c] += (double)dout[c] *
                        (mistake == RAW_GAIN ? (double)x[c] : h);
        }
    }
}

// Check one size of the norm
static real *reals(const double *x, size_t count)
{
    real *copy = test_reals(count);
    for (size_t i = 0; i < count; i++)
        copy[i] = (real)x[i];
    return copy;
}

static double *doubles(const real *x, size_t count)
{
    double *copy = calloc(count, sizeof *copy);
    if (copy == NULL)
        abort();
    for (size_t i = 0; i < count; i++)
        copy[i] = (double)x[i];
    return copy;
}

struct sizes { size_t rows, width; bool add; };

/* what dx (or dgain) holds after an answer with this mistake */
static real *after(enum mistake mistake, bool want_dx,
                   struct sizes s, const real *start,
                   const real *start_gain, const real *dout,
                   const real *x, const real *gain)
{
    size_t count = s.rows * s.width;
    double *dx = doubles(start, count);
    double *dgain = doubles(start_gain, s.width);
    for (size_t i = 0; i < count && !s.add; i++)
        dx[i] = 0;
    gradients(dx, dgain, dout, x, gain, s.rows, s.width, mistake);
    real *result = want_dx ? reals(dx, count) : reals(dgain, s.width);
    free(dx);
    free(dgain);
    return result;
}

static void check(size_t rows, size_t width, bool add, double spread)
{
    size_t count = rows * width;
    struct sizes s = { rows, width, add };
    const size_t shape[] = { rows, width };
    char what[80];
    real *x = test_reals(count), *dout = test_reals(count);
    real *gain = test_reals(width), *out = test_reals(count);
    real *r = test_reals(rows), *start = test_reals(count);
    real *start_gain = test_reals(width);
    real *dx = test_reals(count), *dgain = test_reals(width);
    fill_normal(x, count, 1, spread);
    fill_normal(dout, count, 2, 1);
    fill_normal(gain, width, 3, 1);
    fill_normal(start, count, 4, 1);
    fill_normal(start_gain, width, 5, 3);
    norm_forward(out, r, x, gain, rows, width);
    lab_input("dout", dout, count * sizeof(real));
    lab_input("x", x, count * sizeof(real));
    lab_input("inverse_rms", r, rows * sizeof(real));
    lab_input("gain", gain, width * sizeof(real));
    if (add)
        lab_start(dx, start, count);
    else
        lab_unset(dx, count);
    lab_start(dgain, start_gain, width);
    lab_call(norm_backward(dx, dgain, dout, x, r, gain, rows, width,
                           add));
    lab_axes("tc");
    lab_axes("c");
    // Compare dx and look for known mistakes
    static const struct { enum mistake mistake; const char *saying; }
    known[] = {
        { NO_PROJECTION, "the gradient without the projection term" },
        { NO_GAIN, "a projection of dout in place of gain * dout" },
        { GAINLESS, "a gradient without gain" },
        { NO_WIDTH, "a projection that is not divided by the width" },
        { PLUS, "a projection that was added, not subtracted" },
        { RAW_X, "a projection on x in place of x * r" },
        { NOT_SCALED, "a gradient that lacks the factor r" },
        { FIRST_ROW, "the first row's inverse_rms for all rows" },
    };
    #define AFTER(mistake, want_dx) \
        after(mistake, want_dx, s, start, start_gain, dout, x, gain)
    snprintf(what, sizeof what, "dx, rows %zu, width %zu%s", rows, width,
             add ? ", added" : "");
    if (!lab_compare(what, dx, AFTER(NONE, true), shape, 2, 1e-5))
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            lab_mistake(known[k].saying, AFTER(known[k].mistake, true));
    // Compare dgain and look for known mistakes
    snprintf(what, sizeof what, "dgain, rows %zu, width %zu", rows, width);
    if (!lab_compare(what, dgain, AFTER(NONE, false), shape + 1, 1, 1e-5)) {
        lab_mistake("a gain's gradient with x in place of x * r",
                    AFTER(RAW_GAIN, false));
        lab_mistake("the first row's inverse_rms for all rows",
                    AFTER(FIRST_ROW, false));
        start_gain = test_reals(width);
        lab_mistake("the last row's part of dgain alone: = in the place of"
                    " +=", AFTER(LAST_ROW, false));
    }
    // See whether dx is perpendicular to x
    double inner = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)(dx[i] - (add ? start[i] : 0));
        inner += d * (double)x[i];
        size += fabs(d * (double)x[i]);
    }
    if (spread > 1)             /* else epsilon is not small */
        lab_true("dx is perpendicular to x", fabs(inner) <= 1e-4 * size &&
                 size > 0, "the inner product of dx and x is %g; moving x "
                 "along itself changes nothing, so it should vanish",
                 inner);
}

// Check that no addition is lost
enum { CALLS = 20, NARROW = 8 };

static void check_threads(void)
{
    const size_t rows = lab_size(4, 200000, 300000);
    real *ones = test_reals(rows * NARROW);
    real *dx = test_reals(rows * NARROW), dgain[NARROW];
    for (size_t i = 0; i < rows * NARROW; i++)
        ones[i] = 1;
    lab_start(dgain, dx, NARROW);
    lab_call(for (int call = 0; call < CALLS; call++)
                 norm_backward(dx, dgain, ones, ones, ones, ones, rows,
                               NARROW, false));
    lab_ones("dgain, many rows of ones", dgain, NARROW,
             (double)(CALLS * rows));
    real *wide = test_reals(rows);
    size_t lost = 1;            /* all of dx should be 0 */
    lab_output(&lost, sizeof lost);
    lab_call(size_t wrong = 0;
    for (int call = 0; call < CALLS; call++) {
        norm_backward(dx, wide, ones, ones, ones, ones, 4, rows, false);
        for (size_t i = 0; i < 4 * rows; i++)
            wrong += dx[i] != 0;
    }
    lost = wrong);
    lab_true("dx, wide rows of ones", lost == 0, "%zu numbers are "
             "not 0: do several threads add to the same sum?", lost);
}

static void check_overwritten(void)
{
    const real x[2] = { 1, 1 }, gain[2] = { 1, 1 }, r = 1;
    const real nans[2] = { NAN, NAN }, dout[2] = { 2, 4 };
    real dx[2], dgain[2] = { 0, 0 };
    lab_start(dx, nans, 2);
    lab_call(norm_backward(dx, dgain, dout, x, &r, gain, 1, 2, false));
    lab_true("dx, where a NaN stood", dx[0] == -1 && dx[1] == 1,
             "it is overwritten, not multiplied by 0: a NaN stays one");
}

int main(void)
{
    lab_begin("Lab 04: the gradient of RMSNorm");
    check(3, 37, false, 2);
    check(lab_size(1, 6, 40), lab_size(2, 1025, 1300), true, 2);
    check(3, 20, true, 1e-3);
    check(1, lab_size(3, 8, 40), false, 1e3);
    check_overwritten();
    check_threads();
    return lab_end();
}
