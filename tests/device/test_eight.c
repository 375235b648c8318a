#include "device/precision.h"
#include "ground/blocks.h"
#include "ground/random.h"
#include "layers/image.h"
#include "model/model.h"
#include "support/compare.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/suite.h"
#include <stdio.h>

#ifdef REAL_IS_DOUBLE
/* fails if the program that computes in double opens fp8 */
START_TEST(fp8_is_refused_in_double)
{
    struct device d;
    struct message m = { 0, "" };
    ck_assert(!device_open(&d, "cpu", "fp8", &m));
    ck_assert(m.status == 64 && strstr(m.text, "double") != NULL);
}
END_TEST
#else
// Tests of images
static const struct fp8_blocks image_shapes[] = { { 1, 128 },
    { 128, 128 }, { 128, 1 } };

/* what is stored and loaded */
static void by_blocks(bf16 *to, const bf16 *from, size_t rows,
                      size_t columns, struct fp8_blocks b)
{
    size_t count = rows * columns;
    real *x = test_reals(count);
    fp8 *q = (fp8 *)test_reals(count);
    int8_t *exponent = (int8_t *)test_reals(count);
    bf16_load(x, from, count);
    fp8_store(q, exponent, x, rows, columns, b, FP8_E4M3, NULL);
    fp8_load(x, q, exponent, rows, columns, b, FP8_E4M3);
    bf16_store(to, x, count);
}

static void assert_image(const bf16 *from, size_t rows, size_t columns,
                         struct fp8_blocks b)
{
    size_t count = rows * columns;
    bf16 *got = (bf16 *)test_reals(count);
    bf16 *want = (bf16 *)test_reals(count);
    image_make(got, from, rows, columns, b);
    by_blocks(want, from, rows, columns, b);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(got[i] == want[i] || ((got[i] & 0x7fff) > 0x7f80
                      && (want[i] & 0x7fff) > 0x7f80),
                      "[%zu][%zu]: %04x became %04x, not %04x",
                      i / columns, i % columns, from[i], got[i],
                      want[i]);
}

/* fails if a number of bf16 is rounded otherwise than defined, by some
   scale; the first of each row gives it */
START_TEST(an_image_is_what_is_stored)
{
    enum { ROW = 128, ALL = 1 << 16, ROWS = ALL / (ROW - 1) + 1 };
    bf16 *x = (bf16 *)test_reals(ROWS * ROW);
    for (int e = -125; e <= 127; e += 9) {
        for (unsigned i = 0; i < ROWS * ROW; i++) {
            unsigned code = i / ROW * (ROW - 1) + i % ROW - 1;
            bf16 most = (bf16)((unsigned)(127 + e) << 7
                               | i / ROW % 128);
            bf16 size = (bf16)(code & 0x7fff);
            bool larger = size > most && size < 0x7f80;
            x[i] = i % ROW == 0 || larger ? most : (bf16)code;
        }
        assert_image(x, ROWS, ROW, image_shapes[0]);
    }
}
END_TEST

/* fails if a block takes another's scale, or what is left at an edge is
   none */
START_TEST(images_have_blocks_of_every_shape)
{
    enum { ROWS = 270, COLUMNS = 300, COUNT = ROWS * COLUMNS };
    real *wide = test_reals(COUNT);
    bf16 *x = (bf16 *)test_reals(COUNT);
    fill_normal(wide, COUNT, 1, 1);
    for (size_t i = 0; i < COUNT; i++)
        wide[i] *= (real)exp2((double)random_below(4, 1, i / 5, 40)
                              - 20);
    for (size_t i = 0; i < COUNT; i += 997)
        wide[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? (real)INFINITY
                : (real)NAN;
    for (size_t i = 100 * COLUMNS; i < 101 * COLUMNS; i++)
        wide[i] = 0;
    bf16_store(x, wide, COUNT);
    assert_image(x, ROWS, COLUMNS, image_shapes[_i]);
    assert_image(x, 1, COLUMNS, image_shapes[_i]);
    assert_image(x, ROWS, 1, image_shapes[_i]);
}
END_TEST

// Tests of products in eight bits
static const struct sizes { size_t T, N, K; } sizes[] = {
    { 1, 1, 1 }, { 130, 8, 200 }, { 300, 129, 127 }, { 128, 384, 128 },
    { 257, 70, 300 } };

static void open_two(struct device *eight, struct device *sixteen)
{
    struct message m = { 0, "" };
    ck_assert_msg(device_open(eight, "cpu", "fp8", &m), "%s", m.text);
    ck_assert_msg(device_open(sixteen, "cpu", "bf16", &m), "%s",
                  m.text);
    ck_assert_pstr_eq(device_precision(eight), "fp8");
    ck_assert_pstr_eq(device_precision(sixteen), "bf16");
}

static struct array drawn(const struct device *d, enum role role,
                          size_t rows, size_t columns, uint64_t seed)
{
    struct array a = device_shape(d, role, rows, columns);
    real *wide = test_reals(rows * columns);
    fill_normal(wide, rows * columns, seed, 1);
    a.at = wide;
    if (a.format == BF16) {
        a.at = test_reals(rows * columns);
        bf16_store(a.at, wide, rows * columns);
    }
    return a;
}

static struct array image_of(struct array a, struct fp8_blocks b)
{
    struct array image = a;
    image.at = test_reals(a.rows * a.columns);
    by_blocks(image.at, a.at, a.rows, a.columns, b);
    return image;
}

static struct array like(struct array a)
{
    a.at = test_reals(a.rows * a.columns);
    return a;
}

static void assert_alike(struct array a, struct array b)
{
    ck_assert_int_eq(memcmp(a.at, b.at, array_bytes(a)), 0);
}

/* fails if a factor is rounded in other blocks, twice, or not at all */
START_TEST(products_in_eight_bits_are_those_of_images)
{
    struct sizes s = sizes[_i];
    struct device eight, sixteen;
    open_two(&eight, &sixteen);
    struct array x = drawn(&eight, ACTIVATION, s.T, s.K, 1);
    struct array w = drawn(&eight, WORKING, s.N, s.K, 2);
    struct array dy = drawn(&eight, GRADIENT, s.T, s.N, 3);
    struct array y = drawn(&eight, ACTIVATION, s.T, s.N, 4);
    struct array dx = drawn(&eight, GRADIENT, s.T, s.K, 5);
    struct array dw = drawn(&eight, MASTER, s.N, s.K, 6);
    struct array y16 = like(y), dx16 = like(dx), dw16 = like(dw);
    const struct fp8_blocks row = { 1, 128 }, square = { 128, 128 },
        column = { 128, 1 };
    device_product(&eight, y, x, w);
    device_product(&sixteen, y16, image_of(x, row),
                   image_of(w, square));
    assert_alike(y, y16);
    device_product_input(&eight, dx, dy, w, false);
    device_product_input(&sixteen, dx16, image_of(dy, row),
                         image_of(w, square), false);
    assert_alike(dx, dx16);
    device_product_input(&eight, dx, dy, w, true);
    device_product_input(&sixteen, dx16, image_of(dy, row),
                         image_of(w, square), true);
    assert_alike(dx, dx16);
    memset(dw.at, 0, array_bytes(dw));
    memset(dw16.at, 0, array_bytes(dw));
    device_product_weight(&eight, dw, dy, x);
    device_product_weight(&sixteen, dw16, image_of(dy, column),
                          image_of(x, column));
    assert_alike(dw, dw16);
    device_close(&eight);
    device_close(&sixteen);
}
END_TEST

/* sum of a[i] b[i], and of sizes */
static void assert_within(real got, const bf16 *a, size_t step_a,
                          const bf16 *b, size_t step_b, size_t count,
                          double amax)
{
    double right = 0, sizes_of = 0, small = amax * 0x1p-18;
    for (size_t i = 0; i < count; i++) {
        double x = (double)bf16_widen(a[i * step_a]);
        double y = (double)bf16_widen(b[i * step_b]);
        right += x * y;
        sizes_of += (2 / 16. + 1 / 256.) * fabs(x * y)
                  + small * (fabs(x) + fabs(y) + small);
    }
    ck_assert_msg(fabs((double)got - right)
                  <= sizes_of + fabs(right) / 128, "%g, not %g",
                  (double)got, right);
}

/* fails if a product is off by more than 2 u + u^2 of the sum of sizes;
   what is subnormal in its block by half a step of it; the result is
   rounded once more. No number here is larger than 8. */
START_TEST(products_in_eight_bits_err_within_their_bound)
{
    struct sizes s = sizes[_i];
    struct device eight, sixteen;
    open_two(&eight, &sixteen);
    struct array x = drawn(&eight, ACTIVATION, s.T, s.K, 1);
    struct array w = drawn(&eight, WORKING, s.N, s.K, 2);
    struct array dy = drawn(&eight, GRADIENT, s.T, s.N, 3);
    struct array y = drawn(&eight, ACTIVATION, s.T, s.N, 4);
    struct array dx = drawn(&eight, GRADIENT, s.T, s.K, 5);
    struct array dw = device_shape(&eight, MASTER, s.N, s.K);
    const bf16 *bx = x.at, *bw = w.at, *bdy = dy.at;
    dw.at = test_reals(s.N * s.K);
    device_product(&eight, y, x, w);
    device_product_input(&eight, dx, dy, w, false);
    device_product_weight(&eight, dw, dy, x);
    for (size_t t = 0; t < s.T; t++)
        for (size_t i = 0; i < s.N; i++)
            assert_within(bf16_widen(((bf16 *)y.at)[t * s.N + i]),
                          bx + t * s.K, 1, bw + i * s.K, 1, s.K, 8);
    for (size_t t = 0; t < s.T; t++)
        for (size_t i = 0; i < s.K; i++)
            assert_within(bf16_widen(((bf16 *)dx.at)[t * s.K + i]),
                          bdy + t * s.N, 1, bw + i, s.K, s.N, 8);
    for (size_t n = 0; n < s.N; n++)
        for (size_t i = 0; i < s.K; i++)
            assert_within(reals(dw)[n * s.K + i], bdy + n, s.N, bx + i,
                          s.K, s.T, 8);
    device_close(&eight);
    device_close(&sixteen);
}
END_TEST

/* fails if an infinite factor is not counted once, or is no largest
   number of its block */
START_TEST(what_is_infinite_in_a_product_is_counted)
{
    enum { T = 3, N = 5, K = 7 };
    struct device eight, sixteen;
    open_two(&eight, &sixteen);
    struct array x = drawn(&eight, ACTIVATION, T, K, 1);
    struct array w = drawn(&eight, WORKING, N, K, 2);
    struct array y = drawn(&eight, ACTIVATION, T, N, 3);
    ((bf16 *)x.at)[K + 2] = 0x7f80;         /* of token 1 */
    ((bf16 *)x.at)[2 * K] = 0xff80;
    device_product(&eight, y, x, w);
    ck_assert_uint_eq(eight.eight.stored, T * K + N * K);
    ck_assert_uint_eq(eight.eight.saturated, 2);
    for (size_t i = 0; i < T * N; i++)
        ck_assert(isfinite(bf16_widen(((bf16 *)y.at)[i])));
    device_close(&eight);
    device_close(&sixteen);
}
END_TEST

/* fails if logits, or what comes back from them, are of eight bits */
START_TEST(the_head_keeps_sixteen_bits)
{
    enum { T = 40, V = 90, C = 70 };
    struct device eight, sixteen;
    open_two(&eight, &sixteen);
    struct array x = drawn(&eight, ACTIVATION, T, C, 1);
    struct array w = drawn(&eight, WORKING, V, C, 2);
    struct array logits = drawn(&eight, EXACT, T, V, 3);
    struct array dx = drawn(&eight, GRADIENT, T, C, 4);
    struct array dw = drawn(&eight, MASTER, V, C, 5);
    struct array other = like(logits), dx16 = like(dx), dw16 = like(dw);
    memcpy(dw16.at, dw.at, array_bytes(dw));
    device_product(&eight, logits, x, w);
    device_product(&sixteen, other, x, w);
    assert_alike(logits, other);
    device_product_input(&eight, dx, logits, w, false);
    device_product_input(&sixteen, dx16, logits, w, false);
    assert_alike(dx, dx16);
    device_product_weight(&eight, dw, logits, x);
    device_product_weight(&sixteen, dw16, logits, x);
    assert_alike(dw, dw16);
    device_close(&eight);
    device_close(&sixteen);
}
END_TEST

// Tests of models in eight bits
static void settle_in_eight(real *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (real)fp8_widen(fp8_round((float)x[i], FP8_E4M3),
                               FP8_E4M3);
}

static const char *const precisions[] = {
    // Precisions of eight bits, quoted
    "fp8",
    "fp8-streams", "fp8-streams-stochastic", "fp8-streams-mean",
};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

/* the connection of a test's number, and its precision */
static const struct connection *kind_of(int number)
{
    return connections[number / PRECISIONS];
}

static const char *precision_of(int number)
{
    return precisions[number % PRECISIONS];
}

/* fails if a gradient is off by what is no rounding */
START_TEST(gradients_in_eight_bits_are_off_by_roundings)
{
    const struct connection *k = kind_of(_i);
    real *single = test_reals(WHOLE_MOST);
    real *once = test_reals(WHOLE_MOST);
    real *eight = test_reals(WHOLE_MOST);
    double all = 0, off = 0, moved = 0;
    double a = whole_in("single", single, k, 0, false, NULL);
    double b = whole_in(precision_of(_i), eight, k, 0, false, NULL);
    whole_in("single", once, k, 0, false, settle_in_eight);
    for (size_t i = 0; i < WHOLE_MOST; i++) {
        double is = (double)single[i], far = (double)eight[i] - is;
        double one = (double)once[i] - is;
        all += is * is, off += far * far, moved += one * one;
    }
    ck_assert(a != b);
    ck_assert_msg(off < 25 * moved, "%s: off by %g, one rounding "
                  "%g", k->name, sqrt(off / all), sqrt(moved / all));
}
END_TEST

START_TEST(recomputing_in_eight_bits_changes_no_bit)
{
    assert_recomputing_changes_no_bit(precision_of(_i), kind_of(_i));
}
END_TEST

START_TEST(a_run_in_eight_bits_is_the_same_for_any_threads)
{
    assert_the_same_for_any_threads(precisions[_i]);
}
END_TEST

START_TEST(training_in_eight_bits_follows_single)
{
    assert_training_follows_single(precisions[_i], 0.05);
}
END_TEST

START_TEST(a_run_in_eight_bits_goes_on_bit_for_bit)
{
    assert_a_run_goes_on(precisions[_i]);
}
END_TEST
#endif

Suite *eight_suite(void);
Suite *eight_suite(void)
{
    Suite *s = suite_create("eight");
    TCase *c = tcase_create("eight_products");
    suite_add_tcase(s, c);
#ifdef REAL_IS_DOUBLE
    tcase_add_test(c, fp8_is_refused_in_double);
#else
    int kinds = 0;
    while (connections[kinds] != NULL)
        kinds++;
    // Add the tests in eight bits
    tcase_add_test(c, an_image_is_what_is_stored);
    tcase_add_loop_test(c, images_have_blocks_of_every_shape, 0, 3);
    tcase_add_loop_test(c, products_in_eight_bits_are_those_of_images, 0,
                        5);
    tcase_add_loop_test(c, products_in_eight_bits_err_within_their_bound, 0,
                        5);
    tcase_add_test(c, the_head_keeps_sixteen_bits);
    tcase_add_test(c, what_is_infinite_in_a_product_is_counted);
    c = tcase_create("eight_model");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gradients_in_eight_bits_are_off_by_roundings, 0,
                        kinds * PRECISIONS);
    tcase_add_loop_test(c, recomputing_in_eight_bits_changes_no_bit, 0,
                        kinds * PRECISIONS);
    tcase_add_loop_test(c, a_run_in_eight_bits_is_the_same_for_any_threads,
                        0, PRECISIONS);
    tcase_add_loop_test(c, training_in_eight_bits_follows_single, 0,
                        PRECISIONS);
    tcase_add_loop_test(c, a_run_in_eight_bits_goes_on_bit_for_bit, 0,
                        PRECISIONS);
#endif
    return s;
}
