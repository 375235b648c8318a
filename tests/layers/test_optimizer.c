#include <math.h>
#include <omp.h>
#include "ground/sum.h"
#include "layers/optimizer.h"
#include "layers/schedule.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"

// Tests of AdamW
static const real tight = 32 * REAL_EPSILON;

/* fails if moments keep the zero they began with, or decay lacks the
   rate */
START_TEST(two_updates_are_those_of_the_table)
{
    struct adamw a = { .rate = 0.1, .decay = 0.1, .beta1 = 0.9,
                       .beta2 = 0.95, .scale = 1 };
    real w[1] = { 1 }, m[1] = { 0 }, v[1] = { 0 };
    a.step = 1;
    optimizer_step(w, m, v, (const real[]){ (real)0.5 }, &a, 1);
    assert_close(m, (const real[]){ (real)0.05 }, 1, tight);
    assert_close(v, (const real[]){ (real)0.0125 }, 1, tight);
    assert_close(w, (const real[]){ (real)0.89 }, 1, tight);
    a.step = 2;
    optimizer_step(w, m, v, (const real[]){ (real)-0.25 }, &a, 1);
    assert_close(m, (const real[]){ (real)0.02 }, 1, tight);
    assert_close(v, (const real[]){ (real)0.015 }, 1, tight);
    assert_close(w, (const real[]){ (real)0.8542630551916169 }, 1,
                 tight);
}
END_TEST

// AdamW in double, one weight at a time
static double plain_adamw(double w, const real *g, size_t stride,
                          int steps, const struct adamw *a)
{
    double m = 0, v = 0, power1 = 1, power2 = 1;
    for (int t = 0; t < steps; t++) {
        double gradient = a->scale * (double)g[(size_t)t * stride];
        m += (1 - a->beta1) * (gradient - m);
        v += (1 - a->beta2) * (gradient * gradient - v);
        power1 *= a->beta1;
        power2 *= a->beta2;
        double ratio = m / (1 - power1)
            / (sqrt(v / (1 - power2)) + a->epsilon);
        w = w - a->rate * ratio - a->rate * a->decay * w;
    }
    return w;
}

/* fails if the gradient is not scaled, or the last weights stay */
START_TEST(adamw_agrees_with_a_loop_in_double)
{
    size_t n = _i < 33 ? (size_t)_i : 200003;
    struct adamw a = { .rate = 0.01, .decay = 0.3, .beta1 = 0.8,
                       .beta2 = 0.9, .epsilon = 0.1, .scale = 0.5 };
    real *w = test_reals(n), *m = test_reals(n), *v = test_reals(n);
    real *want = test_reals(n), *g = test_reals(3 * n);
    fill_normal(w, n, 1, 1);
    fill_normal(g, 3 * n, 2, 1);
    for (size_t i = 0; i < n; i++)
        want[i] = (real)plain_adamw(w[i], &g[i], n, 3, &a);
    for (a.step = 1; a.step <= 3; a.step++)
        optimizer_step(w, m, v, g + (a.step - 1) * n, &a, n);
    assert_close(w, want, n, tight);
}
END_TEST
/* fails if a moment is not divided by one minus its power of beta */
START_TEST(first_step_is_as_long_as_the_rate)
{
    struct adamw a = { .rate = 0.25, .beta1 = 0.9, .beta2 = 0.999,
                       .epsilon = 1e-20, .scale = 1, .step = 1 };
    const real g[] = { (real)1e-6, -1, (real)1e6 };
    real w[3] = { 1, 1, 1 }, m[3] = { 0 }, v[3] = { 0 };
    optimizer_step(w, m, v, g, &a, 3);
    assert_close(w, ((const real[]){ (real)0.75, (real)1.25,
                                     (real)0.75 }), 3, tight);
}
END_TEST

/* fails if epsilon is added to the second moment before the root */
START_TEST(epsilon_stands_outside_the_root)
{
    struct adamw a = { .rate = 1, .beta1 = 0.9, .beta2 = 0.9,
                       .epsilon = 0.01, .scale = 1, .step = 1 };
    real w[1] = { 0 }, m[1] = { 0 }, v[1] = { 0 };
    optimizer_step(w, m, v, (const real[]){ (real)0.01 }, &a, 1);
    assert_close(w, (const real[]){ (real)-0.5 }, 1, tight);
}
END_TEST

/* fails if 0 is divided by 0 */
START_TEST(weight_without_gradients_stays)
{
    struct adamw a = { .rate = 1, .beta1 = 0.9, .beta2 = 0.9,
                       .epsilon = 1e-8, .scale = 1, .step = 1 };
    real w[1] = { 3 }, m[1] = { 0 }, v[1] = { 0 };
    optimizer_step(w, m, v, (const real[]){ 0 }, &a, 1);
    assert_same(w, (const real[]){ 3 }, 1);
}
END_TEST

/* fails if decay is added to the gradient, as in Adam with L2 */
START_TEST(decay_does_not_pass_through_the_moments)
{
    struct adamw a = { .rate = 0.5, .decay = 0.1, .beta1 = 0.9,
                       .beta2 = 0.9, .epsilon = 1e-8, .scale = 1,
                       .step = 1 };
    real w[2] = { 100, -2 }, m[2] = { 0 }, v[2] = { 0 };
    optimizer_step(w, m, v, (const real[]){ 0, 0 }, &a, 2);
    assert_close(w, ((const real[]){ 95, (real)-1.9 }), 2, tight);
    assert_same(m, ((const real[]){ 0, 0 }), 2);
    assert_same(v, ((const real[]){ 0, 0 }), 2);
}
END_TEST

/* fails if a weight at the seam of two threads is moved twice */
START_TEST(adamw_is_the_same_for_any_number_of_threads)
{
    enum { COUNT = 100003 };
    struct adamw a = { .rate = 0.5, .decay = 0.1, .beta1 = 0.9,
                       .beta2 = 0.9, .epsilon = 1e-8, .scale = 1 };
    real *w[2], *g = test_reals(COUNT);
    fill_normal(g, COUNT, 1, 1);
    for (int k = 0; k < 2; k++) {
        real *m = test_reals(COUNT), *v = test_reals(COUNT);
        w[k] = test_reals(COUNT);
        fill_normal(w[k], COUNT, 2, 1);
        omp_set_num_threads(k + 1);
        for (a.step = 1; a.step < 4; a.step++)
            optimizer_step(w[k], m, v, g, &a, COUNT);
    }
    assert_same(w[0], w[1], COUNT);
}
END_TEST

// Tests of the clipping
/* fails if a short gradient is lengthened, or a clip of 0 makes it 0 */
START_TEST(gradient_is_scaled_only_if_too_long)
{
    const real g[] = { 3, 4 };
    double norm = sqrt(sum_of_squares(g, 2));
    ck_assert_double_eq(norm, 5);
    ck_assert_double_eq(clip_scale(norm, 1), 0.2);
    ck_assert_double_eq(clip_scale(norm, 4), 0.8);
    ck_assert_double_eq(clip_scale(norm, 5), 1);
    ck_assert_double_eq(clip_scale(norm, 10), 1);
    ck_assert_double_eq(clip_scale(norm, 0), 1);
    ck_assert_double_eq(clip_scale(0, 1), 1);
}
END_TEST

// Tests of the schedule
/* fails if warm-up or fall is off by one update */
START_TEST(rate_rises_to_its_peak_and_falls_to_its_floor)
{
    struct schedule s = { .rate = 2, .floor = 0.1, .warmup = 4,
                          .steps = 24 };
    ck_assert_double_eq_tol(schedule_rate(&s, 1), 0.5, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&s, 3), 1.5, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&s, 4), 2, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&s, 9),
                            0.2 + 1.8 * (2 + sqrt(2)) / 4, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&s, 14), 1.1, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&s, 24), 0.2, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&s, 1000), 0.2, 1e-12);
}
END_TEST

/* fails if the cosine runs through more than half a turn */
START_TEST(rate_never_rises_after_the_warmup)
{
    struct schedule s = { .rate = 2, .floor = 0, .warmup = 4,
                          .steps = 24 };
    for (size_t step = 4; step < 24; step++)
        ck_assert_double_lt(schedule_rate(&s, step + 1),
                            schedule_rate(&s, step));
}
END_TEST

/* fails if a warm-up or a fall of no updates is divided by */
START_TEST(schedules_without_a_fall_or_a_rise)
{
    struct schedule none = { .rate = 2, .floor = 0.5, .warmup = 0,
                             .steps = 2 };
    ck_assert_double_eq_tol(schedule_rate(&none, 1), 1.5, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&none, 2), 1, 1e-12);
    struct schedule all = { .rate = 2, .floor = 0.5, .warmup = 8,
                            .steps = 4 };
    ck_assert_double_eq_tol(schedule_rate(&all, 4), 1, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&all, 8), 2, 1e-12);
    ck_assert_double_eq_tol(schedule_rate(&all, 9), 1, 1e-12);
}
END_TEST

Suite *optimizer_suite(void);
Suite *optimizer_suite(void)
{
    Suite *s = suite_create("optimizer");
    TCase *c = tcase_create("adamw");
    tcase_add_test(c, two_updates_are_those_of_the_table);
    tcase_add_loop_test(c, adamw_agrees_with_a_loop_in_double, 1, 34);
    tcase_add_test(c, first_step_is_as_long_as_the_rate);
    tcase_add_test(c, epsilon_stands_outside_the_root);
    tcase_add_test(c, weight_without_gradients_stays);
    tcase_add_test(c, decay_does_not_pass_through_the_moments);
    tcase_add_test(c, adamw_is_the_same_for_any_number_of_threads);
    tcase_add_test(c, gradient_is_scaled_only_if_too_long);
    tcase_add_test(c, rate_rises_to_its_peak_and_falls_to_its_floor);
    tcase_add_test(c, rate_never_rises_after_the_warmup);
    tcase_add_test(c, schedules_without_a_fall_or_a_rise);
    suite_add_tcase(s, c);
    return s;
}
