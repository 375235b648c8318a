#include "support/suite.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "ground/slices.h"
#include "layers/matmul.h"
#include "layers/peak.h"
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#ifndef BLAS_NONE
#include <cblas.h>
#endif

// The plain loops
typedef void serial(bool transpose_a, bool transpose_b,
                    size_t m, size_t n, size_t k,
                    real alpha, const real *a, size_t lda,
                    const real *b, size_t ldb,
                    real beta, real *c, size_t ldc);

static void plain(bool transpose_a, bool transpose_b,
                  size_t m, size_t n, size_t k,
                  real alpha, const real *a, size_t lda,
                  const real *b, size_t ldb,
                  real beta, real *c, size_t ldc)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            real sum = beta == 0 ? 0 : beta * c[i * ldc + j];
            for (size_t p = 0; p < k; p++)
                sum += alpha
                    * a[transpose_a ? p * lda + i : i * lda + p]
                    * b[transpose_b ? j * ldb + p : p * ldb + j];
            c[i * ldc + j] = sum;
        }
}
// Test the serial products
static void forget_minus_zero(real *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] += 0;
}

static void check_serial(serial *multiply, size_t m, size_t n, size_t k)
{
    real *a = test_reals(60 * 60), *b = test_reals(60 * 60);
    real *got = test_reals(60 * 60), *want = test_reals(60 * 60);

    fill_integers(a, 60 * 60, 1, 5);
    fill_integers(b, 60 * 60, 2, 5);
    for (int how = 0; how < 4; how++)
        for (int beta = -1; beta <= 2; beta++) {
            bool ta = how & 1, tb = how & 2;
            size_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 5;
            fill_integers(got, 60 * 60, 3, 5);
            memcpy(want, got, 60 * 60 * sizeof *got);
            multiply(ta, tb, m, n, k, 2, a, lda, b, ldb,
                     (real)beta, got, n + 7);
            plain(ta, tb, m, n, k, 2, a, lda, b, ldb,
                  (real)beta, want, n + 7);
            forget_minus_zero(got, 60 * 60);
            forget_minus_zero(want, 60 * 60);
            assert_same(got, want, 60 * 60);
        }
}

/* fails if an operand is not transposed, a
   last element left out, or ldc taken for n */
START_TEST(serial_products_of_integers_are_exact)
{
    size_t i = (size_t)_i;

    check_serial(matmul_serial, i, i * 7 % 33 + 1, i * 5 % 33 + 1);
    check_serial(matmul_loops, i, i * 7 % 33 + 1, i * 5 % 33 + 1);
}
END_TEST
/* fails if the panels of a sum are not
   gone through from first to last */
START_TEST(panels_do_not_change_a_bit)
{
    enum { M = 3, N = 600, K = 150 };
    real *a = test_reals(M * K), *b = test_reals(K * N);
    real *got = test_reals(M * N), *want = test_reals(M * N);

    fill_normal(a, M * K, 1, 1);
    fill_normal(b, K * N, 2, 1);
    fill_normal(got, M * N, 3, 1);
    memcpy(want, got, M * N * sizeof *got);
    matmul_loops(false, true, M, N, K, (real)0.3, a, K, b, K,
                 (real)0.7, got, N);
    plain(false, true, M, N, K, (real)0.3, a, K, b, K,
          (real)0.7, want, N);
    assert_same(got, want, M * N);
}
END_TEST

/* fails if c is multiplied by a beta of 0, so that a NaN in it stays */
START_TEST(with_beta_zero_the_result_is_not_read)
{
    enum { N = 20 };
    real *a = test_reals(N * N), *want = test_reals(N * N);

    fill_integers(a, N * N, 1, 5);
    plain(false, false, N, N, N, 1, a, N, a, N, 0, want, N);
    for (int which = 0; which < 2; which++) {
        serial *multiply = which ? matmul_serial : matmul_loops;
        real *got = test_unset(N * N);
        multiply(false, false, N, N, N, 1, a, N, a, N, 0, got, N);
        assert_same(got, want, N * N);
    }
}
END_TEST
// Test the products of a layer
static void check_layer(size_t rows, size_t out, size_t in)
{
    real *x = test_reals(rows * in), *w = test_reals(out * in);
    real *dy = test_reals(rows * out);
    real *y = test_unset(rows * out), *dx = test_unset(rows * in);
    real *dw = test_reals(out * in), *want_y = test_reals(rows * out);
    real *want_dx = test_reals(rows * in);
    real *want_dw = test_reals(out * in);

    fill_integers(x, rows * in, 1, 5);
    fill_integers(w, out * in, 2, 5);
    fill_integers(dy, rows * out, 3, 5);
    fill_integers(dw, out * in, 4, 5);
    memcpy(want_dw, dw, out * in * sizeof *dw);

    matmul_forward(y, x, w, rows, out, in);
    plain(false, true, rows, out, in, 1, x, in, w, in, 0, want_y, out);
    assert_same(y, want_y, rows * out);

    plain(false, false, rows, in, out, 1, dy, out, w, in,
          0, want_dx, in);
    matmul_backward_input(dx, dy, w, rows, out, in, false);
    assert_same(dx, want_dx, rows * in);

    matmul_backward_input(dx, dy, w, rows, out, in, true);
    for (size_t i = 0; i < rows * in; i++)
        want_dx[i] *= 2;
    assert_same(dx, want_dx, rows * in);

    plain(true, false, out, in, rows, 1, dy, out, x, in,
          1, want_dw, in);
    matmul_backward_weight(dw, dy, x, rows, out, in);
    assert_same(dw, want_dw, out * in);
}

/* fails if a product of the layer transposes
   the wrong operand, or overwrites dw */
START_TEST(layers_of_integers_are_exact)
{
    size_t i = (size_t)_i;

    check_layer(i, i * 7 % 33 + 1, i * 5 % 33 + 1);
}
END_TEST

/* fails if a slice begins at a wrong row of x, y, dy or dw */
START_TEST(slices_of_a_large_layer_are_exact)
{
    check_layer(1031, 283, 37);
    check_layer(129, 1030, 3);
    check_layer(1, 300, 200);
    check_layer(1100, 576, 192);
}
END_TEST
#ifdef REAL_IS_DOUBLE
enum { ROWS = 5, OUT = 4, IN = 3 };
struct layer { real x[ROWS * IN], w[OUT * IN], g[ROWS * OUT]; };

static double weighted_square(void *context)
{
    struct layer *l = context;
    real y[ROWS * OUT], loss = 0;

    matmul_forward(y, l->x, l->w, ROWS, OUT, IN);
    for (size_t i = 0; i < ROWS * OUT; i++)
        loss += l->g[i] * y[i] * y[i];
    return loss;
}

/* fails if the formula of dx or of dw
   is not what the chain rule says */
START_TEST(gradients_of_a_layer_are_those_of_the_differences)
{
    struct layer l;
    real y[ROWS * OUT], dy[ROWS * OUT], dx[ROWS * IN];
    real dw[OUT * IN] = { 0 };

    fill_normal(l.x, ROWS * IN, 1, 1);
    fill_normal(l.w, OUT * IN, 2, 1);
    fill_normal(l.g, ROWS * OUT, 3, 1);
    matmul_forward(y, l.x, l.w, ROWS, OUT, IN);
    for (size_t i = 0; i < ROWS * OUT; i++)
        dy[i] = 2 * l.g[i] * y[i];
    matmul_backward_input(dx, dy, l.w, ROWS, OUT, IN, false);
    matmul_backward_weight(dw, dy, l.x, ROWS, OUT, IN);
    assert_gradient(difference_check(weighted_square, &l, l.x, dx,
                                     ROWS * IN));
    assert_gradient(difference_check(weighted_square, &l, l.w, dw,
                                     OUT * IN));
}
END_TEST
#endif
// Test the slices
static void all_three(real *results, size_t rows, size_t out, size_t in)
{
    real *x = test_reals(rows * in), *w = test_reals(out * in);
    real *dy = test_reals(rows * out);

    fill_normal(x, rows * in, 1, 1);
    fill_normal(w, out * in, 2, 1);
    fill_normal(dy, rows * out, 3, 1);
    matmul_forward(results, x, w, rows, out, in);
    results += rows * out;
    matmul_backward_input(results, dy, w, rows, out, in, false);
    results += rows * in;
    matmul_backward_weight(results, dy, x, rows, out, in);
}

/* fails if there are as many slices as
   threads, or threads split a sum */
START_TEST(the_number_of_threads_does_not_change_a_bit)
{
    static const size_t sizes[][3] = {
        { 1, 1, 1 }, { 65, 67, 33 }, { 259, 131, 77 }, { 517, 290, 19 },
    };
    const size_t *s = sizes[_i];
    size_t count = s[0] * s[1] + s[0] * s[2] + s[1] * s[2];
    real *one = test_reals(count);

    omp_set_num_threads(1);
    all_three(one, s[0], s[1], s[2]);
    for (int threads = 2; threads <= 3; threads++) {
        real *more = test_reals(count);
        omp_set_num_threads(threads);
        all_three(more, s[0], s[1], s[2]);
        assert_same(more, one, count);
    }
}
END_TEST

/* fails if matmul_slices asks for the threads, or cuts below 32 rows */
START_TEST(slices_depend_on_the_rows_alone)
{
    static const size_t want[][2] = {   /* rows, slices */
        { 0, 1 }, { 1, 1 }, { 63, 1 }, { 64, 2 }, { 127, 2 },
        { 128, 4 }, { 255, 4 }, { 256, 4 }, { 512, 4 }, { 1027, 4 },
        { 1028, 4 }, { 1152, 4 }, { 1155, 4 }, { 1156, 8 },
        { 2048, 8 }, { 2304, 8 }, { 2311, 8 }, { 2312, 16 },
    };

    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        for (int threads = 1; threads <= 3; threads++) {
            omp_set_num_threads(threads);
            ck_assert_uint_eq(matmul_slices(want[i][0]), want[i][1]);
        }
}
END_TEST
// Test the library and the peak
/* fails if OpenBLAS has threads of its
   own, or its kernels are not named */
START_TEST(the_library_says_what_it_is)
{
    const char *library = matmul_library();
#ifdef BLAS_NONE
    ck_assert_str_eq(library, "loops");
#else
    char name[24], version[24], want[80];
    sscanf(openblas_get_config(), "%23s %23s", name, version);
    snprintf(want, sizeof want, "%s %s %s", name, version,
             openblas_get_corename());
    size_t length = strlen(library), own = strlen(want);
    ck_assert(length >= own);       /* another may stand before it */
    ck_assert_str_eq(library + length - own, want);
    ck_assert_str_eq(name, "OpenBLAS");
    ck_assert_int_eq(openblas_get_num_threads(), 1);
#endif
}
END_TEST

#if defined __x86_64__ && !defined BLAS_NONE
/* fails if a processor newer than OpenBLAS multiplies by SSE; on an
   older one, nothing can be seen */
START_TEST(the_kernels_use_what_the_processor_has)
{
    static const char *const wide[] = {
        "Haswell", "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids" };
    const char *library = matmul_library();
    const char *asked = getenv("OPENBLAS_CORETYPE");
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2")
        || !__builtin_cpu_supports("fma"))
        return;
    bool found = asked != NULL && strcasestr(library, asked) != NULL;
    for (size_t i = 0; asked == NULL && i < 5; i++)
        found = found || strcasestr(library, wide[i]) != NULL;
    ck_assert_msg(found, "%s", library);
}
END_TEST
#endif

/* fails if matmul_serial does not put
   back how many threads OpenMP had */
START_TEST(a_serial_product_leaves_the_threads_alone)
{
    real a = 3, b = 5, c = 0;

    omp_set_num_threads(3);
    matmul_serial(false, false, 1, 1, 1, 1, &a, 1, &b, 1, 0, &c, 1);
    ck_assert_int_eq(omp_get_max_threads(), 3);
    ck_assert(c == 15);
#ifndef BLAS_NONE
    ck_assert_int_eq(openblas_get_num_threads(), 1);
#endif
    matmul_library();
    ck_assert_int_eq(omp_get_max_threads(), 3);
}
END_TEST

/* fails if the compiler leaves out the
   work, or the rate is in another unit */
START_TEST(the_peak_is_a_possible_number)
{
    double peak = matmul_peak(1);

    ck_assert(peak > 1e-3 && peak < 1e4);
}
END_TEST

/* fails if the peak has sums that wait, or registers too narrow:
   either halves it. A machine that others use has a clock that is not
   as exact */
START_TEST(no_product_is_faster_than_the_peak)
{
    enum { N = 256 };
    real *a = test_reals(N * N), *c = test_reals(N * N);
    double product = 2, peak = 1;

    fill_normal(a, N * N, 1, 1);
    for (int round = 0; round < 8 && product > 1.25 * peak; round++) {
        product = 0;
        for (int i = 0; i < 50; i++) {
            double start = omp_get_wtime();
            matmul_serial(false, false, N, N, N, 1, a, N, a, N, 0, c,
                          N);
            product = fmax(product, 2e-9 * N * N * N
                                    / (omp_get_wtime() - start));
        }
        peak = matmul_peak(1);
    }
    ck_assert_msg(product <= 1.25 * peak,
                  "%g GF/s, the peak is %g", product, peak);
}
END_TEST

Suite *matmul_suite(void)
{
    Suite *suite = suite_create("matmul");
    TCase *c = tcase_create("matmul");

    // Register the tests of matrix products
    tcase_add_loop_test(c, serial_products_of_integers_are_exact, 1, 34);
    tcase_add_test(c, panels_do_not_change_a_bit);
    tcase_add_test(c, with_beta_zero_the_result_is_not_read);
    tcase_add_loop_test(c, layers_of_integers_are_exact, 1, 34);
    tcase_add_test(c, slices_of_a_large_layer_are_exact);
    #ifdef REAL_IS_DOUBLE
    tcase_add_test(c, gradients_of_a_layer_are_those_of_the_differences);
    #endif
    tcase_add_loop_test(c, the_number_of_threads_does_not_change_a_bit,
                        0, 4);
    tcase_add_test(c, slices_depend_on_the_rows_alone);
    tcase_add_test(c, the_library_says_what_it_is);
    tcase_add_test(c, a_serial_product_leaves_the_threads_alone);
    #if defined __x86_64__ && !defined BLAS_NONE
    tcase_add_test(c, the_kernels_use_what_the_processor_has);
    #endif
    tcase_add_test(c, the_peak_is_a_possible_number);
    TCase *slow = tcase_create("speed");
    tcase_set_tags(slow, "slow");
    tcase_add_test(slow, no_product_is_faster_than_the_peak);
    suite_add_tcase(suite, slow);
    suite_add_tcase(suite, c);
    return suite;
}
