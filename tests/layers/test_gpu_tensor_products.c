#include "boundary/project.cuh"
#include "device/sixteen.h"
#include "ground/bf16.h"
#include "ground/random.h"
#include "layers/norm.h"
#include "layers/tensor.h"
#include "layers/tensor_versions.h"
#include "support/pair.h"
#include "support/suite.h"
#include <stdlib.h>
#pragma weak gpu_project_sixteen
#pragma weak sixteen_gpu_product
#pragma weak sixteen_gpu_product_input
#pragma weak sixteen_gpu_product_weight
void emulator_configure(void);         /* the emulator's */
#pragma weak emulator_configure

// Numbers of two or four bytes, in both memories
static struct device sixteen;   /* the cpu in bf16 */

/* as so many floats, whatever they are: copied without a look */
static struct array words_of(struct array a)
{
    return (struct array){ .at = a.at, .rows = 1,
        .columns = (array_bytes(a) + 3) / 4, .role = EXACT,
        .format = F32 };
}

/* `numbers`, which x has, or NaN if x is NULL, in both memories; on
   the gpu, `shift` numbers after an address that is aligned */
static struct pair kept(enum format f, size_t rows, size_t columns,
                        const real *x, size_t shift)
{
    struct message m = { 0, "" };
    size_t count = rows * columns;
    struct array a = { .at = test_unset(count + 1), .rows = rows,
        .columns = columns, .role = EXACT, .format = f };
    struct pair p = { a, a };
    pair_open();
    gpu_products_by(&gpu, BY_WARPS);        /* not to a warpgroup */
    if (x != NULL && f == BF16)
        bf16_store((bf16 *)a.at, x, count);
    else if (x != NULL)
        memcpy(a.at, x, count * sizeof *x);
    char *at = device_allocate(&gpu, 4 * (count + 8), &m);
    ck_assert_msg(at != NULL, "%s", m.text);
    p.gpu.at = at + shift * format_bytes(f);
    real *around = test_reals(count + 8);       /* NaN, in either */
    memset(around, 0xff, (count + 8) * sizeof *around);
    device_upload(&gpu, (struct array){ .at = at, .rows = 1,
        .columns = count + 8, .role = EXACT, .format = F32 },
                  around);
    device_upload(&gpu, words_of(p.gpu), a.at);
    return p;
}

static struct pair integers(enum format f, size_t rows, size_t columns,
                            uint64_t seed, size_t shift)
{
    real *x = test_reals(rows * columns + 1);
    fill_integers(x, rows * columns, seed, 9);
    return kept(f, rows, columns, x, shift);
}

static struct pair normal(enum format f, size_t rows, size_t columns,
                          uint64_t seed, double scale)
{
    real *x = test_reals(rows * columns + 1);
    fill_normal(x, rows * columns, seed, scale);
    return kept(f, rows, columns, x, 0);
}

/* what the gpu has */
static void *fetched(struct pair p)
{
    struct message m = { 0, "" };
    real *x = test_unset(p.cpu.rows * p.cpu.columns + 1);
    device_download(&gpu, x, words_of(p.gpu));
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
    return x;
}

static void same(const char *name, struct pair p)
{
    size_t each = format_bytes(p.cpu.format);
    const char *got = fetched(p), *want = p.cpu.at;
    for (size_t i = 0; i < p.cpu.rows * p.cpu.columns; i++)
        ck_assert_msg(memcmp(got + i * each, want + i * each, each)
                      == 0, "%s differs at [%zu,%zu]", name,
                      i / p.cpu.columns, i % p.cpu.columns);
}

/* without its first row and its last, which nobody may touch */
static struct pair inside(struct pair p)
{
    return (struct pair){ array_rows(p.cpu, 1, p.cpu.rows - 2),
                          array_rows(p.gpu, 1, p.cpu.rows - 2) };
}

// Shapes for products on tensor cores
struct shape { size_t T, out, in, shift; };

enum { TENSOR_DRAWN = 12, TENSOR_SHAPES = TENSOR_DRAWN + 9 };

/* each other one that is drawn has widths that are aligned */
static struct shape shape_of(int i)
{
    static const struct shape fixed[] = {
        { 1, 1, 1, 0 }, { 16, 8, 16, 0 }, { 64, 64, 64, 0 },
        { 300, 264, 40, 0 }, { 257, 384, 96, 0 }, { 129, 40, 264, 0 },
        { 40, 256, 128, 1 }, { 1, 8, 8, 0 }, { 31, 16, 1000, 3 },
    };
    if (i >= TENSOR_DRAWN)
        return fixed[i - TENSOR_DRAWN];
    uint64_t n = 3 * (uint64_t)i;
    struct shape s = { 1 + random_below(7, 1, n, 300),
                       1 + random_below(7, 1, n + 1, 300),
                       1 + random_below(7, 1, n + 2, 300), 0 };
    if (i % 2 == 0) {
        s.out = (s.out + 7) / 8 * 8;
        s.in = (s.in + 7) / 8 * 8;
    }
    return s;
}

static double at(struct array a, size_t i)
{
    return a.format == BF16
        ? (double)bf16_widen(((const bf16 *)a.at)[i])
        : (double)reals(a)[i];
}

/* c = the sum over `count` of a[i, k] b[j, k], where element i, k of
   a stands at i * ai + k * ak */
static void assert_bounded(struct pair c, struct array a, size_t ai,
                           size_t ak, struct array b, size_t bj,
                           size_t bk, size_t count)
{
    struct array got = c.cpu;
    got.at = fetched(c);
    for (size_t i = 0; i < got.rows; i++)
        for (size_t j = 0; j < got.columns; j++) {
            double sum = 0, size = 0;
            for (size_t k = 0; k < count; k++) {
                double left = at(a, i * ai + k * ak);
                left = (double)bf16_widen(bf16_round((float)left));
                double term = left * at(b, j * bj + k * bk);
                sum += term;
                size += fabs(term);
            }
            double bound = 2 * ((double)count + 1) * 0x1p-24 * size;
            if (got.format == BF16)
                bound += 0x1p-8 * (fabs(sum) + bound);
            double off = fabs(at(got, i * got.columns + j) - sum);
            ck_assert_msg(off <= bound, "[%zu,%zu] is off by %g of %g",
                          i, j, off, size);
        }
}

// Tests of products on tensor cores
/* fails if an element is another's, an edge is lost, a stage of the
   ring is read too early or written too early, a result is not the
   cpu's, or something is written besides it */
START_TEST(gpu_bf16_products_of_integers_are_the_cpus)
{
    struct shape s = shape_of(_i / 2);
    struct message m = { 0, "" };
    enum format f = _i % 2 == 0 ? BF16 : F32;
    ck_assert_msg(device_open(&sixteen, "cpu", "bf16", &m), "%s",
                  m.text);
    struct pair x = integers(BF16, s.T, s.in, 1, s.shift);
    struct pair w = integers(BF16, s.out, s.in, 2, s.shift);
    struct pair dy = integers(f, s.T, s.out, 3, s.shift);
    struct pair y = kept(f, s.T + 2, s.out, NULL, s.shift);
    struct pair dx = kept(f, s.T + 2, s.in, NULL, s.shift);
    struct pair dw = integers(F32, s.out + 2, s.in, 4, s.shift);
    for (int by = BY_OURS; by <= BY_WARPS; by++) {
        gpu_products_by(&gpu, (enum gpu_products)by);
        sixteen_product(&sixteen, inside(y).cpu, x.cpu, w.cpu);
        sixteen_gpu_product(&gpu, inside(y).gpu, x.gpu, w.gpu);
        same("y", y);
        for (int add = 0; add < 2; add++) {
            sixteen_product_input(&sixteen, inside(dx).cpu, dy.cpu,
                                  w.cpu, add);
            sixteen_gpu_product_input(&gpu, inside(dx).gpu, dy.gpu,
                                      w.gpu, add);
            same("dx", dx);
        }
        sixteen_product_weight(&sixteen, inside(dw).cpu, dy.cpu, x.cpu);
        sixteen_gpu_product_weight(&gpu, inside(dw).gpu, dy.gpu, x.gpu);
        same("dw", dw);
    }
}
END_TEST

/* fails if a sum is kept in less than single, a factor in less than
   bf16, a result rounded twice, or dy not rounded at all */
START_TEST(gpu_bf16_products_are_within_their_bound)
{
    static const struct shape shapes[] = { { 40, 48, 1000, 0 },
        { 40, 1000, 48, 0 }, { 1000, 41, 47, 0 } };
    struct shape s = shapes[_i / 2];
    enum format f = _i % 2 == 0 ? BF16 : F32;
    struct pair x = normal(BF16, s.T, s.in, 1, 1);
    struct pair w = normal(BF16, s.out, s.in, 2, 1);
    struct pair dy = normal(f, s.T, s.out, 3, 1e5);
    struct pair y = kept(f, s.T, s.out, NULL, 0);
    struct pair dx = kept(f, s.T, s.in, NULL, 0);
    struct pair dw = kept(F32, s.out, s.in,
                          test_reals(s.out * s.in), 0);
    sixteen_gpu_product(&gpu, y.gpu, x.gpu, w.gpu);
    sixteen_gpu_product_input(&gpu, dx.gpu, dy.gpu, w.gpu, false);
    sixteen_gpu_product_weight(&gpu, dw.gpu, dy.gpu, x.gpu);
    assert_bounded(y, x.cpu, s.in, 1, w.cpu, s.in, 1, s.in);
    assert_bounded(dx, dy.cpu, s.out, 1, w.cpu, 1, s.in, s.out);
    assert_bounded(dw, dy.cpu, 1, s.out, x.cpu, 1, s.in, s.T);
}
END_TEST

/* fails if a version adds in another order, which would be a mistake:
   all of them go along k by sixteen */
START_TEST(gpu_tensor_versions_give_the_same_bits)
{
    static const struct shape shapes[] = { { 64, 64, 64, 0 },
        { 100, 200, 72, 0 }, { 33, 31, 65, 0 }, { 300, 264, 40, 0 } };
    struct shape s = shapes[_i];
    struct pair x = normal(BF16, s.T, s.in, 1, 1);
    struct pair w = normal(BF16, s.out, s.in, 2, 1);
    tensor_version *const versions[] = { tensor_version1,
        tensor_version2, tensor_version3 };
    struct pair y = kept(F32, s.T, s.out, NULL, 0);
    sixteen_gpu_product(&gpu, y.gpu, x.gpu, w.gpu);
    y.cpu.at = fetched(y);
    for (int v = 0; v < 3; v++) {
        struct pair z = kept(F32, s.T, s.out, NULL, 0);
        versions[v](&gpu, z.gpu, x.gpu, w.gpu);
        z.cpu = y.cpu;
        same("y", z);
    }
}
END_TEST

/* fails if a sum depends on which warp comes first, or on how large
   the tiles are */
START_TEST(gpu_bf16_products_repeat_their_bits)
{
    struct pair x = normal(BF16, 260, 72, 1, 1);
    struct pair w = normal(BF16, 136, 72, 2, 1);
    struct pair y = kept(F32, 260, 136, NULL, 0);
    for (int run = 0; run <= 20; run++) {
        char order[32];
        struct pair again = kept(F32, 260, 136, NULL, 0);
        size_t rows = run == 20 ? 65 : 260;
        snprintf(order, sizeof order, "random:%d", run);
        setenv("EMULATOR_ORDER", order, 1);
        if (emulator_configure != NULL)
            emulator_configure();
        for (size_t t = 0; t < 260; t += rows)
            sixteen_gpu_product(&gpu, array_rows(again.gpu, t, rows),
                                array_rows(x.gpu, t, rows), w.gpu);
        if (run == 0)
            y.cpu.at = fetched(again);
        again.cpu = y.cpu;
        same("y", again);
    }
}
END_TEST

/* fails if a kernel is launched with no blocks */
START_TEST(gpu_bf16_products_of_no_rows_do_nothing)
{
    struct pair x = normal(BF16, 3, 8, 1, 1);
    struct pair w = normal(BF16, 16, 8, 2, 1);
    struct pair y = kept(BF16, 3, 16, NULL, 0);
    struct pair dw = normal(F32, 16, 8, 3, 1);
    struct array none = array_rows(y.gpu, 1, 0);
    sixteen_gpu_product(&gpu, none, x.gpu, w.gpu);
    sixteen_gpu_product_input(&gpu, array_rows(x.gpu, 1, 0), none,
                              w.gpu, false);
    sixteen_gpu_product_weight(&gpu, dw.gpu, none, x.gpu);
    same("x", x);
    same("y", y);
    same("dw", dw);
}
END_TEST

static const struct { enum mix mix; size_t streams, width, tokens,
                      shift; } projections[] = {
    { MIX_SINKHORN, 4, 64, 70, 0 }, { MIX_SINKHORN, 4, 2, 130, 0 },
    { MIX_SINKHORN, 1, 8, 1, 0 }, { MIX_SINKHORN, 8, 96, 20, 0 },
    { MIX_TANH_THREE, 3, 72, 65, 0 }, { MIX_SINKHORN, 2, 33, 17, 0 },
    { MIX_SINKHORN, 4, 64, 5, 1 },
};
enum { PROJECTIONS = sizeof projections / sizeof *projections };

/* fails if a weight is kept in one piece of tf32, a channel or a token
   is another's or left out, or a root is not that of the row */
START_TEST(gpu_projections_from_bf16_are_nearly_single)
{
    size_t T = projections[_i].tokens, shift = projections[_i].shift;
    struct layout l = layout_of(projections[_i].mix,
                                projections[_i].streams,
                                projections[_i].width, 1);
    size_t K = layout_row(&l), length = layout_inputs(&l);
    real *numbers = test_reals(T * l.parts * length + 1);
    fill_normal(numbers, T * l.parts * length, 1, 1);
    struct pair x = kept(BF16, T * l.parts, length, numbers, shift);
    struct pair phi = normal(F32, l.outputs, length, 2, 1);
    struct pair row = kept(F32, T, K, NULL, 0);
    gpu_project_sixteen(&gpu, row.gpu.at, x.gpu.at, phi.gpu.at, &l, T);
    const real *got = fetched(row);
    for (size_t t = 0; t < T; t++)
        for (size_t part = 0; part < l.parts; part++) {
            size_t of_x = (t * l.parts + part) * length;
            double square = 0;
            for (size_t k = 0; k < l.outputs; k++) {
                // Compare a projection with its sum
                double sum = 0, size = 0;
                for (size_t c = 0; c < length; c++) {
                    double term = at(x.cpu, of_x + c) * at(phi.cpu, k * length + c);
                    sum += term;
                    size += fabs(term);
                }
                double chain = 2 * 32 * (double)((length + 255) / 256) + 8;
                double bound = (2 * chain * 0x1p-24 + 0x1p-22) * size;
                double off = fabs((double)got[t * K + layout_raw(&l)
                                              + part * l.outputs + k] - sum);
                ck_assert_msg(off <= bound, "[%zu,%zu,%zu] is off by %g of %g", t,
                              part, k, off, size);
            }
            for (size_t c = 0; c < length; c++)
                square += at(x.cpu, of_x + c) * at(x.cpu, of_x + c);
            double r = 1 / sqrt(square / (double)length + NORM_EPSILON);
            double has = (double)got[t * K + layout_rms(&l) + part];
            ck_assert(fabs(has - r) <= ((double)length + 8) * 0x1p-24
                                       * r);
        }
}
END_TEST

static void leave_them_to_any(void)
{
    if (gpu.does != NULL)
        gpu_products_by(&gpu, BY_ANY);
}

Suite *gpu_tensor_products_suite(void);
Suite *gpu_tensor_products_suite(void)
{
    Suite *s = suite_create("gpu_tensor_products");
    TCase *c = tcase_create("gpu_tensor_products");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_checked_fixture(c, NULL, leave_them_to_any);
    tcase_add_loop_test(c, gpu_bf16_products_of_integers_are_the_cpus,
                        0, 2 * TENSOR_SHAPES);
    tcase_add_loop_test(c, gpu_bf16_products_are_within_their_bound,
                        0, 6);
    tcase_add_loop_test(c, gpu_tensor_versions_give_the_same_bits,
                        0, 4);
    tcase_add_test(c, gpu_bf16_products_repeat_their_bits);
    tcase_add_test(c, gpu_bf16_products_of_no_rows_do_nothing);
    tcase_add_loop_test(c, gpu_projections_from_bf16_are_nearly_single,
                        0, PROJECTIONS);
    return s;
}
