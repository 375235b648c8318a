#include "layers/norm.h"
#include "boundary/streams.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>
#include <string.h>

// Tests of adding
/* fails if elements past the last whole vector are left out */
START_TEST(adding_is_exact_for_integers_and_in_place)
{
    size_t n = _i < 34 ? (size_t)_i : 1031 * 384;
    real *a = test_reals(n), *b = test_reals(n);
    real *want = test_reals(n), *got = test_unset(n + 1);
    fill_integers(a, n, 1, 100);
    fill_integers(b, n, 2, 100);
    for (size_t i = 0; i < n; i++)
        want[i] = a[i] + b[i];
    streams_add(got, a, b, n);
    assert_same(got, want, n);
    ck_assert(isnan(got[n]));
    streams_add(a, a, b, n);
    assert_same(a, want, n);
}
END_TEST

// Tests of crossing at once
enum { ROWS = 37, WIDTH = 130, MANY = 1031, WIDE = 384 };

static const size_t widths[] = { 1, 2, 7, 16, 33, 130, WIDE };
static real *stream, *answer, *gain, *dnext, *dnormed;

static size_t rows_of(int i)
{
    return i <= ROWS ? (size_t)i : MANY;
}

static void fill_all(size_t rows, size_t width)
{
    size_t n = rows * width;
    stream = test_reals(n);
    answer = test_reals(n);
    gain = test_reals(width);
    dnext = test_reals(n);
    dnormed = test_reals(n);
    fill_normal(stream, n, 1, 1);
    fill_normal(answer, n, 2, 2);
    fill_normal(gain, width, 3, 1);
    fill_normal(dnext, n, 4, 1);
    fill_normal(dnormed, n, 5, 1);
}

/* fails if a last tile of fewer than eight rows is cut off, or run
   past */
START_TEST(crossing_at_once_is_adding_then_normalising_bit_for_bit)
{
    size_t rows = rows_of(_i);
    for (size_t k = 0; k < sizeof widths / sizeof widths[0]; k++) {
        size_t C = widths[k], n = rows * C;
        real *want[3] = { test_reals(n), test_reals(rows),
                          test_reals(n) };
        real *got[3] = { test_unset(n + 1), test_unset(rows + 1),
                         test_unset(n + 1) };
        fill_all(rows, C);
        streams_add(want[0], stream, answer, n);
        norm_forward(want[2], want[1], want[0], gain, rows, C);
        streams_cross(got[0], got[1], got[2], stream, answer, gain,
                      rows, C);
        assert_same(got[0], want[0], n);
        assert_same(got[1], want[1], rows);
        assert_same(got[2], want[2], n);
        ck_assert(isnan(got[0][n]) && isnan(got[1][rows]) &&
                  isnan(got[2][n]));
    }
}
END_TEST

// Crossing back at once
/* fails if dgain is set and not added to, or dnext is left out */
START_TEST(crossing_back_at_once_changes_no_bit)
{
    size_t rows = rows_of(_i);
    for (size_t k = 0; k < sizeof widths / sizeof widths[0]; k++) {
        size_t C = widths[k], n = rows * C;
        real *next = test_reals(n), *r = test_reals(rows);
        real *want = test_reals(n), *dgain = test_reals(C);
        real *got[3] = { test_unset(n), test_unset(n), test_reals(C) };
        fill_all(rows, C);
        fill_normal(dgain, C, 6, 1);
        fill_normal(got[2], C, 6, 1);
        streams_cross(next, r, test_reals(n), stream, answer, gain,
                      rows, C);
        memcpy(want, dnext, n * sizeof(real));
        norm_backward(want, dgain, dnormed, next, r, gain, rows, C,
                      true);
        streams_cross_backward(got[0], got[1], got[2], dnext, dnormed,
                               next, r, gain, rows, C);
        assert_same(got[0], want, n);
        assert_same(got[1], want, n);
        assert_same(got[2], dgain, C);
    }
}
END_TEST

/* fails if each thread adds up rows of its own for the gain */
START_TEST(crossing_does_not_depend_on_the_number_of_threads)
{
    size_t n = ROWS * WIDTH;
    real *got[2][5];
    fill_all(ROWS, WIDTH);
    for (int k = 0; k < 2; k++) {
        for (size_t i = 0; i < 5; i++)
            got[k][i] = test_reals(n);
        real **g = got[k];
        omp_set_num_threads(k + 1);
        streams_cross(g[0], g[1], g[2], stream, answer, gain, ROWS,
                      WIDTH);
        streams_cross_backward(g[2], g[3], g[4], dnext, dnormed, g[0],
                               g[1], gain, ROWS, WIDTH);
    }
    for (size_t i = 0; i < 5; i++)
        assert_same(got[1][i], got[0][i], i == 4 ? WIDTH
                                        : i == 1 ? ROWS : n);
}
END_TEST

// Crossing against differences
#ifdef REAL_IS_DOUBLE
static double weighted(void *unused)
{
    (void)unused;
    real *next = test_reals(15), *r = test_reals(3);
    real *normed = test_reals(15);
    double sum = 0;
    streams_cross(next, r, normed, stream, answer, gain, 3, 5);
    for (size_t i = 0; i < 15; i++)
        sum += dnext[i] * next[i] + dnormed[i] * normed[i];
    return sum;
}

/* fails if the norm's part along the row is not taken off */
START_TEST(crossing_back_gives_the_slopes_of_crossing)
{
    real *next = test_reals(15), *r = test_reals(3);
    real *d[3] = { test_reals(15), test_reals(15), test_reals(5) };
    fill_all(3, 5);
    streams_cross(next, r, test_reals(15), stream, answer, gain, 3, 5);
    streams_cross_backward(d[0], d[1], d[2], dnext, dnormed, next, r,
                           gain, 3, 5);
    assert_gradient(difference_check(weighted, NULL, stream, d[0], 15));
    assert_gradient(difference_check(weighted, NULL, answer, d[1], 15));
    assert_gradient(difference_check(weighted, NULL, gain, d[2], 5));
}
END_TEST
#endif

// The suite of the streams
Suite *streams_suite(void);
Suite *streams_suite(void)
{
    Suite *s = suite_create("streams");
    TCase *c = tcase_create("crossing");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, adding_is_exact_for_integers_and_in_place,
                        1, 35);
    tcase_add_loop_test(c,
        crossing_at_once_is_adding_then_normalising_bit_for_bit, 1,
        ROWS + 2);
    tcase_add_loop_test(c, crossing_back_at_once_changes_no_bit, 1,
                        ROWS + 2);
    tcase_add_test(c,
                   crossing_does_not_depend_on_the_number_of_threads);
#ifdef REAL_IS_DOUBLE
    tcase_add_test(c, crossing_back_gives_the_slopes_of_crossing);
#endif
    return s;
}
