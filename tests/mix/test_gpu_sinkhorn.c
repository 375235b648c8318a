#include "mix/deepseek.h"
#include "mix/mix.cuh"
#include "mix/sinkhorn.h"
#include "ground/random.h"
#include "support/pair.h"
#include "support/suite.h"
#pragma weak gpu_sinkhorn_forward
#pragma weak gpu_sinkhorn_backward
#pragma weak gpu_sinkhorn_forward_by_threads
#pragma weak gpu_sinkhorn_backward_by_threads

// There and back in both memories
enum way { LANES, THREADS, RELEASED, WAYS };
enum { BEHIND = 3, MOST = 8 };      /* floats between two matrices */

/* matrices of a test, [count][n n + BEHIND], NaN behind each */
struct matrices { struct pair logits, matrix, dmatrix, dlogits; };

static struct pair strided(const real *x, size_t count, size_t entries)
{
    struct pair p = pair_unset(EXACT, count, entries + BEHIND);
    for (size_t i = 0; x != NULL && i < count * entries; i++)
        reals(p.cpu)[i / entries * BEHIND + i] = x[i];
    pair_upload(p);
    return p;
}

static struct matrices matrices_of(const real *logits,
                                   const real *dmatrix, size_t count,
                                   size_t n)
{
    return (struct matrices){ strided(logits, count, n * n),
                              strided(NULL, count, n * n),
                              strided(dmatrix, count, n * n),
                              strided(NULL, count, n * n) };
}

/* on the cpu; matrix by matrix */
static void want(const struct matrices *m, size_t n, size_t iterations,
                 enum way way)
{
    for (size_t t = 0; t < m->logits.cpu.rows; t++) {
        size_t at = t * (n * n + BEHIND);
        const real *z = reals(m->logits.cpu) + at;
        const real *d = reals(m->dmatrix.cpu) + at;
        real *x = reals(m->matrix.cpu) + at;
        real *dz = reals(m->dlogits.cpu) + at;
        if (way == RELEASED) {
            deepseek_forward(x, z, 1, n, iterations);
            deepseek_backward(dz, d, z, 1, n, iterations);
        } else {
            sinkhorn_forward(x, z, 1, n, iterations);
            sinkhorn_backward(dz, d, z, 1, n, iterations);
        }
    }
}

static void there(struct pair matrix, struct pair logits, size_t n,
                  size_t iterations, enum way way)
{
    float *x = (float *)matrix.gpu.at, *z = (float *)logits.gpu.at;
    size_t count = logits.cpu.rows, stride = logits.cpu.columns;
    if (way == THREADS)
        gpu_sinkhorn_forward_by_threads(&gpu, x, z, stride, count, n,
                                        iterations, false);
    else
        gpu_sinkhorn_forward(&gpu, x, z, stride, count, n, iterations,
                             way == RELEASED);
}

static void back(struct pair dlogits, struct pair dmatrix,
                 struct pair logits, size_t n, size_t iterations,
                 enum way way)
{
    float *dz = (float *)dlogits.gpu.at, *z = (float *)logits.gpu.at;
    const float *d = (const float *)dmatrix.gpu.at;
    size_t count = logits.cpu.rows, stride = logits.cpu.columns;
    if (way == THREADS)
        gpu_sinkhorn_backward_by_threads(&gpu, dz, d, z, stride, count,
                                         n, iterations, false);
    else
        gpu_sinkhorn_backward(&gpu, dz, d, z, stride, count, n,
                              iterations, way == RELEASED);
}

static void run(const struct matrices *m, size_t n, size_t iterations,
                enum way way)
{
    want(m, n, iterations, way);
    there(m->matrix, m->logits, n, iterations, way);
    back(m->dlogits, m->dmatrix, m->logits, n, iterations, way);
}
/* each within `most` of the cpu's; behind a matrix still NaN */
static void near(const char *name, struct pair p, double most)
{
    const real *got = pair_reals(p), *right = reals(p.cpu);
    size_t stride = p.cpu.columns;
    for (size_t i = 0; i < p.cpu.rows * stride; i++)
        if (i % stride >= stride - BEHIND)
            ck_assert_msg(isnan(got[i]), "%s: written behind", name);
        else
            ck_assert_msg(fabs((double)got[i] - (double)right[i])
                          <= most, "%s of token %zu at %zu: got %.9g "
                          "want %.9g, at most %.2g apart", name,
                          i / stride, i % stride, (double)got[i],
                          (double)right[i], most);
}

/* how far two may be apart, if the gradient is at most 1 */
static double apart(size_t n, size_t iterations)
{
    double unit = FLT_EPSILON / 2;
    return (4 * (double)(iterations * (n + 2)) + 16) * unit
         + (double)((iterations - 1) / 20) * 256 * unit;
}

// Tests of sinkhorn on the gpu
/* fails if an iterate on the way back is not the one of its half step,
   or a lane adds up another row or column than its own */
START_TEST(gpu_sinkhorn_is_the_cpus)
{
    static const size_t iterations[] = { 1, 2, 20, 37, 100 };
    enum { COUNT = 11 };
    size_t n = (size_t)_i, all = COUNT * n * n;
    real *z = test_reals(all), *d = test_reals(all);
    for (size_t k = 0; k < 5; k++)
        for (enum way way = LANES; way < WAYS; way++) {
            size_t steps = iterations[k];
            double most = apart(n, steps);
            fill_normal(z, all, 10 * n + k, k % 2 ? 4 : 1);
            fill_normal(d, all, 10 * n + k + 500, 0.25);
            struct matrices m = matrices_of(z, d, COUNT, n);
            run(&m, n, steps, way);
            near("matrix", m.matrix, most);
            near("dlogits", m.dlogits, most);
            // The gradient is not tiny
            double largest = 0;
            for (size_t i = 0; i < n * n; i++)
                largest = fmax(largest, fabs((double)reals(m.dlogits.cpu)[i]));
            ck_assert(n == 1 || largest > 1e-3);
            // Again in place, with the same bits
            const real *first[] = { pair_reals(m.matrix), pair_reals(m.dlogits) };
            struct pair dz = strided(z, COUNT, n * n);
            back(dz, m.dmatrix, dz, n, steps, way);
            there(m.logits, m.logits, n, steps, way);
            for (size_t t = 0; t < COUNT; t++) {
                size_t at = t * (n * n + BEHIND);
                assert_same(pair_reals(m.logits) + at, first[0] + at, n * n);
                assert_same(pair_reals(dz) + at, first[1] + at, n * n);
            }
        }
}
END_TEST
/* fails if a matrix is taken for its transpose, or rows are divided
   before columns */
START_TEST(gpu_sinkhorn_does_the_example)
{
    const real z[] = { 0, (real)log(3.0), 0, 0 };
    const real dy[] = { 15, 0, 0, 0 };
    const double y[] = { 2 / 5., 3 / 5., 2 / 3., 1 / 3. };
    const double dz[] = { 1.8, -0.9, -1.8, 0.9 };
    struct matrices m = matrices_of(z, dy, 1, 2);
    run(&m, 2, 1, LANES);
    for (size_t i = 0; i < 4; i++) {
        double matrix = (double)pair_reals(m.matrix)[i];
        double dlogit = (double)pair_reals(m.dlogits)[i];
        ck_assert_double_le(fabs(matrix - y[i]), 1e-6);
        ck_assert_double_le(fabs(dlogit - dz[i]), 1e-5);
    }
}
END_TEST

// Inputs that break one form or another
enum { LARGE, FAR, COLUMN, ROW, BLOCK, LIMITS, INPUTS };

static void fill_stress(real *z, size_t count, size_t n, int input)
{
    fill_normal(z, count * n * n, 3, 1);
    for (size_t k = 0; k < count * n * n; k++) {
        size_t i = k / n % n, j = k % n;
        bool odd = (bool)(k * k / 3 % 2);
        bool block = (i == 0) != (j + 1 < n);
        real least = input == LIMITS ? (real)FLT_MAX : (real)1e4;
        z[k] = input == FAR || input == LIMITS
            ? (odd ? least : -least)
            : z[k] + (real)(
                input == LARGE ? 100 : input == COLUMN ? -120 * (j == 1)
                : input == ROW ? -120 * (i == 1) : -200 * block);
    }
}

/* fails if the largest of each row is not taken out, a difference of
   logits becomes infinite, or logarithms are lost when it begins again
   */
START_TEST(gpu_sinkhorn_survives_any_finite_logits)
{
    static const size_t iterations[] = { 20, 57, 100 };
    static const size_t streams[] = { 2, 4, 8 };
    enum { COUNT = 5 };
    for (size_t k = 0; k < 3; k++)
        for (size_t s = 0; s < 3; s++)
            for (enum way way = LANES; way < WAYS; way++) {
                size_t n = streams[s], all = COUNT * n * n;
                real *z = test_reals(all), *d = test_reals(all);
                fill_stress(z, COUNT, n, _i);
                fill_normal(d, all, 4, 0.25);
                struct matrices m = matrices_of(z, d, COUNT, n);
                run(&m, n, iterations[k], way);
                double most = apart(n, iterations[k]);
                near("matrix", m.matrix, most);
                near("dlogits", m.dlogits, most);
            }
}
END_TEST

/* fails if tokens share something, or the last of a block is
   forgotten */
START_TEST(gpu_sinkhorn_treats_each_token_alone)
{
    static const size_t counts[] = { 1, 8, 64, 256 };
    size_t n = _i == THREADS ? 3 : 4, nn = n * n, all = 256 * nn;
    real *z = test_reals(all), *d = test_reals(all);
    const real *whole[2] = { NULL, NULL };
    fill_normal(z, all, 5, 4);
    fill_normal(d, all, 6, 1);
    z[3 * nn + 1] = NAN;
    for (size_t k = 4; k-- > 0;) {
        struct matrices m = matrices_of(z, d, counts[k], n);
        there(m.matrix, m.logits, n, 20, (enum way)_i);
        back(m.dlogits, m.dmatrix, m.logits, n, 20, (enum way)_i);
        const real *x = pair_reals(m.matrix);
        const real *dz = pair_reals(m.dlogits);
        for (size_t t = 0; t < counts[k]; t++) {
            size_t at = t * (nn + BEHIND);
            if (t == 3) {
                ck_assert(isnan(x[at]) && isnan(dz[at + nn - 1]));
                continue;
            }
            ck_assert(isfinite(x[at]) && isfinite(dz[at]));
            if (whole[0] == NULL)
                continue;
            assert_same(x + at, whole[0] + at, nn);
            assert_same(dz + at, whole[1] + at, nn);
        }
        if (whole[0] == NULL)
            whole[0] = x, whole[1] = dz;
    }
}
END_TEST

/* fails if a gradient is divided twenty times, and overflows, or what
   should cancel does not */
START_TEST(gpu_sinkhorn_takes_any_gradient)
{
    enum { COUNT = 9, N = 8 };
    size_t n = _i == 0 ? 4 : N, all = COUNT * n * n;
    real *z = test_reals(all), *d = test_reals(all);
    for (size_t i = 0; i < all; i++)
        z[i] = (real)(4 * random_uniform(1, 7, i));
    for (enum way way = LANES; way < WAYS; way++) {
        fill_normal(d, all, 8, 1e5);
        struct matrices m = matrices_of(z, d, COUNT, n);
        run(&m, n, 10, way);
        near("dlogits", m.dlogits, 5e5 * apart(n, 10));
        for (size_t i = 0; i < all; i++)
            d[i] = 1;
        m = matrices_of(z, d, COUNT, n);
        run(&m, n, 20, way);
        near("dlogits of ones", m.dlogits, apart(n, 20));
    }
}
END_TEST

Suite *gpu_sinkhorn_suite(void);
Suite *gpu_sinkhorn_suite(void)
{
    Suite *s = suite_create("gpu_sinkhorn");
    TCase *c = tcase_create("gpu_sinkhorn");
    suite_add_tcase(s, c);
    tcase_add_test(c, gpu_sinkhorn_does_the_example);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, gpu_sinkhorn_is_the_cpus, 1, 9);
    tcase_add_loop_test(c, gpu_sinkhorn_survives_any_finite_logits, 0,
                        INPUTS);
    tcase_add_loop_test(c, gpu_sinkhorn_treats_each_token_alone, 0, 3);
    tcase_add_loop_test(c, gpu_sinkhorn_takes_any_gradient, 0, 2);
    return s;
}
