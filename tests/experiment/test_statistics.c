#include <math.h>
#include "experiment/statistics.h"
#include "ground/random.h"
#include "support/suite.h"

// Tests of the statistics
/* fails if the integral has a wrong weight, or is cut off too early */
START_TEST(tails_are_those_of_the_closed_forms)
{
    for (double t = -30; t <= 30; t += 0.37) {
        ck_assert_double_eq_tol(student_tail(t, 1, 0),
                                0.5 - atan(t) / M_PI, 1e-12);
        ck_assert_double_eq_tol(student_tail(t, 2, 0),
                                0.5 - t / (2 * sqrt(2 + t * t)), 1e-12);
    }
}
END_TEST
static const struct { double p, freedom, t; } printed[] = {
    { .975, 1, 12.706 }, { .975, 2, 4.303 }, { .975, 4, 2.776 },
    { .975, 7, 2.365 }, { .975, 30, 2.042 }, { .95, 5, 2.015 },
    { .995, 5, 4.032 }, { .9995, 10, 4.587 }, { .975, 1e6, 1.960 },
    { .25, 3, -0.765 },
};

/* fails if a quantile of one tail is taken for that of two */
START_TEST(quantiles_are_those_of_the_printed_table)
{
    ck_assert_double_eq_tol(
        student_quantile(printed[_i].p, printed[_i].freedom),
        printed[_i].t, 0.0005000001);
}
END_TEST
/* fails if the deviation is over n and not n - 1, or the half-width
   lacks the root of n */
START_TEST(an_interval_worked_out_by_hand)
{
    double left[] = { 1.60, 1.65, 1.61, 1.66 };
    double right[] = { 1.62, 1.66, 1.64, 1.68 };
    struct paired r = paired_interval(left, right, 4, 0.95);
    ck_assert_double_eq_tol(r.mean, -0.02, 1e-15);
    ck_assert_double_eq_tol(r.deviation, sqrt(2e-4 / 3), 1e-15);
    ck_assert_double_eq_tol(r.half, 3.18245 * r.deviation / 2, 1e-7);
    double t = 0.02 / (r.deviation / 2);
    ck_assert_double_eq_tol(r.p, 2 * student_tail(t, 3, 0), 1e-14);
    ck_assert_double_lt(r.p, 0.05);
}
END_TEST
/* fails if equal arms give 0/0, or a lost run is passed over in silence
   */
START_TEST(equal_arms_and_lost_runs_show_nothing)
{
    double left[] = { 1.5, 1.75, 2 }, right[] = { 1.5, 1.75, 2 };
    struct paired r = paired_interval(left, right, 3, 0.95);
    ck_assert(r.mean == 0 && r.half == 0 && r.p == 1);
    left[0] = 2, right[1] = 2.25;
    r = paired_interval(left, right, 3, 0.95);
    ck_assert(r.mean == 0 && r.half > 0 && r.p == 1);
    r = paired_interval(left, (double[]){ 1, 0.75, 1 }, 3, 0.95);
    ck_assert(r.mean == 1 && r.half == 0 && r.p == 0);
    left[2] = NAN;
    r = paired_interval(left, right, 3, 0.95);
    ck_assert(isnan(r.mean) && isnan(r.half) && isnan(r.p));
}
END_TEST
enum { TRIALS = 1500, PAIRS = 5 };

/* fails if the interval is unpaired, or has the normal quantile */
START_TEST(an_interval_covers_and_misses_as_often_as_it_says)
{
    double shift = _i, cover = 0, found = 0, n = TRIALS;
    for (uint64_t k = 0; k < TRIALS; k++) {
        double left[PAIRS], right[PAIRS];
        for (uint64_t i = 0; i < PAIRS; i++) {
            double seed = 3 * random_normal(1, 2 * k, i);
            left[i] = seed + shift + random_normal(1, 2 * k + 1, i);
            right[i] = seed;
        }
        struct paired r = paired_interval(left, right, PAIRS, 0.95);
        cover += fabs(r.mean - shift) <= r.half;
        found += fabs(r.mean) > r.half;
        ck_assert((r.p < 0.05) == (fabs(r.mean) > r.half));
    }
    double power = shift > 0 ? power_of(shift, 1, PAIRS, 0.95) : 0.05;
    ck_assert_double_eq_tol(cover / n, 0.95, 0.017);
    ck_assert_double_eq_tol(found / n, power, 0.04);
}
END_TEST
/* fails if the shift lacks the root of the pairs, or a negative mean is
   never seen */
START_TEST(power_is_what_others_compute)
{
    ck_assert_double_eq_tol(power_of(0.5, 1, 34, 0.95), 0.80778, 1e-5);
    ck_assert_double_eq_tol(power_of(-0.5, 1, 34, 0.95), 0.80778, 1e-5);
    ck_assert_uint_eq(pairs_needed(0.5, 1, 0.8, 0.95), 34);
    ck_assert_uint_eq(pairs_needed(1, 1, 0.9, 0.95), 13);
    ck_assert_uint_eq(pairs_needed(100, 1, 0.9, 0.95), 2);
    for (size_t n = 2; n < 40; n += 5) {
        double d = detectable(0.01, n, 0.9, 0.95);
        ck_assert_double_eq_tol(power_of(d, 0.01, n, 0.95), 0.9, 1e-9);
        ck_assert_uint_eq(pairs_needed(d * 1.001, 0.01, 0.9, 0.95), n);
    }
}
END_TEST
/* fails if weights lose their digits for many pairs, or the doubling
   never ends */
START_TEST(tiny_means_need_many_pairs_and_the_tiniest_too_many)
{
    for (double mean = 1e-3; mean > 5e-9; mean /= 10) {
        double n = (double)pairs_needed(mean, 1, 0.9, 0.95);
        ck_assert_double_eq_tol(n * mean * mean, 10.5074, 2e-4);
        double freedom = 1 / (mean * mean);
        ck_assert_double_eq_tol(student_tail(1.959964, freedom, 0),
                                0.025, 1e-6);
    }
    ck_assert_uint_eq(pairs_needed(1e-9, 1, 0.9, 0.95), SIZE_MAX);
    ck_assert_uint_eq(pairs_needed(0, 1, 0.9, 0.95), SIZE_MAX);
}
END_TEST
/* fails if an adjusted value falls below that of a smaller p, or a lost
   run lowers the count */
START_TEST(holm_steps_down)
{
    double p[] = { .01, .04, .03, .005, .04 }, got[5];
    double want[] = { .04, .09, .09, .025, .09 };
    holm(got, p, 5);
    for (int i = 0; i < 5; i++)
        ck_assert_double_eq_tol(got[i], want[i], 1e-15);
    holm(got, (double[]){ .5, .6 }, 2);
    ck_assert_double_eq(got[0], 1);
    ck_assert_double_eq(got[1], 1);
    holm(got, (double[]){ NAN, .01, .2 }, 3);
    ck_assert(isnan(got[0]) && fabs(got[1] - .03) < 1e-15
              && fabs(got[2] - .4) < 1e-15);
}
END_TEST

Suite *statistics_suite(void);
Suite *statistics_suite(void)
{
    Suite *s = suite_create("statistics");
    TCase *c = tcase_create("statistics");
    // Register the tests of the statistics
    tcase_add_test(c, tails_are_those_of_the_closed_forms);
    tcase_add_loop_test(c, quantiles_are_those_of_the_printed_table, 0,
                        (int)(sizeof printed / sizeof printed[0]));
    tcase_add_test(c, an_interval_worked_out_by_hand);
    tcase_add_test(c, equal_arms_and_lost_runs_show_nothing);
    tcase_add_loop_test(c,
        an_interval_covers_and_misses_as_often_as_it_says, 0, 3);
    tcase_add_test(c, power_is_what_others_compute);
    tcase_add_test(c, tiny_means_need_many_pairs_and_the_tiniest_too_many);
    tcase_add_test(c, holm_steps_down);
    suite_add_tcase(s, c);
    return s;
}
