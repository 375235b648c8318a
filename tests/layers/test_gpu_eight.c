#include "device/both.h"
#include "device/eight_kernels.h"
#include "ground/bf16.h"
#include "ground/random.h"
#include "layers/image.cuh"
#include "layers/image.h"
#include "support/compare.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/suite.h"
#include "support/tensor_core.h"
#include <stdio.h>
#include <stdlib.h>
#pragma weak gpu_image
#pragma weak gpu_codes
#pragma weak gpu_codes_bytes
// Headers of the tests of a gpu in eight bits
#include "array/rows.cuh"
#include "array/rows.h"
#pragma weak gpu_rows_store
#pragma weak gpu_rows_load
/* NULL on a real GPU */
void emulator_configure(void) __attribute__((weak));

static const struct fp8_blocks shapes[] = { { 1, 128 }, { 128, 128 },
                                            { 128, 1 } };
static const struct size { size_t rows, columns; } sizes[] = {
    { 270, 300 }, { 1, 304 }, { 257, 1 }, { 128, 128 }, { 40, 136 } };
enum { SIZES = sizeof sizes / sizeof *sizes };

/* numbers of many sizes, with zeros, infinities and NaNs */
static struct both wild(size_t rows, size_t columns)
{
    struct array a = test_array(ACTIVATION, rows, columns, 3, 1);
    real *x = reals(a);
    for (size_t i = 0; i < rows * columns; i++)
        x[i] *= (real)exp2((double)random_below(4, 1, i / 5, 40) - 20);
    for (size_t i = 5; i < rows * columns; i += 97)
        x[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? (real)INFINITY
             : (real)NAN;
    return both_with(a);
}

/* bytes of the gpu's memory */
static unsigned char *bytes_at(void *at, size_t count)
{
    struct array a = { .at = at, .rows = 1, .columns = count / 4 + 1,
                       .role = EXACT, .format = F32 };
    return (unsigned char *)both_fetch(GPU, a);
}

static void *room_for(size_t bytes)
{
    struct message m = { 0, "" };
    void *at = device_allocate(&two[GPU], bytes + 16, &m);
    ck_assert_msg(at != NULL, "%s", m.text);
    return at;
}

/* fails if a number is rounded otherwise, or by another scale */
START_TEST(gpu_images_are_the_cpus)
{
    struct size s = sizes[_i % SIZES];
    size_t count = s.rows * s.columns;
    both_open("fp8");
    struct both x = wild(s.rows, s.columns);
    for (int k = 0; k < 3; k++) {
        bf16 *want = (bf16 *)test_reals(count);
        void *to = room_for(2 * count);
        size_t lost = image_make(want, x.on[CPU].at, s.rows, s.columns,
                                 shapes[k]);
        two[GPU].eight.stored = two[GPU].eight.saturated = 0;
        gpu_image(&two[GPU], to, x.on[GPU], shapes[k]);
        const bf16 *got = (const bf16 *)(void *)bytes_at(to, 2 * count);
        for (size_t i = 0; i < count; i++)
            ck_assert_msg(got[i] == want[i]
                          || ((got[i] & 0x7fff) > 0x7f80
                              && (want[i] & 0x7fff) > 0x7f80),
                          "%d: [%zu] is %04x, not %04x", k, i, got[i],
                          want[i]);
        ck_assert_uint_eq(two[GPU].eight.stored, count);
        ck_assert_uint_eq(two[GPU].eight.saturated, lost);
    }
}
END_TEST

/* fails if a code or a scale stands in another's place, or the end of
   a row is not zero */
START_TEST(gpu_codes_are_the_cpus_turned_or_not)
{
    struct size s = sizes[_i % SIZES];
    size_t count = s.rows * s.columns;
    both_open("fp8");
    struct both x = wild(s.rows, s.columns);
    for (int k = 0; k < 4; k++) {
        struct fp8_blocks b = shapes[k == 3 ? 1 : k];
        bool turned = k > 1;
        fp8 *want = (fp8 *)test_reals(count);
        int8_t *scale = (int8_t *)test_reals(count);
        void *room = room_for(gpu_codes_bytes(x.on[GPU], turned));
        fp8_store(want, scale, reals(x.wide), s.rows, s.columns, b,
                  FP8_E4M3, NULL);
        struct codes c = gpu_codes(&two[GPU], room, x.on[GPU], b,
                                   turned);
        const fp8 *got = bytes_at(c.code, c.rows * c.stride);
        const int8_t *e = (const int8_t *)bytes_at(
            c.exponent, (c.columns + 127) / 128 * c.rows);
        size_t wide = (s.columns + b.columns - 1) / b.columns;
        ck_assert(c.rows == (turned ? s.columns : s.rows)
                  && c.columns == (turned ? s.rows : s.columns)
                  && c.stride % 16 == 0 && c.stride >= c.columns);
        for (size_t i = 0; i < c.rows; i++)
            for (size_t j = 0; j < c.stride; j++) {
                size_t row = turned ? j : i, column = turned ? i : j;
                bool is = j < c.columns;
                unsigned code = is ? want[row * s.columns + column] : 0;
                ck_assert_msg(got[i * c.stride + j] == code,
                              "%d: [%zu][%zu] is %02x, not %02x", k, i,
                              j, got[i * c.stride + j], code);
                if (is)
                    ck_assert_int_eq(e[j / 128 * c.rows + i],
                        scale[row / b.rows * wide
                              + column / b.columns]);
            }
    }
}
END_TEST

/* fails if the two of a pair are exchanged, or one of these is rounded
   otherwise: 448, 464 and 465, what is not finite, zeros, steps of what
   is subnormal; and a sample of all */
START_TEST(gpu_pairs_of_codes_are_the_cpus)
{
    enum { SAMPLE = 1 << 12 };
    const float first[] = { 440, 448, 464, 465, 1e30f, INFINITY, NAN, 0,
                            0x1p-9f, 0x1p-10f, 0x1.8p-10f, 0x1.fp-7f };
    both_open("fp8");
    uint16_t *pair = room_for(2 * SAMPLE);
    for (size_t k = 0; k < sizeof first / sizeof *first + 64; k++) {
        uint32_t bits = k < 64 ? (uint32_t)k << 26
            : bits_of(first[k - 64]) - SAMPLE / 2;
        eight_codes(&two[GPU], pair, bits, SAMPLE);
        const uint16_t *got = (const uint16_t *)(void *)bytes_at(
            pair, 2 * SAMPLE);
        for (uint32_t i = 0; i < SAMPLE; i++) {
            float x = float_of(bits + i);
            ck_assert_uint_eq(got[i],
                fp8_round(x, FP8_E4M3)
                | (unsigned)fp8_round(-x, FP8_E4M3) << 8);
        }
    }
}
END_TEST

// Tests of products
static const struct shape { size_t M, N, K; } products[] = {
    { 1, 8, 1 }, { 130, 136, 200 }, { 300, 8, 129 }, { 7, 264, 128 },
    { 140, 129, 300 }, { 128, 128, 512 } };
enum { PRODUCTS = sizeof products / sizeof *products };

/* x [M][K], w [N][K], dy [M][N]: products that add up over K, N, M */
static void multiply(int d, struct both y, struct both dx,
                     struct both dw, struct both x, struct both w,
                     struct both dy)
{
    device_product(&two[d], y.on[d], x.on[d], w.on[d]);
    device_product_input(&two[d], dx.on[d], dy.on[d], w.on[d], true);
    device_product_weight(&two[d], dw.on[d], dy.on[d], x.on[d]);
}

static void products_by(enum gpu_products who, struct shape s,
                        bool integers)
{
    struct both (*some)(enum role, size_t, size_t, uint64_t)
        = both_integers;
    struct both all[6];
    const struct { enum role role; size_t rows, columns; } of[6] = {
        { ACTIVATION, s.M, s.N }, { GRADIENT, s.M, s.K },
        { MASTER, s.N, s.K }, { ACTIVATION, s.M, s.K },
        { WORKING, s.N, s.K }, { GRADIENT, s.M, s.N } };
    both_open("fp8");
    if (gpu_products_by != NULL)
        gpu_products_by(&two[GPU], who);
    for (size_t k = 0; k < 6; k++)
        all[k] = integers
            ? some(of[k].role, of[k].rows, of[k].columns, k)
            : both_of(of[k].role, of[k].rows, of[k].columns, k, 1);
    for (int d = 0; d < 2; d++)
        multiply(d, all[0], all[1], all[2], all[3], all[4], all[5]);
    for (size_t k = 0; k < 3; k++) {
        size_t count = of[k].rows * of[k].columns;
        real *got = both_fetch(GPU, all[k].on[GPU]);
        real *want = both_fetch(CPU, all[k].on[CPU]);
        if (integers)
            assert_same(got, want, count);
        else
            assert_close(got, want, count, k < 2 ? 0x1p-7 : 1e-5);
    }
}

/* fails if an edge is lost, a scale is that of another block, or k runs
   the wrong way */
START_TEST(gpu_products_in_eight_bits_of_integers_are_the_cpus)
{
    products_by(_i % 2 ? BY_WARPS : BY_ANY, products[_i / 2], true);
}
END_TEST

START_TEST(gpu_products_in_eight_bits_are_the_cpus_but_for_sums)
{
    products_by(_i % 2 ? BY_WARPS : BY_ANY, products[_i / 2], false);
}
END_TEST

/* every other row, or column, is 2^-20 as large */
static struct both uneven(enum role role, size_t rows, size_t columns,
                          bool by_row)
{
    struct array a = test_array(role, rows, columns, 7, 1);
    for (size_t i = 0; i < rows * columns; i++)
        if ((by_row ? i / columns : i % columns) % 2 == 0)
            reals(a)[i] *= 0x1p-20f;
    return both_with(a);
}

/* those of the small rows, and columns, only */
static void small_ones(struct both b, bool columns)
{
    size_t N = b.wide.columns, used = 0;
    real *small[2];
    for (int d = 0; d < 2; d++) {
        const real *x = both_fetch(d, b.on[d]);
        small[d] = test_reals(b.wide.rows * N);
        used = 0;
        for (size_t i = 0; i < b.wide.rows * N; i++)
            if (i / N % 2 == 0 && (!columns || i % N % 2 == 0))
                small[d][used++] = x[i];
    }
    assert_close(small[GPU], small[CPU], used,
                 columns ? 1e-5 : 0x1p-7);
}

/* fails if a small row or column is rounded by a large one's scale */
START_TEST(gpu_products_round_each_by_its_own_scale)
{
    enum { T = 200, N = 136, K = 144 };
    both_open("fp8");
    if (gpu_products_by != NULL)
        gpu_products_by(&two[GPU], _i ? BY_WARPS : BY_ANY);
    struct both w = both_of(WORKING, N, K, 1, 1);
    struct both y = both_of(ACTIVATION, T, N, 2, 0);
    struct both dx = both_of(GRADIENT, T, K, 3, 0);
    struct both dw = both_of(MASTER, N, K, 4, 0);
    struct both x = uneven(ACTIVATION, T, K, true);
    struct both dy = uneven(GRADIENT, T, N, true);
    struct both u = uneven(ACTIVATION, T, K, false);
    struct both v = uneven(GRADIENT, T, N, false);
    for (int d = 0; d < 2; d++) {
        device_product(&two[d], y.on[d], x.on[d], w.on[d]);
        device_product_input(&two[d], dx.on[d], dy.on[d], w.on[d],
                             false);
        device_product_weight(&two[d], dw.on[d], v.on[d], u.on[d]);
    }
    small_ones(y, false);
    small_ones(dx, false);
    small_ones(dw, true);
}
END_TEST

/* fails if the head is rounded to eight bits, or an infinity is not
   counted */
START_TEST(gpu_heads_keep_sixteen_bits)
{
    both_open("fp8");
    struct both x = both_of(ACTIVATION, 40, 64, 1, 1);
    struct both w = both_of(WORKING, 24, 64, 2, 1);
    struct both y = both_of(EXACT, 40, 24, 3, 1);
    struct both dw = both_of(MASTER, 24, 64, 4, 1);
    struct both dx = both_of(GRADIENT, 40, 64, 5, 1);
    for (int d = 0; d < 2; d++) {
        device_product(&two[d], y.on[d], x.on[d], w.on[d]);
        device_product_input(&two[d], dx.on[d], y.on[d], w.on[d],
                             false);
        device_product_weight(&two[d], dw.on[d], y.on[d], x.on[d]);
    }
    assert_close(both_fetch(GPU, y.on[GPU]), both_fetch(CPU, y.on[CPU]),
                 40 * 24, 1e-5);
    assert_close(both_fetch(GPU, dw.on[GPU]),
                 both_fetch(CPU, dw.on[CPU]), 24 * 64, 1e-5);
    assert_close(both_fetch(GPU, dx.on[GPU]),
                 both_fetch(CPU, dx.on[CPU]), 40 * 64, 0x1p-7);
    ck_assert_uint_eq(two[GPU].eight.stored, 0);
}
END_TEST

// The sum of a tensor core
/* x w^T, as it is modelled */
static real modelled(const real *x, const real *w, size_t K)
{
    float sum = 0;
    fp8 a[128], b[128];
    int8_t p, q;
    for (size_t k = 0; k < K; k += 128) {
        size_t count = K - k < 128 ? K - k : 128;
        float part = 0;
        fp8_store(a, &p, x + k, 1, count, shapes[0], FP8_E4M3, NULL);
        fp8_store(b, &q, w + k, 1, count, shapes[0], FP8_E4M3, NULL);
        for (size_t m = 0; m < 128; m += AT_ONCE) {
            float ab[AT_ONCE] = { 0 };      /* beyond an edge, too */
            for (size_t j = m; j < m + AT_ONCE && j < count; j++)
                ab[j - m] = fp8_widen(a[j], FP8_E4M3)
                          * fp8_widen(b[j], FP8_E4M3);
            part = add_cut(part, ab, AT_ONCE);
        }
        sum += ldexpf(part, p + q);
    }
    return (real)sum;
}

/* fails if a sum is promoted at other places than after 128 terms, or
   the emulator's switch is another model */
START_TEST(gpu_sums_of_fourteen_bits_are_those_of_the_model)
{
    enum { M = 24, N = 8, K = 700 };
    if (emulator_configure == NULL)
        return;
    setenv("EMULATOR_SUMS", "14", 1);
    emulator_configure();
    both_open("fp8");
    struct both dy = both_of(GRADIENT, K, N, 1, 1);
    struct both x = both_of(ACTIVATION, K, M, 2, 1);
    struct both dw = both_with(test_array(MASTER, N, M, 3, 0));
    device_product_weight(&two[GPU], dw.on[GPU], dy.on[GPU],
                          x.on[GPU]);
    const real *got = both_fetch(GPU, dw.on[GPU]);
    size_t same = 0;
    device_product_weight(&two[CPU], dw.on[CPU], dy.on[CPU],
                          x.on[CPU]);
    const real *plain = both_fetch(CPU, dw.on[CPU]);
    for (size_t i = 0; i < N * M; i++) {
        real a[K], b[K];
        for (size_t k = 0; k < K; k++) {
            a[k] = reals(dy.wide)[k * N + i / M];
            b[k] = reals(x.wide)[k * M + i % M];
        }
        ck_assert(got[i] == modelled(a, b, K));
        same += got[i] == plain[i];
    }
    ck_assert_uint_lt(same, N * M / 2);
}
END_TEST

/* fails if a result depends on who comes first */
START_TEST(gpu_products_in_eight_bits_repeat_in_any_order)
{
    const real *first = NULL;
    both_open("fp8");
    struct both dy = both_of(GRADIENT, 200, 136, 1, 1);
    struct both x = both_of(ACTIVATION, 200, 144, 2, 1);
    for (int run = 0; run < 20; run++) {
        char order[20];
        snprintf(order, sizeof order, "random:%d", run);
        setenv("EMULATOR_ORDER", order, 1);
        if (emulator_configure != NULL)
            emulator_configure();
        struct both dw = both_with(test_array(MASTER, 136, 144, 3, 0));
        device_product_weight(&two[GPU], dw.on[GPU], dy.on[GPU],
                              x.on[GPU]);
        const real *got = both_fetch(GPU, dw.on[GPU]);
        if (first == NULL)
            first = got;
        assert_same(got, first, 136 * 144);
    }
}
END_TEST

// Tests of streams in eight bits on the gpu
static const char *const ways[] = { "fp8-streams",
    "fp8-streams-stochastic", "fp8-streams-mean" };

/* fails if a row has other bytes, or restored other numbers; if its
   place is forgotten, or a part of it is not */
START_TEST(gpu_rows_are_the_cpus)
{
    struct size s = sizes[_i / 3];
    size_t n = s.columns % 4 == 0 ? 4 : 1;
    both_open(ways[_i % 3]);
    struct message m = { 0, "" };
    two[CPU].eight.streams = two[GPU].eight.streams = n;
    struct array wide = test_array(STREAM, s.rows, s.columns, 3, 1);
    real *x = reals(wide);
    for (size_t i = 0; i < s.rows * s.columns; i++)
        x[i] *= (real)exp2((double)random_below(4, 1, i / 5, 40) - 20);
    for (size_t i = 5; i < s.rows * s.columns && _i % 3 < 2; i += 97)
        x[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? (real)INFINITY
             : (real)NAN;
    struct both b = both_with(wide);
    struct array floats = both_put(GPU, test_array(EXACT, s.rows,
                                                   s.columns, 3, 0));
    b.on[CPU].place = b.on[GPU].place = 9;
    b.on[CPU].first = b.on[GPU].first = 5;
    device_upload(&two[GPU], floats, x);
    b.on[GPU].at = room_for(array_bytes(b.on[GPU]));
    device_zero(&two[CPU], b.on[CPU]);
    two[CPU].eight.saturated = two[GPU].eight.saturated = 0;
    size_t bytes = array_bytes(b.on[GPU]), same = 0;
    const unsigned char *got = NULL, *before;
    ck_assert_uint_eq(bytes, array_bytes(b.on[CPU]));
    for (size_t step = 3; step < 5; step++) {
        for (int d = 0; d < 2; d++)
            device_place(&two[d], 77, step, 1000);
        gpu_rows_store(&two[GPU], b.on[GPU], floats.at);
        rows_store(b.on[CPU], 0, x, s.rows);
        const unsigned char *want = b.on[CPU].at;
        before = got;
        got = bytes_at(b.on[GPU].at, bytes);
        for (size_t i = 0; i < bytes; i++)
            ck_assert_msg(got[i] == want[i],
                          "byte %zu is %02x, not %02x", i, got[i],
                          want[i]);
        for (size_t i = 0; before != NULL && i < bytes; i++)
            same += got[i] == before[i];
    }
    ck_assert(_i % 3 == 1 ? same < bytes : same == bytes);
    device_finish(&two[GPU], &m);
    ck_assert_uint_eq(two[GPU].eight.saturated,
                      two[CPU].eight.saturated);
    gpu_rows_load(&two[GPU], floats.at, b.on[GPU]);
    rows_load(x, b.on[CPU], 0, s.rows);
    const real *back = both_fetch(GPU, floats);
    for (size_t i = 0; i < s.rows * s.columns; i++)
        ck_assert(back[i] == x[i] || (isnan(back[i]) && isnan(x[i])));
}
END_TEST

/* fails if words become others, or gradients are lost */
START_TEST(gpu_words_in_eight_bits_are_the_cpus)
{
    enum { T = 40, V = 11, C = 136 };
    both_open(ways[_i]);
    for (int d = 0; d < 2; d++) {
        two[d].eight.streams = 1;
        device_place(&two[d], 5, 2, 64);
    }
    struct both w = both_of(MASTER, V, C, 1, 1);
    struct both dw = both_of(MASTER, V, C, 2, 1);
    struct both out = both_of(STREAM, T, C, 3, 1);
    struct array ids = device_shape(&cpu, TOKEN, T, 1);
    ids.at = test_reals(T);
    for (size_t t = 0; t < T; t++)
        tokens_of(ids)[t] = (token)random_below(4, 0, t, V);
    for (int d = 0; d < 2; d++) {
        struct array id = both_put(d, ids);
        device_embed(&two[d], out.on[d], id, w.on[d]);
        device_embed_backward(&two[d], dw.on[d], out.on[d], id);
    }
    assert_same(both_fetch(GPU, out.on[GPU]),
                both_fetch(CPU, out.on[CPU]), T * C);
    assert_close(both_fetch(GPU, dw.on[GPU]),
                 both_fetch(CPU, dw.on[CPU]), V * C, 1e-5);
}
END_TEST
Suite *gpu_eight_suite(void);
Suite *gpu_eight_suite(void)
{
    Suite *s = suite_create("gpu_eight");
    TCase *c = tcase_create("gpu_eight");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 240);
    tcase_add_test(c, gpu_pairs_of_codes_are_the_cpus);
    tcase_add_loop_test(c, gpu_images_are_the_cpus, 0, SIZES);
    tcase_add_loop_test(c, gpu_codes_are_the_cpus_turned_or_not, 0,
                        SIZES);
    tcase_add_loop_test(c,
        gpu_products_in_eight_bits_of_integers_are_the_cpus, 0,
        2 * PRODUCTS);
    tcase_add_loop_test(c,
        gpu_products_in_eight_bits_are_the_cpus_but_for_sums, 0,
        2 * PRODUCTS);
    tcase_add_loop_test(c, gpu_products_round_each_by_its_own_scale, 0,
                        2);
    tcase_add_test(c, gpu_heads_keep_sixteen_bits);
    tcase_add_test(c, gpu_sums_of_fourteen_bits_are_those_of_the_model);
    tcase_add_test(c, gpu_products_in_eight_bits_repeat_in_any_order);
    // Add the tests of streams in eight bits on the gpu
    tcase_add_loop_test(c, gpu_rows_are_the_cpus, 0, 3 * SIZES);
    tcase_add_loop_test(c, gpu_words_in_eight_bits_are_the_cpus, 0, 3);
    return s;
}
