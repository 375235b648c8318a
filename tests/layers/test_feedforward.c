#include "layers/feedforward.h"
#include "ground/sizes.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"

// Tests of the gate's values
static const double close = 256 * REAL_EPSILON;

/* fails if the slope is that of the sigmoid
   alone, or up is left out of it */
START_TEST(gate_does_the_example)
{
    real gate[] = { 0, 2, 0 }, up[] = { 3, 10, 2 }, dh[] = { 1, 1, 4 };
    real want[] = { 0, (real)17.61594156, 0 };
    real want_dgate[] = { 1.5, (real)10.90784248, 4 };
    real want_dup[] = { 0, (real)1.761594156, 0 };
    real hidden[3], dgate[3], dup[3];
    feedforward_forward(hidden, gate, up, 3);
    assert_close(hidden, want, 3, 1e-6);
    feedforward_backward(dgate, dup, dh, gate, up, 3);
    assert_close(dgate, want_dgate, 3, 1e-6);
    assert_close(dup, want_dup, 3, 1e-6);
}
END_TEST

/* fails if an infinity is multiplied by zero, or divided by infinity */
START_TEST(gate_is_open_or_shut_far_out)
{
    real gate[] = { 60, 1000, 10000, -60, -1000, -10000 };
    real up[] = { 2, 2, 2, 2, 2, 2 }, dh[] = { 1, 1, 1, 1, 1, 1 };
    real want[] = { 120, 2000, 20000, 0, 0, 0 };
    real want_dgate[] = { 2, 2, 2, 0, 0, 0 };
    real hidden[6], dgate[6], dup[6];
    feedforward_forward(hidden, gate, up, 6);
    assert_close(hidden, want, 6, 1e-6);
    feedforward_backward(dgate, dup, dh, gate, up, 6);
    assert_close(dgate, want_dgate, 6, 1e-6);
    assert_close(dup, gate, 3, 1e-6);
    for (size_t i = 3; i < 6; i++)
        ck_assert(fabs((double)dup[i]) < 1e-20);
}
END_TEST

/* fails if the exponent of the sigmoid has
   the wrong sign, or digits are lost */
START_TEST(gate_is_what_plain_loops_give)
{
    size_t count = rows_at(_i, 7) * size_at(_i);
    real *gate = test_reals(count), *up = test_reals(count);
    real *got = test_unset(count), *want = test_reals(count);
    fill_normal(gate, count, 1, 4);
    fill_normal(up, count, 2, 1);
    for (size_t i = 0; i < count; i++) {
        double g = (double)gate[i];
        want[i] = (real)(g / (1 + exp(-g)) * (double)up[i]);
    }
    feedforward_forward(got, gate, up, count);
    assert_close(got, want, count, close);
}
END_TEST

// Tests of the gate's slopes
/* fails if the product rule is not
   applied to g times the sigmoid of g */
START_TEST(gate_backward_is_what_plain_loops_give)
{
    size_t count = rows_at(_i, 7) * size_at(_i);
    real *gate = test_reals(count), *up = test_reals(count);
    real *dh = test_reals(count);
    real *dgate = test_unset(count), *dup = test_unset(count);
    real *want_dgate = test_reals(count), *want_dup = test_reals(count);
    fill_normal(gate, count, 3, 4);
    fill_normal(up, count, 4, 1);
    fill_normal(dh, count, 5, 1);
    for (size_t i = 0; i < count; i++) {
        double g = (double)gate[i], e = exp(-g), d = (double)dh[i];
        want_dup[i] = (real)(d * g / (1 + e));
        want_dgate[i] = (real)(d * (double)up[i] *
                        (1 + e + g * e) / ((1 + e) * (1 + e)));
    }
    feedforward_backward(dgate, dup, dh, gate, up, count);
    assert_close(dgate, want_dgate, count, close);
    assert_close(dup, want_dup, count, close);
}
END_TEST

/* fails if gate or up is read after its
   gradient has been written over it */
START_TEST(gate_backward_works_in_place)
{
    size_t count = rows_at(_i, 7) * size_at(_i);
    real *gate = test_reals(count), *up = test_reals(count);
    real *dh = test_reals(count);
    real *dgate = test_unset(count), *dup = test_unset(count);
    fill_normal(gate, count, 6, 2);
    fill_normal(up, count, 7, 1);
    fill_normal(dh, count, 8, 1);
    feedforward_backward(dgate, dup, dh, gate, up, count);
    feedforward_backward(gate, up, dh, gate, up, count);
    assert_same(gate, dgate, count);
    assert_same(up, dup, count);
}
END_TEST
#ifdef REAL_IS_DOUBLE
enum { COUNT = 40 };
struct trial { real gate[COUNT], up[COUNT], weights[COUNT]; };

static double weighted(void *context)
{
    struct trial *f = context;
    real hidden[COUNT];
    double sum = 0;
    feedforward_forward(hidden, f->gate, f->up, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        sum += f->weights[i] * hidden[i];
    return sum;
}

/* fails if text and code agree on a derivative of silu that is wrong */
START_TEST(gate_gradient_is_the_slope)
{
    struct trial f;
    real dgate[COUNT], dup[COUNT];
    fill_normal(f.gate, COUNT, 10, 3);
    fill_normal(f.up, COUNT, 11, 1);
    fill_normal(f.weights, COUNT, 12, 1);
    feedforward_backward(dgate, dup, f.weights, f.gate, f.up, COUNT);
    assert_gradient(difference_check(weighted, &f, f.gate, dgate,
                                     COUNT));
    assert_gradient(difference_check(weighted, &f, f.up, dup, COUNT));
}
END_TEST
#endif

// The suite of the gate
Suite *feedforward_suite(void);
Suite *feedforward_suite(void)
{
    Suite *s = suite_create("feedforward");
    TCase *c = tcase_create("gate");
    suite_add_tcase(s, c);
    tcase_add_test(c, gate_does_the_example);
    tcase_add_test(c, gate_is_open_or_shut_far_out);
    tcase_add_loop_test(c, gate_is_what_plain_loops_give, 0, SIZES);
    tcase_add_loop_test(c, gate_backward_is_what_plain_loops_give,
                        0, SIZES);
    tcase_add_loop_test(c, gate_backward_works_in_place, 0, SIZES);
#ifdef REAL_IS_DOUBLE
    tcase_add_test(c, gate_gradient_is_the_slope);
#endif
    return s;
}
