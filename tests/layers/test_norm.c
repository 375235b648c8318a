#include "layers/norm.h"
#include "ground/sizes.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>

// The norm in plain loops
static double plain_r(const real *x, size_t width)
{
    double sum = 0;
    for (size_t c = 0; c < width; c++)
        sum += (double)x[c] * (double)x[c];
    return 1 / sqrt(sum / (double)width + 1e-6);
}

static void plain_backward(real *dx, real *dgain, const real *dout,
                           const real *x, const real *gain,
                           size_t rows, size_t width)
{
    for (size_t t = 0; t < rows; t++, x += width, dout += width) {
        double r = plain_r(x, width), along = 0;
        for (size_t c = 0; c < width; c++)
            along += (double)gain[c] * (double)dout[c] *
                     (double)x[c] * r;
        along /= (double)width;
        for (size_t c = 0; c < width; c++) {
            double u = (double)gain[c] * (double)dout[c];
            *dx++ = (real)(r * (u - along * (double)x[c] * r));
            dgain[c] += (real)((double)dout[c] * (double)x[c] * r);
        }
    }
}

// Tests of the norm by hand
/* fails if the projection is not divided by
   the width, or a factor r is missing */
START_TEST(norm_does_the_example)
{
    real x[] = { 1, 7 }, gain[] = { 2, 0.5 }, dout[] = { 1, 1 };
    real want[] = { (real)0.4, (real)0.7 }, r = (real)0.2;
    real want_dx[] = { (real)0.378, (real)-0.054 };
    real want_dgain[] = { (real)0.2, (real)1.4 };
    real out[2], inverse_rms[1], dx[2], dgain[2] = { 0 };
    norm_forward(out, inverse_rms, x, gain, 1, 2);
    assert_close(out, want, 2, 1e-6);
    assert_close(inverse_rms, &r, 1, 1e-6);
    norm_backward(dx, dgain, dout, x, inverse_rms, gain, 1, 2, false);
    assert_close(dx, want_dx, 2, 1e-6);
    assert_close(dgain, want_dgain, 2, 1e-6);
}
END_TEST
/* fails if epsilon stands outside the root, or is not 1e-6 */
START_TEST(norm_has_its_epsilon_in_the_root)
{
    real x[] = { 0, 0, 0, (real)1e-3, (real)1e-3, (real)-1e-3 };
    real gain[] = { 1, 1, 1 }, out[6], inverse_rms[2];
    real want[] = { 1000, (real)707.10678 };
    norm_forward(out, inverse_rms, x, gain, 2, 3);
    assert_close(inverse_rms, want, 2, 1e-6);
    ck_assert(out[0] == 0 && out[1] == 0 && out[2] == 0);
}
END_TEST

// Tests of the norm by plain loops
enum { ROWS = 7 };
static const double close = 64 * REAL_EPSILON;

/* fails if the sum of squares leaves
   out channels at the end of a row */
START_TEST(norm_is_what_plain_loops_give)
{
    size_t width = size_at(_i), rows = rows_at(_i, ROWS);
    size_t count = rows * width;
    real *x = test_reals(count), *gain = test_reals(width);
    real *out = test_unset(count), *want = test_reals(count);
    real *inverse_rms = test_unset(rows), *r = test_reals(rows);
    fill_normal(x, count, 1, 3);
    fill_normal(gain, width, 2, 1);
    for (size_t t = 0; t < rows; t++) {
        r[t] = (real)plain_r(x + t * width, width);
        for (size_t c = 0; c < width; c++)
            want[t * width + c] = gain[c] * x[t * width + c] * r[t];
    }
    norm_forward(out, inverse_rms, x, gain, rows, width);
    assert_close(inverse_rms, r, rows, close);
    assert_close(out, want, count, close);
}
END_TEST

/* fails if dgain is overwritten, or its
   last slice of channels is cut short */
START_TEST(norm_backward_is_what_plain_loops_give)
{
    size_t width = size_at(_i), rows = rows_at(_i, ROWS);
    size_t count = rows * width;
    real *x = test_reals(count), *gain = test_reals(width);
    real *dout = test_reals(count), *out = test_reals(count);
    real *inverse_rms = test_reals(rows);
    real *dx = test_unset(count), *want = test_reals(count);
    real *dgain = test_reals(width), *want_dgain = test_reals(width);
    fill_normal(x, count, 1, 3);
    fill_normal(gain, width, 2, 1);
    fill_normal(dout, count, 3, 1);
    fill_normal(dgain, width, 4, 1);
    memcpy(want_dgain, dgain, width * sizeof(real));
    plain_backward(want, want_dgain, dout, x, gain, rows, width);
    norm_forward(out, inverse_rms, x, gain, rows, width);
    norm_backward(dx, dgain, dout, x, inverse_rms, gain, rows, width,
                  false);
    // Compare the gradients, but for a width of 1
    if (width > 1)
        assert_close(dx, want, count, close);
    for (size_t t = 0; width == 1 && t < rows; t++)
        ck_assert(fabs((double)dx[t]) <=
                  (1e-4 + close) * fabs((double)inverse_rms[t]));
    assert_close(dgain, want_dgain, width, close);
}
END_TEST
/* fails if add is ignored, and dx overwritten */
START_TEST(norm_backward_adds_when_told_to)
{
    enum { WIDTH = 37, COUNT = ROWS * WIDTH };
    real *x = test_reals(COUNT), *dout = test_reals(COUNT);
    real *gain = test_reals(WIDTH), *dgain = test_reals(WIDTH);
    real *out = test_reals(COUNT), *inverse_rms = test_reals(ROWS);
    real *alone = test_unset(COUNT), *onto = test_reals(COUNT);
    real *want = test_reals(COUNT);
    fill_normal(x, COUNT, 5, 1);
    fill_normal(dout, COUNT, 6, 1);
    fill_normal(gain, WIDTH, 7, 1);
    fill_normal(onto, COUNT, 8, 1);
    norm_forward(out, inverse_rms, x, gain, ROWS, WIDTH);
    norm_backward(alone, dgain, dout, x, inverse_rms, gain, ROWS, WIDTH,
                  false);
    for (size_t i = 0; i < COUNT; i++)
        want[i] = onto[i] + alone[i];
    norm_backward(onto, dgain, dout, x, inverse_rms, gain, ROWS, WIDTH,
                  true);
    assert_same(onto, want, COUNT);
}
END_TEST

// Properties of the norm
/* fails if epsilon is so large that it
   shows, or squares of 1e15 overflow */
START_TEST(norm_ignores_the_scale_of_its_input)
{
    static const double scales[] = { 16, 1e2, 1e6, 1e15 };
    enum { WIDTH = 100 };
    real *x = test_reals(WIDTH), *scaled = test_reals(WIDTH);
    real *want = test_reals(WIDTH), *got = test_reals(WIDTH);
    real gain[WIDTH], inverse_rms[1];
    fill_normal(x, WIDTH, 9, 1);
    fill_normal(gain, WIDTH, 10, 1);
    norm_forward(want, inverse_rms, x, gain, 1, WIDTH);
    for (size_t c = 0; c < WIDTH; c++)
        scaled[c] = (real)(scales[_i] * (double)x[c]);
    norm_forward(got, inverse_rms, scaled, gain, 1, WIDTH);
    assert_close(got, want, WIDTH, 1e-5);
}
END_TEST

/* fails if the part along x is not taken out of the gradient */
START_TEST(norm_gradient_is_perpendicular_to_its_input)
{
    static const double scales[] = { 16, 1e2, 1e6, 1e15 };
    enum { WIDTH = 100 };
    real x[WIDTH], dout[WIDTH], gain[WIDTH], out[WIDTH], dx[WIDTH];
    real inverse_rms[1], dgain[WIDTH] = { 0 };
    fill_normal(x, WIDTH, 11, scales[_i]);
    fill_normal(gain, WIDTH, 12, 1);
    fill_normal(dout, WIDTH, 13, 1);
    norm_forward(out, inverse_rms, x, gain, 1, WIDTH);
    norm_backward(dx, dgain, dout, x, inverse_rms, gain, 1, WIDTH,
                  false);
    double inner = 0, xx = 0, dd = 0;
    for (size_t c = 0; c < WIDTH; c++) {
        inner += (double)x[c] * (double)dx[c];
        xx += (double)x[c] * (double)x[c];
        dd += (double)dx[c] * (double)dx[c];
    }
    ck_assert(dd > 0 && fabs(inner) <= 1e-4 * sqrt(xx) * sqrt(dd));
}
END_TEST

/* fails if threads share the rows in the sum of dgain */
START_TEST(norm_does_not_depend_on_threads)
{
    enum { WIDTH = 200, COUNT = ROWS * WIDTH };
    real *x = test_reals(COUNT), *dout = test_reals(COUNT);
    real *gain = test_reals(WIDTH), *all[3];
    fill_normal(x, COUNT, 14, 1);
    fill_normal(dout, COUNT, 15, 1);
    fill_normal(gain, WIDTH, 16, 1);
    for (int k = 0; k < 3; k++) {
        real *out = all[k] = test_reals(2 * COUNT + WIDTH + ROWS);
        real *dx = out + COUNT, *dgain = dx + COUNT, *r = dgain + WIDTH;
        omp_set_num_threads(k + 1);
        norm_forward(out, r, x, gain, ROWS, WIDTH);
        norm_backward(dx, dgain, dout, x, r, gain, ROWS, WIDTH, false);
    }
    assert_same(all[1], all[0], 2 * COUNT + WIDTH + ROWS);
    assert_same(all[2], all[0], 2 * COUNT + WIDTH + ROWS);
}
END_TEST

// The norm against central differences
#ifdef REAL_IS_DOUBLE
struct trial { size_t width; real *x, *gain, *weights, *out, *r; };

static double weighted(void *context)
{
    struct trial *n = context;
    double sum = 0;
    norm_forward(n->out, n->r, n->x, n->gain, ROWS, n->width);
    for (size_t i = 0; i < ROWS * n->width; i++)
        sum += n->weights[i] * n->out[i];
    return sum;
}

/* fails if text and code agree on a gradient that is not the slope */
START_TEST(norm_gradient_is_the_slope)
{
    size_t width = _i == 0 ? 5 : 70, count = ROWS * width;
    struct trial n = { width, test_reals(count), test_reals(width),
                       test_reals(count), test_reals(count),
                       test_reals(ROWS) };
    real *dx = test_unset(count), *dgain = test_reals(width);
    fill_normal(n.x, count, 17, 1);
    fill_normal(n.x, width, 18, 0.05);
    fill_normal(n.gain, width, 19, 1);
    fill_normal(n.weights, count, 20, 1);
    weighted(&n);
    norm_backward(dx, dgain, n.weights, n.x, n.r, n.gain, ROWS, width,
                  false);
    assert_gradient(difference_check(weighted, &n, n.x, dx, count));
    assert_gradient(difference_check(weighted, &n, n.gain, dgain,
                                     width));
}
END_TEST
#endif

// The suite of the norm
Suite *norm_suite(void);
Suite *norm_suite(void)
{
    Suite *s = suite_create("norm");
    TCase *c = tcase_create("norm");
    suite_add_tcase(s, c);
    tcase_add_test(c, norm_does_the_example);
    tcase_add_test(c, norm_has_its_epsilon_in_the_root);
    tcase_add_loop_test(c, norm_is_what_plain_loops_give, 0, SIZES);
    tcase_add_loop_test(c, norm_backward_is_what_plain_loops_give,
                        0, SIZES);
    tcase_add_test(c, norm_backward_adds_when_told_to);
    tcase_add_loop_test(c, norm_ignores_the_scale_of_its_input, 0, 4);
    tcase_add_loop_test(c, norm_gradient_is_perpendicular_to_its_input,
                        0, 4);
    tcase_add_test(c, norm_does_not_depend_on_threads);
#ifdef REAL_IS_DOUBLE
    tcase_add_loop_test(c, norm_gradient_is_the_slope, 0, 2);
#endif
    return s;
}
