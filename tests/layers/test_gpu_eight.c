#include "device/both.h"
#include "device/eight_kernels.h"
#include "ground/bf16.h"
#include "ground/random.h"
#include "layers/image.cuh"
#include "layers/image.h"
#include "layers/optimizer.h"
#include "model/model.h"
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
#pragma weak gpu_codes_there
#pragma weak gpu_has_images
#pragma weak gpu_image_there
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

// Tests of operands
static const struct size operands[] = { { 128, 128 }, { 256, 384 },
                                        { 384, 256 }, { 200, 256 },
                                        { 256, 200 } };
enum { OPERANDS = sizeof operands / sizeof *operands };

/* its bytes are, or are not, on a GPU that takes codes */
static bool takes_codes(void)
{
    return two[GPU].format[OPERAND] == IMAGES;
}

static struct both operand_of(struct size s)
{
    struct both x = wild(s.rows, s.columns);
    x.wide.role = OPERAND;
    x.on[CPU] = both_put(CPU, x.wide);
    x.on[GPU] = both_put(GPU, x.wide);
    return x;
}

/* fails if a code or an exponent stands where another's place is, a
   column is made from codes, or what is no whole square is made images;
   or who looks sees something else than the image along rows */
START_TEST(gpu_operands_hold_both_images)
{
    struct size s = operands[_i];
    size_t T = s.rows, C = s.columns, count = T * C;
    bool whole = T % 128 == 0 && C % 128 == 0;
    both_open("fp8");
    struct both x = operand_of(s);
    ck_assert(x.on[CPU].format == BF16);
    ck_assert(gpu_has_images(&two[GPU], x.on[GPU])
              == (whole && takes_codes()));
    bf16 *row = (bf16 *)test_reals(count);
    image_make(row, x.on[CPU].at, T, C, shapes[0]);
    const real *seen = both_fetch(GPU, x.on[GPU]);
    for (size_t i = 0; i < count; i++) {
        real want = whole && takes_codes() ? bf16_widen(row[i])
                  : bf16_widen(((const bf16 *)x.on[CPU].at)[i]);
        ck_assert(seen[i] == want || (isnan(seen[i]) && isnan(want)));
    }
    for (int turned = 0; whole && takes_codes() && turned < 2;
         turned++) {
        struct fp8_blocks b = shapes[turned ? 2 : 0];
        struct codes c = gpu_codes_there(x.on[GPU], turned);
        void *room = room_for(gpu_codes_bytes(x.on[GPU], turned));
        struct array numbers = both_put(GPU, array_as(x.wide,
                                        ACTIVATION, x.wide.format));
        struct codes want = gpu_codes(&two[GPU], room, numbers, b,
                                      turned);
        const unsigned char *got = bytes_at(c.code, 2 * count);
        const unsigned char *right = bytes_at(want.code, count);
        ck_assert(c.rows == want.rows && c.columns == want.columns);
        for (size_t i = 0; i < c.rows; i++)
            for (size_t k = 0; k < c.columns; k++) {
                size_t r = turned ? k / 128 * 128 + i % 128 : i;
                size_t at = turned ? i / 128 * 256 + 128 + k % 128
                                   : k / 128 * 256 + k % 128;
                ck_assert_uint_eq(got[r * 2 * C + at],
                                  right[i * want.stride + k]);
            }
        ck_assert_int_eq(memcmp(bytes_at(c.exponent, count / 128),
                                bytes_at(want.exponent, count / 128),
                                count / 128), 0);
    }
}
END_TEST

/* all that an operand has, in the gpu's memory */
static void same_bytes(struct array a, struct array b)
{
    size_t count = array_bytes(a);
    ck_assert_uint_eq(count, array_bytes(b));
    ck_assert_int_eq(memcmp(bytes_at(a.at, count),
                            bytes_at(b.at, count), count), 0);
}

/* fails if a kernel that leaves images rounds a number otherwise than
   one that leaves bf16, reads a place that it has written, or has the
   halves exchanged; where hidden is no whole square, too */
START_TEST(gpu_gates_leave_images)
{
    enum { T = 256 };
    size_t H = _i ? 192 : 384;
    struct array hidden[2], up[2];
    both_open("fp8");
    struct both gate_up = both_of(ACTIVATION, T, 2 * H, 1, 3);
    struct both dhidden = both_of(GRADIENT, T, H, 2, 1);
    struct array none = test_array(OPERAND, T, 2 * H, 5, 1);
    for (int k = 0; k < 2; k++) {
        two[GPU].eight.apart = k;
        hidden[k] = both_put(GPU, test_array(OPERAND, T, H, 3, 1));
        device_gate(&two[GPU], hidden[k], gate_up.on[GPU]);
        up[k] = both_put(GPU, none);
        struct array numbers = array_as(up[k], ACTIVATION, BF16);
        device_copy(&two[GPU], numbers, gate_up.on[GPU]);
        device_gate_backward(&two[GPU], up[k], dhidden.on[GPU],
                             numbers);
    }
    ck_assert(gpu_has_images(&two[GPU], up[0]) == takes_codes());
    same_bytes(hidden[0], hidden[1]);
    same_bytes(up[0], up[1]);
    struct both y = both_with(test_array(ACTIVATION, T, H, 4, 1));
    device_gate(&two[CPU], y.on[CPU], gate_up.on[CPU]);
    bf16 *row = (bf16 *)test_reals(T * H);
    image_make(row, y.on[CPU].at, T, H, shapes[0]);
    real *want = test_reals(T * H), *got = both_fetch(GPU, hidden[0]);
    bf16_load(want, row, T * H);
    size_t off = 0;
    for (size_t i = 0; takes_codes() && _i == 0 && i < T * H; i++)
        off += got[i] != want[i];
    ck_assert_uint_le(off, T * H / 100);    /* another exp */
}
END_TEST

/* fails if a product takes the other image, another exponent, or codes
   that it cannot have */
START_TEST(gpu_products_take_operands_as_numbers)
{
    struct size s = operands[_i / 2];
    size_t T = s.rows, K = s.columns, N = 136;
    struct both y[2], dw[2], dx[2];
    both_open("fp8");
    if (gpu_products_by != NULL)
        gpu_products_by(&two[GPU], _i % 2 ? BY_WARPS : BY_ANY);
    struct both w = both_of(WORKING, N, K, 2, 1);
    struct both dy = both_of(GRADIENT, T, N, 3, 1);
    struct both back = both_of(WORKING, K, N, 4, 1);
    for (int k = 0; k < 2; k++) {
        enum role role = k ? OPERAND : ACTIVATION;
        struct both x = both_of(role, T, K, 1, 1);
        y[k] = both_of(ACTIVATION, T, N, 5, 1);
        dw[k] = both_with(test_array(MASTER, N, K, 6, 0));
        dx[k] = both_of(GRADIENT, T, N, 7, 1);
        device_product(&two[GPU], y[k].on[GPU], x.on[GPU], w.on[GPU]);
        device_product_weight(&two[GPU], dw[k].on[GPU], dy.on[GPU],
                              x.on[GPU]);
        x = both_of(k ? OPERAND : GRADIENT, T, K, 1, 1);
        device_product_input(&two[GPU], dx[k].on[GPU], x.on[GPU],
                             back.on[GPU], true);
    }
    assert_same(both_fetch(GPU, y[0].on[GPU]),
                both_fetch(GPU, y[1].on[GPU]), T * N);
    assert_same(both_fetch(GPU, dw[0].on[GPU]),
                both_fetch(GPU, dw[1].on[GPU]), N * K);
    assert_same(both_fetch(GPU, dx[0].on[GPU]),
                both_fetch(GPU, dx[1].on[GPU]), T * N);
}
END_TEST

static struct array put(enum role role, size_t rows, size_t columns,
                        uint64_t seed, double scale)
{
    return both_put(GPU, test_array(role, rows, columns, seed,
                                    scale));
}

/* weights with a matrix between two others, and what was made of it */
struct moved {
    struct array weight, working, first, second, gradient;
    const real *y, *dx, *is, *other;
};
enum { OUT = 256, IN = 384, MATRIX = OUT * IN, FIRST = 128,
       ALL = FIRST + MATRIX + 64 };

/* the matrix, some of whose rows and columns are small in their
   squares; images: as the device has operands */
static struct array open_moved(struct moved *m, bool images)
{
    struct array w = test_array(MASTER, 1, ALL, 1, 1);
    struct array second = test_array(MASTER, 1, ALL, 3, 1);
    for (size_t i = 0; i < ALL; i++) {
        size_t at = i + IN - FIRST;
        reals(w)[i] *= (real)exp2(
            (double)(random_below(2, 0, at / IN, 15)
                     + random_below(2, 1, at % IN, 15)));
        reals(second)[i] *= reals(second)[i];
    }
    m->weight = both_put(GPU, w);
    m->working = put(WORKING, 1, ALL, 5, 1);
    m->first = put(MASTER, 1, ALL, 2, 1);
    m->second = both_put(GPU, second);
    m->gradient = put(MASTER, 1, ALL, 4, 1);
    struct array part = m->working;
    part.at = (char *)part.at + 2 * FIRST;
    part.rows = OUT, part.columns = IN;
    if (images) {
        part.format = two[GPU].format[OPERAND];
        part.exponent = room_for(MATRIX / 64);
    }
    return part;
}

/* twice, and then an update that moves nothing */
static void move_thrice(const struct moved *m)
{
    static const struct segment all[] = { { 0, FIRST, false },
        { FIRST, MATRIX, true }, { FIRST + MATRIX, 64, false } };
    struct array sum = test_row(SUM, 2);
    struct array adamw = test_row(SUM, ADAMW_NUMBERS);
    doubles(adamw)[ADAMW_RATE] = 1e-2;
    doubles(adamw)[ADAMW_DECAY] = 0.1;
    doubles(adamw)[ADAMW_EPSILON] = 1e-8;
    for (int k = 0; k < 3; k++) {
        doubles(adamw)[ADAMW_STEP] = k + 1;
        doubles(sum)[0] = k == 2 ? (double)NAN : 1;
        device_step(&two[GPU], m->weight, m->working, m->first,
                    m->second, m->gradient, both_put(GPU, sum),
                    both_put(GPU, adamw), all, 3);
    }
}

/* fails if images of weights are not those of the numbers that they
   round to, their exponents not a square's, another weight moves or
   does not; whoever makes them: the optimizer, a kernel of their own, a
   copy, or the products */
START_TEST(gpu_updates_leave_images_of_weights)
{
    enum { T = 40, WAYS = 4 };
    struct moved m[WAYS];
    both_open("fp8");
    for (int how = 0; how < WAYS; how++) {
        struct array part = open_moved(&m[how], how + 1 < WAYS);
        if (how + 1 < WAYS)
            m[how].working.part = &part, m[how].working.parts = 1;
        two[GPU].eight.apart = how == 1;
        move_thrice(&m[how]);
        if (how == 2)
            device_copy(&two[GPU], m[how].working, m[how].weight);
        struct array y = put(ACTIVATION, T, OUT, 6, 1);
        struct array dx = put(GRADIENT, T, IN, 8, 1);
        device_product(&two[GPU], y, put(ACTIVATION, T, IN, 7, 1),
                       part);
        device_product_input(&two[GPU], dx, put(GRADIENT, T, OUT, 9, 1),
                             part, false);
        m[how].y = both_fetch(GPU, y);
        m[how].dx = both_fetch(GPU, dx);
        m[how].is = both_fetch(GPU, m[how].weight);
        part.at = m[how].working.at, part.format = BF16;
        part.rows = 1, part.columns = FIRST;
        m[how].other = both_fetch(GPU, part);
    }
    for (int how = 0; how + 1 < WAYS; how++) {
        assert_same(m[how].y, m[WAYS - 1].y, T * OUT);
        assert_same(m[how].dx, m[WAYS - 1].dx, T * IN);
        assert_same(m[how].is, m[WAYS - 1].is, ALL);
        assert_same(m[how].other, m[WAYS - 1].other, FIRST);
    }
}
END_TEST

/* counts sites, if their vectors have more bits than E4M3 */
static void look_on(void *context, const struct site *s)
{
    size_t count = s->normed.rows * s->normed.columns, finer = 0;
    const real *x = both_fetch(GPU, s->normed);
    for (size_t i = 0; i < count; i++)
        finer += (bits_of((float)x[i]) & 0xf0000) != 0;
    *(size_t *)context += finer > count / 2;
}

/* of a model of one layer; how: images by those who make operands, by
   kernels of their own, of weights only, since somebody looks, or none
   until a product asks */
static const real *gradients_with(const char *precision, size_t n,
                                  size_t width, size_t hidden,
                                  int how, size_t *count)
{
    enum { LENGTH = 64, WORDS = 13 };
    static token id[2 * LENGTH + 1];
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    struct model m;
    size_t seen = 0;
    both_open(precision);
    two[GPU].eight.apart = how == 1;
    if (how == 3)
        two[GPU].format[OPERAND] = BF16;
    strcpy(c.connection, n > 1 ? "mhc" : "residual");
    c.streams = n, c.layers = 1, c.width = width, c.heads = 2;
    c.hidden = hidden, c.context = LENGTH, c.vocabulary = WORDS;
    ck_assert_msg(model_open(&m, &c, &two[GPU], 2, TRAINING, 0, &why),
                  "%s", why.text);
    ck_assert(m.work[0].weight[0].format == two[GPU].format[OPERAND]);
    *count = m.parameters.count;
    real *w = test_reals(*count);
    fill_normal(w, *count, 9, 0.1);
    for (size_t i = 0; i <= 2 * LENGTH; i++)
        id[i] = (token)random_below(3, 0, i, WORDS);
    if (how == 2)
        m.watch.forward = look_on, m.watch.context = &seen;
    device_upload(m.device, m.weights, w);
    model_copy_weights(&m);
    model_forward(&m, id, id + 1);
    model_backward(&m, 1);
    device_download(m.device, w, m.gradients);
    ck_assert_uint_eq(seen, how == 2 ? 3 : 0);
    model_close(&m);
    return w;
}

static const struct {
    const char *precision;
    size_t streams, width, hidden;
} made[] = {
    { "fp8", 1, 128, 192 }, { "fp8", 2, 128, 256 },
    { "fp8", 4, 128, 192 }, { "fp8", 8, 128, 256 },
    // Models with streams in eight bits, too
    { "fp8-streams", 4, 256, 256 },
    { "fp8-streams-stochastic", 2, 128, 192 },
    { "fp8-streams-mean", 2, 128, 256 }, { "fp8-streams", 1, 128, 192 },
};

/* fails if a boundary, a gate or a product sees other numbers, who
   looks sees images, or weights are none */
START_TEST(gpu_models_compute_the_same_whoever_makes_images)
{
    size_t count;
    const real *by[4];
    for (int how = 0; how < 4; how++)
        by[how] = gradients_with(made[_i].precision, made[_i].streams,
                                 made[_i].width, made[_i].hidden, how,
                                 &count);
    for (int how = 1; how < 4; how++)
        assert_same(by[how], by[0], count);
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
    tcase_add_loop_test(c, gpu_operands_hold_both_images, 0, OPERANDS);
    tcase_add_loop_test(c, gpu_gates_leave_images, 0, 2);
    tcase_add_test(c, gpu_updates_leave_images_of_weights);
    tcase_add_loop_test(c, gpu_products_take_operands_as_numbers, 0,
                        2 * OPERANDS);
    tcase_add_loop_test(c,
        gpu_models_compute_the_same_whoever_makes_images, 0,
        sizeof made / sizeof *made);
    // Add the tests of streams in eight bits on the gpu
    tcase_add_loop_test(c, gpu_rows_are_the_cpus, 0, 3 * SIZES);
    tcase_add_loop_test(c, gpu_words_in_eight_bits_are_the_cpus, 0, 3);
    return s;
}
