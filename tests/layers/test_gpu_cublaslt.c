#include "ground/bf16.h"
#include "layers/fake_cublaslt.h"
#include "support/compare.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/suite.h"
#include <stdlib.h>
#include <string.h>
#pragma weak fake_cublaslt
void emulator_configure(void);         /* the emulator's */
#pragma weak emulator_configure

// Two devices in bf16, one with a library
enum { CPU, GPU };
static struct device bf16_on[2];

/* file NULL: where there is an emulator the fake, else what is there */
static void open_with(const char *file)
{
    struct message m = { 0, "" };
    if (file == NULL && emulator_configure != NULL)
        file = "";
    if (file != NULL)
        setenv("CUBLASLT", file, 1);
    ck_assert_msg(device_open(&bf16_on[CPU], "cpu", "bf16", &m)
                  && device_open(&bf16_on[GPU], "gpu", "bf16", &m),
                  "%s", m.text);
}

struct both { struct array on[2]; };

/* the same integers; the first `shift` numbers are not the array's */
static struct both both_of(enum role role, size_t rows, size_t columns,
                           uint64_t seed, size_t shift)
{
    struct both b;
    real *x = test_reals(rows * columns + 1);
    fill_integers(x, rows * columns, seed, 9);
    for (int d = 0; d < 2; d++) {
        struct message m = { 0, "" };
        struct array a = device_shape(&bf16_on[d], role, rows, columns);
        char *at = device_allocate(&bf16_on[d], array_bytes(a) + 64,
                                   &m);
        ck_assert_msg(at != NULL, "%s", m.text);
        a.at = at + shift * format_bytes(a.format);
        device_upload(&bf16_on[d], a, x);
        b.on[d] = a;
    }
    return b;
}

static void same(const char *name, struct both b)
{
    size_t count = b.on[0].rows * b.on[0].columns;
    real *got[2];
    for (int d = 0; d < 2; d++) {
        struct message m = { 0, "" };
        got[d] = test_unset(count + 1);
        device_download(&bf16_on[d], got[d], b.on[d]);
        ck_assert_msg(device_finish(&bf16_on[d], &m), "%s", m.text);
    }
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(got[GPU][i] == got[CPU][i], "%s[%zu] is %g, not "
                      "%g", name, i, (double)got[GPU][i],
                      (double)got[CPU][i]);
}

// Tests of products by cuBLASLt
static const struct { size_t T, out, in, shift; int taken; } shapes[] =
    { { 5, 16, 8, 0, 5 }, { 33, 40, 72, 0, 5 }, { 1, 8, 16, 0, 5 },
      { 40, 8, FAKE_REFUSES, 0, 3 }, { 17, 16, 8, 1, 0 },
      { 9, 16, 9, 0, 0 }, { 0, 16, 8, 0, 0 } };
enum { LIBRARY_SHAPES = sizeof shapes / sizeof *shapes };

/* the three products, with results in bf16 and in floats */
static int multiply_all(size_t T, size_t out, size_t in, size_t shift)
{
    struct both x = both_of(ACTIVATION, T, in, 1, shift);
    struct both w = both_of(WORKING, out, in, 2, shift);
    struct both dy = both_of(GRADIENT, T, out, 3, shift);
    struct both logits = both_of(EXACT, T, out, 4, shift);
    struct both y = both_of(ACTIVATION, T, out, 5, shift);
    struct both dx = both_of(GRADIENT, T, in, 6, shift);
    struct both dw = both_of(MASTER, out, in, 7, shift);
    int before = &fake_cublaslt ? fake_cublaslt.products : 0;
    for (int d = 0; d < 2; d++) {
        struct device *on = &bf16_on[d];
        device_product(on, y.on[d], x.on[d], w.on[d]);
        device_product_input(on, dx.on[d], dy.on[d], w.on[d], false);
        device_product_input(on, dx.on[d], dy.on[d], w.on[d], true);
        device_product_weight(on, dw.on[d], dy.on[d], x.on[d]);
        device_product_input(on, dx.on[d], logits.on[d], w.on[d], true);
        device_product(on, logits.on[d], x.on[d], w.on[d]);
    }
    same("y", y), same("dx", dx), same("dw", dw);
    same("logits", logits);
    return (&fake_cublaslt ? fake_cublaslt.products : 0) - before;
}

/* fails if a matrix is not turned, or is turned and should not be; a
   result is not added to, or is; rows are taken for columns; a product
   that the library does not take is lost; or ours is used for one that
   it takes */
START_TEST(gpu_library_products_are_the_cpus)
{
    open_with(NULL);
    int by = multiply_all(shapes[_i].T, shapes[_i].out, shapes[_i].in,
                          shapes[_i].shift);
    if (emulator_configure == NULL)
        return;
    ck_assert_str_eq(device_products(&bf16_on[GPU]),
                     "cuBLASLt 13.0.2, of bf16");
    ck_assert_int_eq(by, shapes[_i].taken);
    device_close(&bf16_on[GPU]);
    ck_assert_int_eq(fake_cublaslt.alive, 0);
}
END_TEST

/* fails if an algorithm is chosen again for a shape that had one, or
   two shapes share one */
START_TEST(gpu_library_is_asked_once_for_a_shape)
{
    if (emulator_configure == NULL)
        return;
    open_with(NULL);
    for (int again = 0; again < 2; again++) {
        multiply_all(5, 16, 8, 0);
        multiply_all(6, 16, 8, 0);
        multiply_all(5, 8, FAKE_REFUSES, 0);
        ck_assert_int_eq(fake_cublaslt.asked, 3 * 4);
    }
}
END_TEST

static struct both sum, left, right;
static void multiply(void *on)
{
    device_product_weight(on, sum.on[GPU], left.on[GPU], right.on[GPU]);
}

/* fails if a product by the library is not part of a graph */
START_TEST(gpu_library_products_can_be_recorded)
{
    struct recording r = { 0 };
    open_with(NULL);
    sum = both_of(MASTER, 16, 8, 1, 0);
    left = both_of(GRADIENT, 32, 16, 2, 0);
    right = both_of(ACTIVATION, 32, 8, 3, 0);
    for (int i = 0; i < 5; i++) {
        device_repeat(&bf16_on[GPU], &r, multiply, &bf16_on[GPU]);
        device_product_weight(&bf16_on[CPU], sum.on[CPU], left.on[CPU],
                              right.on[CPU]);
    }
    ck_assert(r.state != NULL);
    if (emulator_configure != NULL)
        ck_assert_int_eq(fake_cublaslt.products, 2);
    same("sum", sum);
    device_forget(&bf16_on[GPU], &r);
}
END_TEST

/* fails if a missing library, or one that is not cuBLASLt, is a
   failure, or is not said */
START_TEST(gpu_products_are_ours_without_a_library)
{
    static const char *const files[][2] = {
        { "/nowhere/libcublasLt.so", "its own kernels, of bf16; "
          "/nowhere/libcublasLt.so is not here" },
        { "libm.so.6", "its own kernels, of bf16; libm.so.6 is not "
          "ready" },
        { "no", "its own kernels, of bf16" } };
    open_with(files[_i][0]);
    ck_assert_str_eq(device_products(&bf16_on[GPU]), files[_i][1]);
    ck_assert_int_eq(multiply_all(33, 40, 72, 0), 0);
}
END_TEST

Suite *gpu_cublaslt_suite(void);
Suite *gpu_cublaslt_suite(void)
{
    Suite *s = suite_create("gpu_cublaslt");
    TCase *c = tcase_create("gpu_cublaslt");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 60);
    tcase_add_loop_test(c, gpu_library_products_are_the_cpus, 0,
                        LIBRARY_SHAPES);
    tcase_add_test(c, gpu_library_is_asked_once_for_a_shape);
    tcase_add_test(c, gpu_library_products_can_be_recorded);
    tcase_add_loop_test(c, gpu_products_are_ours_without_a_library, 0,
                        3);
    return s;
}
