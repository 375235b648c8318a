#include "layers/loss.h"
#include "ground/sizes.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>

// Targets for the tests
enum { TOKENS = 6 };
static const double close = 16 * REAL_EPSILON;

static const token *targets(size_t vocabulary)
{
    static token target[MANY];
    for (size_t t = 0; t < MANY; t++)
        target[t] = (token)(t * 5 % vocabulary);
    target[1] = (token)(vocabulary - 1);
    return target;
}

// Tests of the loss's values
/* fails if the loss is in bits, or the
   one of the target is not scaled */
START_TEST(loss_of_the_example_is_ln_2)
{
    const double ln2 = 0.69314718055994531, ln3 = 1.0986122886681098;
    real logits[] = { 0, (real)ln3, (real)(2 * ln2) };
    real each[1], lse[1], d[3];
    real want = (real)ln2, want_lse = (real)(3 * ln2);
    real want_d[] = { 0.25, 0.75, -1 };
    const token target[] = { 2 };
    loss_forward(each, lse, logits, target, 1, 3);
    assert_close(each, &want, 1, 1e-6);
    assert_close(lse, &want_lse, 1, 1e-6);
    loss_backward(d, logits, lse, target, 2, 1, 3);
    assert_close(d, want_d, 3, 1e-6);
}
END_TEST

/* fails if a term of the sum is left
   out, or lse lacks the largest logit */
START_TEST(loss_of_knowing_nothing_is_ln_of_the_vocabulary)
{
    size_t vocabulary = size_at(_i);
    real *logits = test_reals(TOKENS * vocabulary);
    real each[TOKENS], lse[TOKENS];
    for (size_t i = 0; i < TOKENS * vocabulary; i++)
        logits[i] = -3;
    loss_forward(each, lse, logits, targets(vocabulary), TOKENS,
                 vocabulary);
    for (size_t t = 0; t < TOKENS; t++) {
        double want = log((double)vocabulary);
        ck_assert(fabs((double)each[t] - want) <= close * want);
        ck_assert(fabs((double)lse[t] - (want - 3)) <= close * 3);
    }
}
END_TEST

/* fails if another token's target is
   taken, or each and lse are exchanged */
START_TEST(loss_is_what_plain_loops_give)
{
    size_t vocabulary = size_at(_i) + 1, tokens = rows_at(_i, TOKENS);
    size_t count = tokens * vocabulary;
    const token *target = targets(vocabulary);
    real *logits = test_reals(count);
    real each[MANY], lse[MANY], want[MANY], want_lse[MANY];
    fill_normal(logits, count, 1, 3);
    for (size_t t = 0; t < tokens; t++) {
        const real *row = logits + t * vocabulary;
        double sum = 0;
        for (size_t v = 0; v < vocabulary; v++)
            sum += exp((double)row[v]);
        want_lse[t] = (real)log(sum);
        want[t] = (real)(log(sum) - (double)row[target[t]]);
    }
    loss_forward(each, lse, logits, target, tokens, vocabulary);
    assert_close(each, want, tokens, close);
    assert_close(lse, want_lse, tokens, close);
}
END_TEST

// Tests of the loss at the extremes
/* fails if exponentials are taken before
   the largest logit is subtracted */
START_TEST(loss_ignores_a_shift_of_the_logits)
{
    enum { VOCABULARY = 50, COUNT = TOKENS * VOCABULARY };
    const token *target = targets(VOCABULARY);
    real logits[COUNT], each[TOKENS], shifted[TOKENS], lse[TOKENS];
    fill_integers(logits, COUNT, 2, 100);
    for (size_t i = 0; i < COUNT; i++)
        logits[i] /= 8;
    loss_forward(each, lse, logits, target, TOKENS, VOCABULARY);
    for (size_t i = 0; i < COUNT; i++)
        logits[i] += 64;
    loss_forward(shifted, lse, logits, target, TOKENS, VOCABULARY);
    assert_same(shifted, each, TOKENS);
}
END_TEST

/* fails if an exponent is above 0, or the
   loss is the rounded lse less a logit */
START_TEST(loss_survives_logits_of_ten_thousand)
{
    real logits[] = { 1e4, -1e4, -1e4,   -1e4, 1e4, 0,
                      -1e4, -1e4, -1e4,  9990, 1e4, 1e4 };
    const token target[] = { 0, 0, 1, 0 };
    real each[4], lse[4], d[12];
    real want[] = { 0, 2e4, (real)1.09861229, (real)10.6931699 };
    real want_lse[] = { 1e4, 1e4, (real)-9998.90139, (real)10000.6932 };
    real want_d[] = { 0, 0, 0,   -1, 1, 0,
                      (real)0.333333, (real)-0.666667, (real)0.333333,
                      (real)-0.999977, (real)0.499989, (real)0.499989 };
    loss_forward(each, lse, logits, target, 4, 3);
    for (size_t t = 0; t < 4; t++)
        ck_assert(fabs((double)each[t] - (double)want[t]) <=
                  1e-6 * (double)want[t]);
    assert_close(lse, want_lse, 4, 1e-6);
    loss_backward(d, logits, lse, target, 1, 4, 3);
    assert_close(d, want_d, 12, 1e-3);
}
END_TEST

/* fails if a clamp of the exponential makes a number of a NaN */
START_TEST(loss_does_not_hide_a_nan)
{
    enum { VOCABULARY = 37 };
    real logits[VOCABULARY] = { 0 }, each[1], lse[1];
    logits[_i] = NAN;
    loss_forward(each, lse, logits, targets(VOCABULARY), 1, VOCABULARY);
    ck_assert(isnan(each[0]) && isnan(lse[0]));
}
END_TEST

// Tests of the loss's gradient
/* fails if one is not subtracted at the target, or not in place */
START_TEST(loss_gradient_is_what_plain_loops_give)
{
    size_t vocabulary = size_at(_i), tokens = rows_at(_i, TOKENS);
    size_t count = tokens * vocabulary;
    const token *target = targets(vocabulary);
    real *logits = test_reals(count), *d = test_unset(count);
    real *want = test_reals(count), each[MANY], lse[MANY];
    const double scale = 0.375;
    fill_normal(logits, count, 3, 3);
    loss_forward(each, lse, logits, target, tokens, vocabulary);
    for (size_t i = 0; i < count; i += vocabulary) {
        size_t right = (size_t)target[i / vocabulary];
        double sum = 0;
        for (size_t v = 0; v < vocabulary; v++)
            sum += exp((double)logits[i + v]);
        for (size_t v = 0; v < vocabulary; v++)
            want[i + v] = (real)(scale * (exp((double)logits[i + v])
                                          / sum - (v == right)));
    }
    loss_backward(d, logits, lse, target, (real)scale, tokens,
                  vocabulary);
    // Compare the gradient of the logits; rows must sum to zero
    if (vocabulary > 1)
        assert_close(d, want, count, 64 * close);
    for (size_t t = 0; t < tokens; t++) {
        double sum = 0;
        for (size_t v = 0; v < vocabulary; v++)
            sum += (double)d[t * vocabulary + v];
        ck_assert(fabs(sum) <= close * scale);
    }
    loss_backward(logits, logits, lse, target, (real)scale, tokens,
                  vocabulary);
    assert_same(logits, d, count);
}
END_TEST
/* fails if rows share a variable between threads */
START_TEST(loss_does_not_depend_on_threads)
{
    enum { VOCABULARY = 256, COUNT = TOKENS * VOCABULARY };
    real *logits = test_reals(COUNT), *all[3];
    const token *target = targets(VOCABULARY);
    fill_normal(logits, COUNT, 4, 3);
    for (int k = 0; k < 3; k++) {
        real *each = all[k] = test_reals(2 * TOKENS + COUNT);
        real *lse = each + TOKENS, *d = lse + TOKENS;
        omp_set_num_threads(k + 1);
        loss_forward(each, lse, logits, target, TOKENS, VOCABULARY);
        loss_backward(d, logits, lse, target, 1, TOKENS, VOCABULARY);
    }
    assert_same(all[1], all[0], 2 * TOKENS + COUNT);
    assert_same(all[2], all[0], 2 * TOKENS + COUNT);
}
END_TEST

#ifdef REAL_IS_DOUBLE
enum { VOCABULARY = 19, COUNT = TOKENS * VOCABULARY };

static double mean(void *logits)
{
    real each[TOKENS], lse[TOKENS];
    double sum = 0;
    loss_forward(each, lse, logits, targets(VOCABULARY), TOKENS,
                 VOCABULARY);
    for (size_t t = 0; t < TOKENS; t++)
        sum += each[t];
    return sum / TOKENS;
}

/* fails if text and code agree on a gradient
   that is not the slope of the loss */
START_TEST(loss_gradient_is_the_slope)
{
    real logits[COUNT], d[COUNT], each[TOKENS], lse[TOKENS];
    const token *target = targets(VOCABULARY);
    fill_normal(logits, COUNT, 5, 2);
    loss_forward(each, lse, logits, target, TOKENS, VOCABULARY);
    loss_backward(d, logits, lse, target, 1.0 / TOKENS, TOKENS,
                  VOCABULARY);
    assert_gradient(difference_check(mean, logits, logits, d, COUNT));
}
END_TEST
#endif

// The suite of the loss
Suite *loss_suite(void);
Suite *loss_suite(void)
{
    Suite *s = suite_create("loss");
    TCase *c = tcase_create("loss");
    suite_add_tcase(s, c);
    tcase_add_test(c, loss_of_the_example_is_ln_2);
    tcase_add_loop_test(c,
        loss_of_knowing_nothing_is_ln_of_the_vocabulary, 0, SIZES);
    tcase_add_loop_test(c, loss_is_what_plain_loops_give, 0, SIZES);
    tcase_add_test(c, loss_ignores_a_shift_of_the_logits);
    tcase_add_test(c, loss_survives_logits_of_ten_thousand);
    tcase_add_loop_test(c, loss_does_not_hide_a_nan, 0, 37);
    tcase_add_loop_test(c, loss_gradient_is_what_plain_loops_give,
                        0, SIZES);
    tcase_add_test(c, loss_does_not_depend_on_threads);
#ifdef REAL_IS_DOUBLE
    tcase_add_test(c, loss_gradient_is_the_slope);
#endif
    return s;
}
