#include "model/kinds.h"
#include "mix/kronecker.h"
#include "mix/permutations.h"
#include "boundary/whole.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// Test the order of the permutations
/* fails if the elements that are not yet placed lose their ascending
   order */
START_TEST(permutations_come_in_lexicographic_order)
{
    static const char want[] =
        "0123 0132 0213 0231 0312 0321 1023 1032 1203 1230 1302 1320 "
        "2013 2031 2103 2130 2301 2310 3012 3021 3102 3120 3201 3210 ";
    char got[sizeof want] = "", *at = got;
    size_t column[4] = { 9, 9, 9, 9 };
    for (size_t k = 0; k < permutations_of(4); k++, *at++ = ' ') {
        permutation_at(column, k, 4);
        for (size_t i = 0; i < 4; i++)
            *at++ = (char)('0' + column[i]);
    }
    ck_assert_str_eq(got, want);
    permutation_at(column, 1, 2);
    ck_assert(column[0] == 1 && column[1] == 0);
    permutation_at(column, 0, 1);
    ck_assert(column[0] == 0);
    ck_assert(permutations_of(1) == 1 && permutations_of(3) == 6);
}
END_TEST

// Test both matrices against their definitions
enum { SAMPLES = 70, MANY = 1031, MOST = MANY * 64 };

static const struct {
    size_t n;
    bool product;
    double spread;
} cases[] = {
    { 1, false, 1 }, { 2, false, 1 }, { 3, false, 2 }, { 4, false, 1 },
    { 4, false, 6 }, { 4, false, 1e4 }, { 1, true, 1 }, { 2, true, 1 },
    { 4, true, 1 }, { 8, true, 6 }, { 8, true, 1e4 },
};
enum { CASES = sizeof cases / sizeof cases[0] };

static size_t logits_of(int i)
{
    return cases[i].product ? kronecker_factors(cases[i].n)
                            : permutations_of(cases[i].n);
}

static void mix(real *matrix, const real *logits, size_t count, int i)
{
    (cases[i].product ? kronecker_forward : permutations_forward)
        (matrix, logits, count, cases[i].n, 1);
}

static void mix_back(real *dlogits, const real *dmatrix,
                     const real *logits, size_t count, int i)
{
    (cases[i].product ? kronecker_backward : permutations_backward)
        (dlogits, dmatrix, logits, count, cases[i].n, 1);
}

// A mean of permutations by its definition
static double by_permutations(const real *logits, size_t n, size_t i,
                              size_t j)
{
    double part = 0, all = 0, most = -INFINITY;
    for (size_t k = 0; k < permutations_of(n); k++)
        most = fmax(most, (double)logits[k]);
    for (size_t k = 0; k < permutations_of(n); k++) {
        size_t column[4];
        double weight = exp((double)logits[k] - most);
        permutation_at(column, k, n);
        all += weight;
        part += column[i] == j ? weight : 0;
    }
    return part / all;
}

// A Kronecker product by its definition
/* (A x B)[i][j] = A[i / h][j / h] B[i % h][j % h], B being h by h */
static double by_factors(const real *logits, size_t n, size_t i,
                         size_t j)
{
    size_t half = n / 2;
    if (n == 1)
        return 1;
    double p = 1 / (1 + exp(-(double)logits[0]));
    double q = 1 / (1 + exp((double)logits[0]));
    return (i / half == j / half ? p : q)
         * by_factors(logits + 1, half, i % half, j % half);
}

/* fails if the table of permutations is transposed, or a factor takes
   the bit of another */
START_TEST(matrices_are_what_their_definitions_say)
{
    static real logits[MOST], got[MOST], want[MOST];
    size_t n = cases[_i].n, m = logits_of(_i);
    fill_normal(logits, MANY * m, 3, cases[_i].spread);
    mix(got, logits, MANY, _i);
    for (size_t t = 0; t < MANY; t++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                want[(t * n + i) * n + j] = (real)(cases[_i].product
                    ? by_factors(logits + t * m, n, i, j)
                    : by_permutations(logits + t * m, n, i, j));
    assert_close(got, want, MANY * n * n, 16 * REAL_EPSILON);
    for (size_t e = 0; e < MANY * n * n; e++)
        ck_assert(want[e] != 0 || !isnormal(got[e]));
}
END_TEST

// The slope of a logit by its definition
static double slope_of_permutation(const real *d, const real *logits,
                                   size_t k, size_t n)
{
    double all = 0, mean = 0, own = 0, weight = 0;
    for (size_t j = 0; j < permutations_of(n); j++) {
        size_t column[4];
        double a = exp((double)logits[j]), s = 0;
        permutation_at(column, j, n);
        for (size_t i = 0; i < n; i++)
            s += (double)d[i * n + column[i]];
        all += a;
        mean += a * s;
        own = j == k ? s : own;
        weight = j == k ? a : weight;
    }
    return weight / all * (own - mean / all);
}

static double slope_of_factor(const real *d, const real *logits,
                              size_t k, size_t n)
{
    double z = (double)logits[k], slope = 0;
    for (int sign = -1; sign < 2; sign += 2) {
        real moved[8] = { 0 };
        memcpy(moved, logits, kronecker_factors(n) * sizeof *moved);
        moved[k] = (real)(100 * sign);
        for (size_t e = 0; e < n * n; e++)
            slope += sign * (double)d[e]
                   * by_factors(moved, n, e / n, e % n);
    }
    return slope / (1 + exp(z)) / (1 + exp(-z));
}

/* fails if the mean is left out of the way back of the softmax, or p
   and q are exchanged */
START_TEST(slopes_are_what_their_definitions_say)
{
    static real logits[MOST], d[MOST], got[MOST], want[MOST];
    size_t n = cases[_i].n, m = logits_of(_i);
    if (m == 0 || m * n == 1)
        return;
    fill_normal(logits, MANY * m, 5, fmin(cases[_i].spread, 4));
    fill_normal(d, MANY * n * n, 6, 1);
    mix_back(got, d, logits, MANY, _i);
    for (size_t k = 0; k < MANY * m; k++)
        want[k] = (real)(cases[_i].product ? slope_of_factor
                                           : slope_of_permutation)
            (d + k / m * n * n, logits + k / m * m, k % m, n);
    assert_close(got, want, MANY * m, 1024 * REAL_EPSILON);
}
END_TEST

// Test that the sums are one
/* fails if the largest logit is not subtracted, so that 10,000
   overflows */
START_TEST(rows_and_columns_sum_to_one_for_any_finite_logits)
{
    static real logits[MOST], matrix[MOST];
    size_t n = cases[_i].n;
    fill_normal(logits, SAMPLES * logits_of(_i), 4, cases[_i].spread);
    mix(matrix, logits, SAMPLES, _i);
    for (size_t t = 0; t < 2 * SAMPLES * n; t++) {
        size_t line = t / 2 % n, step = t % 2 == 0 ? 1 : n;
        const real *at = matrix + t / 2 / n * n * n
                       + line * (step == 1 ? n : 1);
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            ck_assert(at[j * step] >= 0);
            sum += (double)at[j * step];
        }
        ck_assert_msg(fabs(sum - 1) < 8 * REAL_EPSILON, "%g", sum - 1);
    }
}
END_TEST

#ifdef REAL_IS_DOUBLE
// Test the gradients of both matrices
static struct { real logits[MOST], d[MOST]; int i; } point;

static double objective(void *context)
{
    static real matrix[MOST];
    double sum = 0;
    (void)context;
    mix(matrix, point.logits, SAMPLES, point.i);
    size_t n = cases[point.i].n;
    for (size_t e = 0; e < SAMPLES * n * n; e++)
        sum += point.d[e] * matrix[e];
    return sum;
}

/* fails if forward and backward take the permutations or the bits in a
   different order */
START_TEST(gradients_of_matrices_are_right)
{
    static real dlogits[MOST];
    size_t n = cases[_i].n, m = logits_of(_i);
    if (m < 2 && n == 1)
        return;
    point.i = _i;
    fill_normal(point.logits, SAMPLES * m, 5,
                fmin(cases[_i].spread, 4));
    fill_normal(point.d, MOST, 6, 1);
    mix_back(dlogits, point.d, point.logits, SAMPLES, _i);
    assert_gradient(difference_check(objective, NULL, point.logits,
                                     dlogits, SAMPLES * m));
}
END_TEST

// Test the gradients of whole models
void assert_gradients_at(struct model *m, const char *const zero[]);

// Mixes that cannot learn
/* mixes of the first and the last sublayer; with one stream, of all */
static size_t vanishing(char name[][40], const struct connection *k,
                        size_t n)
{
    static const char *const part[] = { "alpha", "phi", "bias" };
    size_t count = 0;
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < 3; j++) {
            bool none = n == 1 && k == &krom && j > 0;
            if ((n == 1 || i == 0 || i == 3) && !none)
                snprintf(name[count++], 40, "sublayer.%zu.%s.%s.res", i,
                         k->name, part[j]);
        }
    return count;
}

/* fails if a kind is missing in a switch of the way back, or its logits
   get the place of gates */
START_TEST(gradients_of_whole_models_are_right)
{
    static const size_t streams[] = { 1, 2, 4, 8 };
    size_t n = streams[_i / 2];
    const struct connection *k = _i % 2 == 0 ? &krom : &mhc_lite;
    char name[16][40];
    const char *zero[17] = { NULL };
    if (n > k->most_streams)
        return;
    size_t count = vanishing(name, k, n);
    for (size_t i = 0; i < count; i++)
        zero[i] = name[i];
    struct model m = whole_open(k, n, 0);
    whole_scatter(&m);
    // Let streams and mixes differ more
    for (size_t i = 0; i < m.parameters.used; i++) {
        const struct parameter *p = &m.parameters.list[i];
        real *w = reals(m.weights) + p->offset;
        for (size_t j = 0; j < p->count; j++)
            if (strstr(p->name, ".bias") != NULL)
                w[j] = 4 * (w[j] - (j < 2 * n ? 1 : (real)0.3));
            else if (strstr(p->name, ".alpha") != NULL)
                w[j] *= 3;
    }
    assert_gradients_at(&m, zero);
    model_close(&m);
}
END_TEST
#endif

// Test the start of both kinds
/* fails if krom starts with -8: it swaps streams, which no loss shows
   while they are equal */
START_TEST(both_kinds_start_as_the_residual_network)
{
    const struct connection *k = _i % 2 == 0 ? &krom : &mhc_lite;
    size_t n = (size_t)1 << _i / 2;
    if (n > k->most_streams)
        return;
    struct model plain = whole_open(&residual, 1, 0);
    struct model m = whole_open(k, n, 0);
    assert_close(whole_logits(&m), whole_logits(&plain), 110, 1e-5);
    ck_assert(fabs(whole_run(&m) - whole_run(&plain)) < 1e-5);
    // Let the mix be near the identity
    char name[40];
    real row[200] = { 0 }, alpha[3] = { 0 };
    struct layout l = layout_of(k->mix, n, 8, 1);
    snprintf(name, sizeof name, "sublayer.1.%s.bias", k->name);
    const struct parameter *p = parameter_find(&m.parameters, name);
    mix_forward(row, alpha, reals(m.weights) + p->offset, &l, 1);
    for (size_t i = 0; i < n; i++)
        ck_assert(row[2 * n + i * (n + 1)] > (real)0.99);
    for (size_t j = 2 * n; j < p->count; j++)
        ck_assert(reals(m.weights)[p->offset + j]
                  == (k == &krom ? 8 : j == 2 * n ? 0 : -8));
    model_close(&m);
    model_close(&plain);
}
END_TEST

// Test what both kinds refuse
/* fails if krom takes six streams, or mhc-lite five, for whose 120
   weights there is no room */
START_TEST(streams_that_cannot_be_are_refused)
{
    static const struct {
        const char *kind;
        size_t streams;
        const char *reason;
    } wrong[] = {
        { "mhc-lite", 5, "mhc-lite connection takes 4 at most, not 5" },
        { "krom", 16, "krom connection takes 8 at most, not 16" },
        { "krom", 3, "krom connection takes a power of two, not 3" },
        { "krom", 6, "krom connection takes a power of two, not 6" },
        { "mhc-lite", 3, "" }, { "mhc", 3, "" }, { "krom", 8, "" },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct configuration c = configuration_default();
        struct architecture a;
        struct message m = { 0, "" };
        strcpy(c.connection, wrong[i].kind);
        c.streams = wrong[i].streams;
        bool right = *wrong[i].reason == '\0';
        ck_assert(architecture_find(&a, &c, &m) == right);
        ck_assert_int_eq(m.status, right ? 0 : EX_USAGE);
        ck_assert_ptr_nonnull(strstr(m.text, wrong[i].reason));
    }
}
END_TEST

// Test what the kinds have in common
static void look_at_the_exit(void *context, const struct site *s)
{
    size_t n = s->streams, C = s->width;
    double *worst = context;
    if (!s->exit)
        return;
    for (size_t i = 0; i < s->tokens * C; i++) {
        double sum = 0, got = (double)reals(s->input)[i];
        for (size_t j = 0; j < n; j++)
            sum += (double)reals(s->stream)[(i / C * n + j) * C
                                            + i % C];
        worst[0] = fmax(worst[0], fabs(got - sum));
        worst[1] = fmax(worst[1], fabs(got - sum / (double)n));
    }
}

/* fails if a doubly stochastic kind leaves by the sum, which the last
   norm would hide */
START_TEST(free_kinds_leave_by_the_sum_and_the_others_by_the_mean)
{
    const struct connection *k = connections[_i];
    bool free = strncmp(k->name, "hc", 2) == 0;
    size_t n = k->most_streams < 4 ? 1 : 4;
    double worst[2] = { 0 };
    struct model m = whole_open(k, n, 0);
    whole_scatter(&m);
    m.watch.forward = look_at_the_exit;
    m.watch.context = worst;
    whole_run(&m);
    ck_assert_double_lt(worst[free || n == 1 ? 0 : 1], 1e-4);
    ck_assert(n == 1 || worst[free ? 1 : 0] > 0.1);
    model_close(&m);
}
END_TEST

/* fails if weight decay pulls a bias or a scale to zero, or spares phi
   */
START_TEST(matrices_decay_and_scales_and_biases_do_not)
{
    const struct connection *k = connections[_i];
    struct model m = whole_open(k, k->most_streams < 4 ? 1 : 4, 0);
    size_t phis = 0;
    for (size_t i = 0; i < m.parameters.used; i++) {
        const struct parameter *p = &m.parameters.list[i];
        bool phi = strstr(p->name, ".phi") != NULL;
        phis += phi;
        if (strstr(p->name, k->name) != NULL)
            ck_assert_msg(p->decay == phi, "%s", p->name);
    }
    ck_assert_uint_eq(phis, k->mix > MIX_STATIC ? 4 : 0);
    model_close(&m);
}
END_TEST

// The suite of manifolds
Suite *manifold_suite(void);
Suite *manifold_suite(void)
{
    Suite *s = suite_create("manifold");
    TCase *c = tcase_create("manifold");
    suite_add_tcase(s, c);
    tcase_add_test(c, permutations_come_in_lexicographic_order);
    tcase_add_loop_test(c, matrices_are_what_their_definitions_say, 0,
                        CASES);
    tcase_add_loop_test(c, slopes_are_what_their_definitions_say, 0,
                        CASES);
    tcase_add_loop_test(c,
        rows_and_columns_sum_to_one_for_any_finite_logits, 0, CASES);
    tcase_add_loop_test(c, both_kinds_start_as_the_residual_network, 0,
                        8);
    tcase_add_test(c, streams_that_cannot_be_are_refused);
    tcase_add_loop_test(c,
        free_kinds_leave_by_the_sum_and_the_others_by_the_mean, 0, 9);
    tcase_add_loop_test(c, matrices_decay_and_scales_and_biases_do_not,
                        0, 9);
#ifdef REAL_IS_DOUBLE
    tcase_add_loop_test(c, gradients_of_matrices_are_right, 0, CASES);
    tcase_add_loop_test(c, gradients_of_whole_models_are_right, 0, 8);
#endif
    return s;
}
