#include "ground/reduction.h"
#include "ground/sizes.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"

static real term(struct operands o, size_t i)
{
    return o.a[i] + 2 * o.b[i] + 4 * o.c[i];
}

static real itself(struct operands o, size_t i)
{
    return o.a[i];
}

// Tests of the sum in lanes
/* fails if the last terms, fewer than
   sixteen, are left out or added twice */
START_TEST(sum_in_lanes_has_every_term_once)
{
    size_t count = size_at(_i);
    real *x = test_reals(3 * count), want = 0;
    fill_integers(x, 3 * count, 1, 1000);
    struct operands o = { x, x + count, x + 2 * count };
    for (size_t i = 0; i < count; i++)
        want += x[i] + 2 * x[count + i] + 4 * x[2 * count + i];
    ck_assert(sum_in_lanes(term, o, count) == want);
    ck_assert(sum_in_lanes(term, o, 0) == 0);
}
END_TEST

/* fails if the lanes are added one after the other, and not in pairs */
START_TEST(sum_in_lanes_keeps_the_order_it_promises)
{
    size_t count = size_at(_i);
    real *x = test_reals(count), lane[16] = { 0 };
    fill_normal(x, count, 2, 1);
    for (size_t i = 0; i < count; i++)
        lane[i % 16] += x[i];
    for (size_t l = 0; l < 8; l++)
        lane[l] += lane[l + 8];
    real want = ((lane[0] + lane[4]) + (lane[2] + lane[6]))
              + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
    real got = sum_in_lanes(itself, (struct operands){ .a = x }, count);
    assert_same(&got, &want, 1);
}
END_TEST

/* fails if a term of a long row is lost, if all terms are added one
   after the other, or doubles are added in single precision */
START_TEST(sum_in_lanes_rounds_little)
{
    enum { COUNT = (1 << 16) + 5 };
    real *x = test_reals(COUNT);
    fill_normal(x, COUNT, 3, 1);
    long double exact = 0;
    for (size_t i = 0; i < COUNT; i++) {
        x[i] = 1 + (real)fabs((double)x[i]);
        exact += (long double)x[i];
    }
    struct operands o = { .a = x };
    long double error = (long double)sum_in_lanes(itself, o, COUNT)
                      - exact;
    ck_assert(fabsl(error) <= 6 * (long double)REAL_EPSILON * exact);
}
END_TEST

// Tests of the largest
/* fails if largest skips a lane or the
   last elements, or begins with 0 */
START_TEST(largest_is_found_wherever_it_is)
{
    size_t count = size_at(_i);
    real *x = test_reals(count);
    for (size_t at = 0; at < count; at++) {
        for (size_t i = 0; i < count; i++)
            x[i] = -(real)(2 + (i * 7 + at) % 5);
        x[at] = -1;
        ck_assert(largest(x, count) == -1);
    }
}
END_TEST

/* fails if the number of slices is rounded down */
START_TEST(slices_have_at_most_64_channels)
{
    ck_assert_uint_eq(channel_slices(0), 0);
    ck_assert_uint_eq(channel_slices(1), 1);
    ck_assert_uint_eq(channel_slices(64), 1);
    ck_assert_uint_eq(channel_slices(65), 2);
    ck_assert_uint_eq(channel_slices(128), 2);
    ck_assert_uint_eq(channel_slices(129), 3);
}
END_TEST

// The suite of the reductions
Suite *reduction_suite(void);
Suite *reduction_suite(void)
{
    Suite *s = suite_create("reduction");
    TCase *c = tcase_create("lanes");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, sum_in_lanes_has_every_term_once, 0, SIZES);
    tcase_add_loop_test(c, sum_in_lanes_keeps_the_order_it_promises,
                        0, SIZES);
    tcase_add_test(c, sum_in_lanes_rounds_little);
    tcase_add_loop_test(c, largest_is_found_wherever_it_is, 0, SIZES);
    tcase_add_test(c, slices_have_at_most_64_channels);
    return s;
}
