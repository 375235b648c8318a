#include "support/pair.h"
#include "ground/random.h"
#include "layers/matmul_versions.h"
#include "support/suite.h"

// Shapes for products
struct shape { size_t T, out, in; };

enum { DRAWN = 10, SHAPES = DRAWN + 10 };

static struct shape shape_of(int i)
{
    static const struct shape fixed[] = {
        { 1, 1, 1 }, { 8, 64, 64 }, { 64, 64, 8 }, { 256, 96, 12 },
        { 1, 13, 256 }, { 65, 63, 9 }, { 3, 129, 7 }, { 130, 260, 20 },
        { 300, 150, 33 }, { 140, 7, 530 },
    };
    if (i >= DRAWN)
        return fixed[i - DRAWN];
    uint64_t n = 3 * (uint64_t)i;
    return (struct shape){ 1 + random_below(7, 0, n, 100),
                           1 + random_below(7, 0, n + 1, 100),
                           1 + random_below(7, 0, n + 2, 100) };
}

/* rows of p without the first and the last, which nobody may touch */
static struct pair inside(struct pair p)
{
    return (struct pair){ array_rows(p.cpu, 1, p.cpu.rows - 2),
                          array_rows(p.gpu, 1, p.cpu.rows - 2) };
}

/* c = the sum over `count` of a[i, k] b[j, k], where element i, k of
   a stands at i * ai + k * ak */
static void assert_bounded(struct pair c, struct pair a, size_t ai,
                           size_t ak, struct pair b, size_t bj,
                           size_t bk, size_t count)
{
    const real *got = pair_reals(c);
    const real *left = reals(a.cpu), *right = reals(b.cpu);
    for (size_t i = 0; i < c.cpu.rows; i++)
        for (size_t j = 0; j < c.cpu.columns; j++) {
            double sum = 0, size = 0;
            for (size_t k = 0; k < count; k++) {
                double term = (double)left[i * ai + k * ak]
                            * (double)right[j * bj + k * bk];
                sum += term;
                size += fabs(term);
            }
            double off = fabs((double)got[i * c.cpu.columns + j] - sum);
            ck_assert_msg(off <= (double)count * 0x1p-24 * size * 1.01,
                          "[%zu,%zu] is off by %g of %g", i, j, off,
                          size);
        }
}

// Tests of products on the gpu
/* fails if an edge is lost, a sum is not cleared, or something is
   written besides the result */
START_TEST(gpu_products_of_integers_are_the_cpus)
{
    struct shape s = shape_of(_i);
    struct pair x = pair_integers(ACTIVATION, s.T, s.in, 1, 9);
    struct pair w = pair_integers(WORKING, s.out, s.in, 2, 9);
    struct pair dy = pair_integers(GRADIENT, s.T, s.out, 3, 9);
    struct pair y = pair_unset(ACTIVATION, s.T + 2, s.out);
    struct pair dx = pair_unset(GRADIENT, s.T + 2, s.in);
    struct pair dw = pair_integers(MASTER, s.out + 2, s.in, 4, 9);
    device_product(&cpu, inside(y).cpu, x.cpu, w.cpu);
    device_product(&gpu, inside(y).gpu, x.gpu, w.gpu);
    pair_same("y", y);
    for (int add = 0; add < 2; add++) {
        device_product_input(&cpu, inside(dx).cpu, dy.cpu, w.cpu, add);
        device_product_input(&gpu, inside(dx).gpu, dy.gpu, w.gpu, add);
        pair_same("dx", dx);
    }
    device_product_weight(&cpu, inside(dw).cpu, dy.cpu, x.cpu);
    device_product_weight(&gpu, inside(dw).gpu, dy.gpu, x.gpu);
    pair_same("dw", dw);
}
END_TEST
/* fails if a term is lost, or a sum is kept in less than single */
START_TEST(gpu_products_are_within_a_sums_bound)
{
    static const struct shape shapes[] = {
        { 40, 50, 1000 }, { 40, 1000, 50 }, { 1000, 40, 50 } };
    struct shape s = shapes[_i];
    struct pair x = pair_normal(ACTIVATION, s.T, s.in, 1, 1);
    struct pair w = pair_normal(WORKING, s.out, s.in, 2, 1);
    struct pair dy = pair_normal(GRADIENT, s.T, s.out, 3, 1e5);
    struct pair y = pair_unset(ACTIVATION, s.T, s.out);
    struct pair dx = pair_unset(GRADIENT, s.T, s.in);
    struct pair dw = pair_integers(MASTER, s.out, s.in, 4, 0);
    device_product(&gpu, y.gpu, x.gpu, w.gpu);
    device_product_input(&gpu, dx.gpu, dy.gpu, w.gpu, false);
    device_product_weight(&gpu, dw.gpu, dy.gpu, x.gpu);
    assert_bounded(y, x, s.in, 1, w, s.in, 1, s.in);
    assert_bounded(dx, dy, s.out, 1, w, 1, s.in, s.out);
    assert_bounded(dw, dy, 1, s.out, x, 1, s.in, s.T);
}
END_TEST

/* fails if the order of a sum depends on the size of the tiles, which
   the number of multiprocessors decides, or on the run */
START_TEST(gpu_products_do_not_depend_on_their_tiles)
{
    struct pair x = pair_normal(ACTIVATION, 300, 40, 1, 1);
    struct pair w = pair_normal(WORKING, 140, 40, 2, 1);
    struct pair y = pair_unset(ACTIVATION, 300, 140);
    struct pair again = pair_unset(ACTIVATION, 300, 140);
    struct pair part = pair_unset(ACTIVATION, 300, 140);
    device_product(&gpu, y.gpu, x.gpu, w.gpu);
    device_product(&gpu, again.gpu, x.gpu, w.gpu);
    for (size_t t = 0; t < 300; t += 60)
        device_product(&gpu, array_rows(part.gpu, t, 60),
                       array_rows(x.gpu, t, 60), w.gpu);
    assert_same(pair_reals(again), pair_reals(y), 300 * 140);
    assert_same(pair_reals(part), pair_reals(y), 300 * 140);
}
END_TEST

/* fails if a kernel is launched with no blocks, or a gradient of no
   rows is not zero */
START_TEST(gpu_products_of_no_rows_do_nothing)
{
    struct message m = { 0, "" };
    struct pair x = pair_normal(ACTIVATION, 3, 5, 1, 1);
    struct pair w = pair_normal(MASTER, 7, 5, 2, 1);
    struct pair y = pair_unset(ACTIVATION, 3, 7);
    struct array none = array_rows(y.gpu, 1, 0);
    device_product(&gpu, none, x.gpu, w.gpu);
    device_product_input(&gpu, array_as(array_rows(x.gpu, 0, 0),
                         GRADIENT, F32), array_as(none, GRADIENT, F32),
                         w.gpu, false);
    device_product_weight(&gpu, w.gpu, array_as(none, GRADIENT, F32),
                          x.gpu);
    pair_same("x", x);
    pair_same("y", y);
    pair_same("w", w);
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}
END_TEST

/* fails if an earlier version of the chapter is wrong */
START_TEST(gpu_versions_of_a_product_agree)
{
    static const struct shape shapes[] = {
        { 33, 31, 65 }, { 1, 1, 1 }, { 64, 96, 32 } };
    struct shape s = shapes[_i];
    struct pair x = pair_integers(ACTIVATION, s.T, s.in, 1, 9);
    struct pair w = pair_integers(WORKING, s.out, s.in, 2, 9);
    struct pair y = pair_unset(ACTIVATION, s.T, s.out);
    struct pair z = pair_copy(y.cpu);
    device_product(&cpu, y.cpu, x.cpu, w.cpu);
    matmul_version1(&gpu, y.gpu, x.gpu, w.gpu);
    matmul_version2(&gpu, z.gpu, x.gpu, w.gpu);
    pair_same("version 1", y);
    assert_same(pair_reals(z), reals(y.cpu), s.T * s.out);
}
END_TEST

Suite *gpu_matmul_suite(void);
Suite *gpu_matmul_suite(void)
{
    Suite *s = suite_create("gpu_matmul");
    TCase *c = tcase_create("gpu_products");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, gpu_products_of_integers_are_the_cpus, 0,
                        SHAPES);
    tcase_add_loop_test(c, gpu_products_are_within_a_sums_bound, 0, 3);
    tcase_add_test(c, gpu_products_do_not_depend_on_their_tiles);
    tcase_add_test(c, gpu_products_of_no_rows_do_nothing);
    tcase_add_loop_test(c, gpu_versions_of_a_product_agree, 0, 3);
    return s;
}
