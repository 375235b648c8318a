#include "ground/bf16.h"
#include "ground/random.h"
#include "layers/hopper.cuh"
#include "layers/hopper_versions.h"
#include "support/pair.h"
#include "support/suite.h"
#include <stdlib.h>
#pragma weak hopper_product
/* NULL on a real GPU */
void emulator_configure(void) __attribute__((weak));

// Products in both memories
struct shape { size_t M, N, K; };

enum { DRAWN = 6, SHAPES = DRAWN + 7 };

/* N a multiple of 8; K is one where rows are along k */
static struct shape shape_of(int i)
{
    static const struct shape fixed[] = {
        { 1, 8, 8 }, { 64, 128, 64 }, { 128, 256, 64 },
        { 129, 136, 72 },
        { 300, 8, 300 }, { 7, 512, 16 }, { 520, 1032, 24 },
    };
    if (i >= DRAWN)
        return fixed[i - DRAWN];
    uint64_t n = 3 * (uint64_t)i;
    return (struct shape){ 1 + random_below(7, 0, n, 300),
                           8 + 8 * random_below(7, 0, n + 1, 37),
                           1 + random_below(7, 0, n + 2, 300) };
}

/* which products: y = x w^T, dx = dy w, dw = dy^T x */
static const struct form { const char *name; bool a_along, b_along; }
    forms[] = { { "along, along", true, true },
                { "along, down", true, false },
                { "down, down", false, false } };

/* this array of single precision on the gpu, in bf16; `after` bytes
   after a multiple of 256 */
static struct array in_sixteen(struct pair p, size_t after)
{
    struct message m = { 0, "" };
    size_t count = p.cpu.rows * p.cpu.columns, words = count / 2 + 1;
    struct array a = p.gpu, all = { .rows = 1, .columns = words,
                                    .role = EXACT, .format = F32 };
    bf16 *host = (bf16 *)test_reals(words + 1);
    bf16_store(host, reals(p.cpu), count);
    char *at = (char *)device_allocate(&gpu, 4 * words + after, &m);
    ck_assert_msg(at != NULL, "%s", m.text);
    all.at = a.at = at + after;
    a.format = BF16;
    device_upload(&gpu, all, host);
    return a;
}

/* the numbers of an array of bf16 */
static const real *reals_of(struct array a)
{
    size_t count = a.rows * a.columns, words = count / 2 + 1;
    struct array all = { .at = a.at, .rows = 1, .columns = words,
        .role = EXACT, .format = F32 };
    real *bits = test_reals(words), *x = test_reals(count);
    device_download(&gpu, bits, all);
    bf16_load(x, (const bf16 *)bits, count);
    return x;
}
/* a product on the cpu, from arrays in single precision */
static void on_cpu(struct array c, struct array a, struct array b,
                   struct form f, bool add)
{
    if (f.a_along && f.b_along)
        device_product(&cpu, c, a, b);
    else if (f.a_along)
        device_product_input(&cpu, c, a, b, add);
    else
        device_product_weight(&cpu, c, a, b);
}

struct factors { struct pair a, b; };

static struct factors factors_of(struct shape s, struct form f,
                                 int most)
{
    size_t K = f.a_along ? (s.K + 7) / 8 * 8 : s.K;
    size_t M = f.a_along ? s.M : (s.M + 7) / 8 * 8;
    enum role a = f.a_along && f.b_along ? ACTIVATION : GRADIENT;
    enum role b = f.a_along ? WORKING : ACTIVATION;
    size_t rows[] = { f.a_along ? M : K, f.b_along ? s.N : K };
    size_t columns[] = { f.a_along ? K : M, f.b_along ? K : s.N };
    if (most > 0)
        return (struct factors){
            pair_integers(a, rows[0], columns[0], 1, most),
            pair_integers(b, rows[1], columns[1], 2, most) };
    struct factors p = { pair_normal(a, rows[0], columns[0], 1, 1),
                         pair_normal(b, rows[1], columns[1], 2, 1) };
    bf16_settle(reals(p.a.cpu), rows[0] * columns[0]);
    bf16_settle(reals(p.b.cpu), rows[1] * columns[1]);
    return p;
}

/* true but on a GPU that is not of this kind */
static bool multiplied(struct array c, struct array a, struct array b,
                       struct form f, bool add)
{
    bool done = hopper_product(&gpu, c, a, b, f.a_along, f.b_along,
                               add);
    ck_assert_msg(done || emulator_configure == NULL, "%s: refused",
                  f.name);
    return done;
}

// Tests of products on sm_90a
/* fails if an edge is lost, a sum is not cleared, k runs the wrong way,
   or something is written besides the result */
START_TEST(gpu_hopper_products_of_integers_are_the_cpus)
{
    struct form f = forms[_i % 3];
    bool sixteen = _i / 3 % 2 == 1;
    struct shape s = shape_of(_i / 6);
    struct factors x = factors_of(s, f, 9);
    size_t M = f.a_along ? s.M : x.a.cpu.columns;
    enum role role = f.a_along ? f.b_along ? ACTIVATION : GRADIENT
                               : MASTER;
    struct pair c = pair_integers(role, M + 2, s.N, 3, 9);
    struct array a = in_sixteen(x.a, 0), b = in_sixteen(x.b, 0);
    struct array all = sixteen ? in_sixteen(c, 0) : c.gpu;
    for (int add = f.b_along ? 0 : 1; add < 2 - f.b_along; add++) {
        if (!multiplied(array_rows(all, 1, M), a, b, f, add))
            return;
        on_cpu(array_rows(c.cpu, 1, M), x.a.cpu, x.b.cpu, f, add);
        if (!sixteen)
            pair_same(f.name, c);
        else {
            bf16_settle(reals(c.cpu), (M + 2) * s.N);
            assert_same(reals_of(all), reals(c.cpu), (M + 2) * s.N);
        }
    }
}
END_TEST

/* fails if a term is lost, or a sum is kept in less than single */
START_TEST(gpu_hopper_products_are_within_a_sums_bound)
{
    struct form f = forms[_i];
    struct shape s = { 40, 48, 1000 };
    struct factors x = factors_of(s, f, 0);
    struct pair c = pair_unset(ACTIVATION, s.M, s.N);
    const real *left = reals(x.a.cpu), *right = reals(x.b.cpu);
    if (!multiplied(c.gpu, in_sixteen(x.a, 0), in_sixteen(x.b, 0), f,
                    false))
        return;
    const real *got = pair_reals(c);
    for (size_t i = 0; i < s.M; i++)
        for (size_t j = 0; j < s.N; j++) {
            double sum = 0, size = 0;
            for (size_t k = 0; k < s.K; k++) {
                double term
                    = (double)left[f.a_along ? i * s.K + k
                                             : k * s.M + i]
                    * (double)right[f.b_along ? j * s.K + k
                                              : k * s.N + j];
                sum += term;
                size += fabs(term);
            }
            double off = fabs((double)got[i * s.N + j] - sum);
            ck_assert_msg(off <= (double)s.K * 0x1p-23 * size,
                          "%s [%zu,%zu] is off by %g of %g", f.name, i,
                          j, off, size);
        }
}
END_TEST

/* fails if the order of a sum depends on the width of the tiles */
START_TEST(gpu_hopper_products_do_not_depend_on_their_tiles)
{
    struct shape s = { 300, 512, 200 };
    struct factors x = factors_of(s, forms[0], 0);
    struct array a = in_sixteen(x.a, 0), b = in_sixteen(x.b, 0);
    struct pair c = pair_unset(ACTIVATION, s.M, s.N);
    struct pair part = pair_unset(ACTIVATION, s.M, s.N);
    if (!multiplied(c.gpu, a, b, forms[0], false))
        return;
    for (size_t i = 0; i < s.M; i += 60)
        multiplied(array_rows(part.gpu, i, 60), array_rows(a, i, 60), b,
                   forms[0], false);
    assert_same(pair_reals(part), pair_reals(c), s.M * s.N);
}
END_TEST

/* fails if a result depends on who comes first */
START_TEST(gpu_hopper_products_repeat_in_any_order)
{
    struct shape s = { 136, 136, 136 };
    struct factors x = factors_of(s, forms[_i], 0);
    struct array a = in_sixteen(x.a, 0), b = in_sixteen(x.b, 0);
    const real *first = NULL;
    for (int run = 0; run < 20; run++) {
        struct pair c = pair_unset(ACTIVATION, s.M, s.N);
        char order[20];
        snprintf(order, sizeof order, "random:%d", run);
        setenv("EMULATOR_ORDER", order, 1);
        if (emulator_configure != NULL)
            emulator_configure();
        if (!multiplied(c.gpu, a, b, forms[_i], false))
            return;
        const real *got = pair_reals(c);
        if (first == NULL)
            first = got;
        assert_same(got, first, s.M * s.N);
    }
}
END_TEST
/* fails if it reads at addresses that the accelerator cannot, or says
   that it has multiplied what it has not */
START_TEST(gpu_hopper_leaves_others_what_it_cannot_read)
{
    struct form f = forms[0];
    struct message m = { 0, "" };
    struct factors odd = factors_of((struct shape){ 8, 8, 16 }, f, 9);
    struct pair c = pair_integers(ACTIVATION, 8, 8, 3, 9);
    struct pair w = pair_integers(WORKING, 8, 12, 4, 9);
    struct pair x = pair_integers(ACTIVATION, 8, 12, 4, 9);
    struct pair narrow = pair_integers(ACTIVATION, 8, 7, 4, 9);
    struct pair seven = pair_integers(WORKING, 7, 16, 4, 9);
    struct array a = in_sixteen(odd.a, 0), b = in_sixteen(odd.b, 0);
    ck_assert(!hopper_product(&gpu, c.gpu, in_sixteen(odd.a, 8), b,
                              true, true, false));
    ck_assert(!hopper_product(&gpu, c.gpu, a, in_sixteen(odd.b, 8),
                              true, true, false));
    ck_assert(!hopper_product(&gpu, c.gpu, odd.a.gpu, b, true, true,
                              false));
    ck_assert(!hopper_product(&gpu, c.gpu, in_sixteen(x, 0),
                              in_sixteen(w, 0), true, true, false));
    ck_assert(!hopper_product(&gpu, narrow.gpu, a, in_sixteen(seven, 0),
                              true, true, false));
    ck_assert(!hopper_product(&gpu, array_rows(c.gpu, 0, 0),
                              array_rows(a, 0, 0), b, true, true,
                              false));
    pair_same("c", c);
    pair_same("narrow", narrow);
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}
END_TEST

/* fails if the earlier version of the chapter is wrong */
START_TEST(gpu_hopper_version_1_is_right)
{
    struct shape s = shape_of(_i);
    struct factors x = factors_of(s, forms[0], 9);
    struct pair c = pair_unset(ACTIVATION, s.M + 2, s.N);
    struct array a = in_sixteen(x.a, 0), b = in_sixteen(x.b, 0);
    if (!multiplied(array_rows(c.gpu, 1, s.M), a, b, forms[0], false))
        return;
    device_product(&cpu, array_rows(c.cpu, 1, s.M), x.a.cpu, x.b.cpu);
    ck_assert(hopper_version1(&gpu, array_rows(c.gpu, 1, s.M), a, b));
    pair_same("version 1", c);
}
END_TEST

Suite *gpu_hopper_suite(void);
Suite *gpu_hopper_suite(void)
{
    Suite *s = suite_create("gpu_hopper");
    TCase *c = tcase_create("gpu_hopper");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 240);
    tcase_add_loop_test(c, gpu_hopper_products_of_integers_are_the_cpus,
                        0, 6 * SHAPES);
    tcase_add_loop_test(c, gpu_hopper_products_are_within_a_sums_bound,
                        0, 3);
    tcase_add_test(c, gpu_hopper_products_do_not_depend_on_their_tiles);
    tcase_add_loop_test(c, gpu_hopper_products_repeat_in_any_order,
                        0, 3);
    tcase_add_test(c, gpu_hopper_leaves_others_what_it_cannot_read);
    tcase_add_loop_test(c, gpu_hopper_version_1_is_right, 0, SHAPES);
    return s;
}
