#include "mix/sinkhorn.h"
#include "mix/readable.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"

enum { COUNT = 37, MOST = 8, MANY = 1031, ALL = MANY * 16,
       HALVES = 200 };
static real logits[ALL], matrix[ALL], want[ALL], dmatrix[ALL];
static real dlogits[ALL], want_dlogits[ALL];
static const double spreads[] = { 1, 4, 30 };

// What the readable form gives
enum bug { NONE, ROWS_FIRST, TRANSPOSED, ONE_FEWER, BUGS };

/* want and want_dlogits from logits and dmatrix, with a bug */
static void read_off(size_t count, size_t n, size_t iterations,
                     enum bug bug)
{
    static double y[HALVES * MOST * MOST];
    size_t nn = n * n, steps = iterations - (bug == ONE_FEWER);
    for (size_t k = 0; k < count * nn; k += nn) {
        double z[MOST * MOST], dy[MOST * MOST], dz[MOST * MOST];
        const double *last = y + (2 * steps - 1) * nn;
        size_t other[MOST * MOST];
        for (size_t i = 0; i < nn; i++) {
            other[i] = i % n * n + i / n;
            size_t from = bug == ROWS_FIRST ? other[i] : i;
            z[i] = (double)logits[k + from];
            from = bug == NONE || bug == ONE_FEWER ? i : other[i];
            dy[i] = (double)dmatrix[k + from];
        }
        readable_iterates(y, z, n, steps);
        readable_backward(dz, dy, y, n, steps);
        for (size_t i = 0; i < nn; i++) {
            size_t from = bug == ROWS_FIRST ? other[i] : i;
            want_dlogits[k + i] = (real)dz[from];
            from = bug == NONE || bug == ONE_FEWER ? i : other[i];
            want[k + i] = (real)last[from];
        }
    }
}

// Sinkhorn by hand
/* fails if rows are divided before columns, or a matrix is taken for
   its transpose */
START_TEST(sinkhorn_does_the_example)
{
    const double exponentials[] = { 1, 3, 1, 1 };
    real z[4], y[4], dz[4], dy[4] = { 15, 0, 0, 0 };
    real once[] = { (real)(2 / 5.), (real)(3 / 5.),
                    (real)(2 / 3.), (real)(1 / 3.) };
    real back[] = { (real)1.8, (real)-0.9, (real)-1.8, (real)0.9 };
    for (size_t k = 0; k < 4; k++)
        z[k] = (real)log(exponentials[k]);
    sinkhorn_forward(y, z, 1, 2, 1);
    assert_close(y, once, 4, 1e-6);
    sinkhorn_backward(dz, dy, z, 1, 2, 1);
    assert_close(dz, back, 4, 1e-6);
}
END_TEST

// Sinkhorn against the readable form
static const double close = 64 * REAL_EPSILON;

/* fails if there is one iteration too few, or one is lost where a
   new block begins */
START_TEST(sinkhorn_is_what_the_readable_form_gives)
{
    static const size_t steps[] = { 1, 2, 3, 20, 21, 41, 100 };
    size_t n = (size_t)_i / 3 + 1;
    fill_normal(logits, ALL, (uint64_t)_i, spreads[_i % 3]);
    fill_normal(dmatrix, ALL, 100, 1);
    for (size_t s = 0; s < 7; s++) {
        size_t count = n == 4 && steps[s] == 20 ? MANY : COUNT;
        read_off(count, n, steps[s], NONE);
        sinkhorn_forward(matrix, logits, count, n, steps[s]);
        assert_close(matrix, want, count * n * n, close);
        sinkhorn_backward(dlogits, dmatrix, logits, count, n, steps[s]);
        // Compare dlogits, on the scale of dmatrix
        for (size_t k = 0; k < count * n * n; k++)
            ck_assert_double_le(fabs((double)(dlogits[k] - want_dlogits[k])),
                                close / 2);
    }
}
END_TEST

// Planted bugs
/* fails if the comparison with the reference is too lax to see an
   iteration that is missing */
START_TEST(the_comparison_would_see_each_bug)
{
    enum { N = 3, STEPS = 3 };
    fill_normal(logits, ALL, 1, 4);
    fill_normal(dmatrix, ALL, 2, 1);
    sinkhorn_forward(matrix, logits, COUNT, N, STEPS);
    sinkhorn_backward(dlogits, dmatrix, logits, COUNT, N, STEPS);
    read_off(COUNT, N, STEPS, (enum bug)_i);
    const size_t shape = COUNT * N * N;
    bool same = _i == NONE;
    ck_assert(same == compare_arrays(NULL, "", matrix, want, &shape, 1,
                                     same ? close : .05));
    ck_assert(same == compare_arrays(NULL, "", dlogits, want_dlogits,
                                     &shape, 1, same ? close : .05));
}
END_TEST

// Stress
enum { LARGE, FAR, COLUMN, ROW, BLOCK, LIMITS, INPUTS };

/* logits [count][n][n] that break one form or another */
static void fill_stress(size_t n, int input)
{
    fill_normal(logits, ALL, 3, 1);
    for (size_t k = 0; k < COUNT * n * n; k++) {
        size_t i = k / n % n, j = k % n;
        bool odd = (bool)(k * k / 3 % 2);
        bool block = (i == 0) != (j + 1 < n);
        real least = input == LIMITS ? (real)FLT_MAX : (real)1e4;
        logits[k] = input == FAR || input == LIMITS
            ? (odd ? least : -least)
            : logits[k] + (real)(
                input == LARGE ? 100 : input == COLUMN ? -120 * (j == 1)
                : input == ROW ? -120 * (i == 1) : -200 * block);
    }
}

/* fails if the largest of each row is not taken out, or a difference
   of logits becomes infinite */
START_TEST(sinkhorn_survives_any_finite_logits)
{
    static const size_t steps[] = { 20, 45, 100 };
    int input = _i % INPUTS;
    size_t n = (size_t)_i / INPUTS + 1;
    fill_stress(n, input);
    fill_normal(dmatrix, ALL, 4, 1);
    for (size_t s = 0; s < 3; s++) {
        sinkhorn_forward(matrix, logits, COUNT, n, steps[s]);
        sinkhorn_backward(dlogits, dmatrix, logits, COUNT, n, steps[s]);
        for (size_t k = 0; k < COUNT * n * n; k++)
            ck_assert(isfinite(matrix[k]) && isfinite(dlogits[k]));
        // See that rows sum to one
        for (size_t k = 0; k < COUNT * n; k++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++)
                sum += (double)matrix[k * n + j];
            ck_assert_double_le(fabs(sum - 1), 4 * REAL_EPSILON);
        }
        read_off(COUNT, n, steps[s], NONE);
        if (input != LIMITS)
            assert_close(matrix, want, COUNT * n * n, 32 * close);
    }
}
END_TEST

// Properties of sinkhorn
/* fails if something is shared by the matrices of a tile, such as
   the largest logit */
START_TEST(sinkhorn_treats_each_matrix_alone)
{
    enum { N = 4, NN = N * N };
    real one[NN], done[NN];
    fill_normal(logits, ALL, 5, 4);
    fill_normal(dmatrix, ALL, 6, 1);
    logits[17 * NN + 3] = NAN;
    sinkhorn_forward(matrix, logits, COUNT, N, 20);
    sinkhorn_backward(dlogits, dmatrix, logits, COUNT, N, 20);
    for (size_t k = 0; k < COUNT; k++) {
        if (k == 17)
            continue;
        sinkhorn_forward(one, logits + k * NN, 1, N, 20);
        assert_same(one, matrix + k * NN, NN);
        sinkhorn_backward(done, dmatrix + k * NN, logits + k * NN, 1, N,
                          20);
        assert_same(done, dlogits + k * NN, NN);
    }
    ck_assert(isnan(matrix[17 * NN]) && isnan(matrix[18 * NN - 1]));
}
END_TEST

/* fails if the result is written before all of its input is read, or
   beyond the last matrix */
START_TEST(sinkhorn_works_in_place_and_no_further)
{
    size_t n = (size_t)_i, count = (COUNT - 1) * n * n;
    fill_normal(logits, ALL, 7, 2);
    fill_normal(dmatrix, ALL, 8, 1);
    real last = logits[count], dlast = dmatrix[count];
    sinkhorn_forward(matrix, logits, COUNT - 1, n, 20);
    sinkhorn_backward(dlogits, dmatrix, logits, COUNT - 1, n, 20);
    sinkhorn_backward(dmatrix, dmatrix, logits, COUNT - 1, n, 20);
    sinkhorn_forward(logits, logits, COUNT - 1, n, 20);
    assert_same(logits, matrix, count);
    assert_same(dmatrix, dlogits, count);
    ck_assert(logits[count] == last && dmatrix[count] == dlast);
}
END_TEST

/* fails if the largest logit is taken out of rows before the columns
   are divided */
START_TEST(a_constant_on_a_column_changes_nothing)
{
    enum { N = 4, NN = N * N };
    fill_integers(logits, ALL, 9, 3);
    fill_normal(dmatrix, ALL, 10, 1);
    sinkhorn_forward(want, logits, COUNT, N, 2);
    sinkhorn_backward(dlogits, dmatrix, logits, COUNT, N, 2);
    for (size_t k = 0; k < COUNT * NN; k++)
        logits[k] += (real)(k % N * 50);
    sinkhorn_forward(matrix, logits, COUNT, N, 2);
    assert_same(matrix, want, COUNT * NN);
    double rows = 0;
    for (size_t k = 0; k < COUNT * N; k++) {
        double row = 0, column = 0;
        for (size_t i = 0; i < N; i++) {
            row += (double)dlogits[k * N + i];
            column += (double)dlogits[k / N * NN + k % N + i * N];
        }
        ck_assert_double_le(fabs(column), 8 * REAL_EPSILON);
        rows = fmax(rows, fabs(row));
    }
    ck_assert_double_ge(rows, .01);
}
END_TEST

// Sinkhorn against central differences
#ifdef REAL_IS_DOUBLE
struct weighted { size_t n, iterations; };

static double weighted_sum(void *context)
{
    const struct weighted *w = context;
    double sum = 0;
    sinkhorn_forward(matrix, logits, COUNT, w->n, w->iterations);
    for (size_t k = 0; k < COUNT * w->n * w->n; k++)
        sum += matrix[k] * dmatrix[k];
    return sum;
}

/* fails if a half step back uses another iterate than the one that
   it made */
START_TEST(sinkhorn_backward_is_the_slope)
{
    static const size_t steps[] = { 1, 2, 20, 45 };
    struct weighted w = { (size_t)_i / 3 + 1, 0 };
    fill_normal(logits, ALL, 11, spreads[_i % 3]);
    fill_normal(dmatrix, ALL, 12, 1);
    for (size_t s = 0; s < 4; s++) {
        w.iterations = steps[s];
        size_t count = COUNT * w.n * w.n;
        sinkhorn_backward(dlogits, dmatrix, logits, COUNT, w.n,
                          w.iterations);
        if (w.n > 1)
            assert_gradient(difference_check(weighted_sum, &w, logits,
                                             dlogits, count));
        for (size_t k = 0; w.n == 1 && k < count; k++)
            ck_assert(dlogits[k] == 0);
    }
}
END_TEST
#endif

// The suite of sinkhorn
Suite *sinkhorn_suite(void);
Suite *sinkhorn_suite(void)
{
    Suite *s = suite_create("sinkhorn");
    TCase *c = tcase_create("sinkhorn");
    suite_add_tcase(s, c);
    tcase_add_test(c, sinkhorn_does_the_example);
    tcase_add_loop_test(c, sinkhorn_is_what_the_readable_form_gives,
                        0, 3 * MOST);
    tcase_add_loop_test(c, the_comparison_would_see_each_bug, 0, BUGS);
    tcase_add_loop_test(c, sinkhorn_survives_any_finite_logits,
                        0, INPUTS * MOST);
    tcase_add_test(c, sinkhorn_treats_each_matrix_alone);
    tcase_add_loop_test(c, sinkhorn_works_in_place_and_no_further,
                        1, MOST + 1);
    tcase_add_test(c, a_constant_on_a_column_changes_nothing);
#ifdef REAL_IS_DOUBLE
    tcase_add_loop_test(c, sinkhorn_backward_is_the_slope, 0, 3 * MOST);
#endif
    return s;
}
