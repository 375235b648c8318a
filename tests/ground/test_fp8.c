#include "ground/bf16.h"
#include "ground/blocks.h"
#include "ground/random.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/fp8_by_search.h"
#include "support/suite.h"

// Tests of eight bits
static const struct fp8_format *const both[] = { &FP8_E4M3, &FP8_E5M2 };

/* fails if a field is cut elsewhere, the bias is another's, or a code
   that is no number has a value */
START_TEST(fp8_codes_are_the_formats_numbers)
{
    struct fp8_format k = *both[_i];
    for (unsigned code = 0; code < 256; code++) {
        float x = fp8_widen((fp8)code, k);
        double size = fp8_size(code & 0x7f, k);
        unsigned of = code & 0x7f;
        if (_i == 1 && of == 0x7c)
            ck_assert(isinf(x) && (signbit(x) != 0) == (code > 127));
        else if (of > k.largest)
            ck_assert(isnan(x));
        else
            ck_assert((double)x == (code > 127 ? -size : size)
                      && (signbit(x) != 0) == (code > 127));
    }
}
END_TEST

/* fails if a tie, a neighbour of one, a carry, a subnormal number or
   what is too large goes elsewhere */
START_TEST(fp8_rounds_to_the_nearest)
{
    struct fp8_format k = *both[_i];
    double size[128];
    fp8_sizes(size, k);
    for (unsigned code = 0; code <= k.largest; code++) {
        double next = code == k.largest
            ? 2 * size[code] - size[code - 1] : size[code + 1];
        float x = (float)size[code];
        float middle = (float)((size[code] + next) / 2);
        float all[] = { x, nextafterf(x, 1e30f), nextafterf(x, -1),
            middle, nextafterf(middle, 0), nextafterf(middle, 1e30f) };
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            for (int sign = 0; sign < 2; sign++) {
                float y = sign == 1 ? -all[i] : all[i];
                fp8 got = fp8_round(y, k);
                fp8 want = fp8_by_search(y, size, k);
                ck_assert_msg(got == want, "%a is %02x, not %02x",
                              (double)y, got, want);
            }
    }
}
END_TEST

/* what is known; fails if it saturates elsewhere */
START_TEST(fp8_of_known_numbers)
{
    static const struct { float x; fp8 e4m3, e5m2; } known[] = {
        { 448, 0x7e, 0x5f }, { 464, 0x7e, 0x5f }, { 465, 0x7e, 0x5f },
        { 1000, 0x7e, 0x64 }, { -INFINITY, 0xfe, 0xfb },
        { 61440, 0x7e, 0x7b }, { 1e9f, 0x7e, 0x7b }, { 1, 0x38, 0x3c },
        { -0.f, 0x80, 0x80 }, { 0x1p-9f, 0x01, 0x18 },
        { 0x1p-10f, 0, 0x14 }, { 0x1.8p-9f, 0x02, 0x1a },
        { 0x1.000002p-10f, 0x01, 0x14 }, { 0x1p-17f, 0, 0 },
        { 0x1p-149f, 0, 0 }, { NAN, 0x7f, 0x7f } };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        ck_assert_msg(fp8_round(known[i].x, FP8_E4M3) == known[i].e4m3
                      && fp8_round(known[i].x, FP8_E5M2)
                         == known[i].e5m2,
                      "%a: %02x, %02x", (double)known[i].x,
                      fp8_round(known[i].x, FP8_E4M3),
                      fp8_round(known[i].x, FP8_E5M2));
    }
}
END_TEST
/* fails if chance is not the part that is cut off, for any size; up for
   the smallest random number, down for the largest */
START_TEST(fp8_rounds_by_chance_to_its_neighbours)
{
    struct fp8_format k = *both[_i];
    const float last = 0x1.fffffep-1f;
    double size[128];
    fp8_sizes(size, k);
    for (unsigned i = 0; i < 4000; i++) {
        int e = (int)random_below(1, 1, i, 30) - 20;
        float x = (float)ldexp(1 + random_uniform(1, 2, i), e);
        unsigned down = 0;
        while (down < k.largest && size[down + 1] <= (double)x)
            down++;
        unsigned up = down < k.largest ? down + 1 : down;
        float part = up == down ? 0
                   : (float)(((double)x - size[down])
                             / (size[up] - size[down]));
        ck_assert_uint_eq(fp8_round_by(x, last, k), down);
        ck_assert_uint_eq(fp8_round_by(x, 0, k), part > 0 ? up : down);
        if (part > 0)
            ck_assert_uint_eq(fp8_round_by(-x, nextafterf(part, 0), k),
                              up | 0x80);
        ck_assert_uint_eq(fp8_round_by(-x, part, k), down | 0x80);
    }
    ck_assert_uint_eq(fp8_round_by(NAN, 0, k), 0x7f);
    ck_assert_uint_eq(fp8_round_by(INFINITY, 0, k), k.largest);
    ck_assert_uint_eq(fp8_round_by(FLT_MAX, 0, k), k.largest);
    ck_assert_uint_eq(fp8_round_by(0, 0, k), 0);
    ck_assert_uint_eq(fp8_round_by(0x1p-149f, 0, k), 1);
    for (unsigned code = 0; code <= k.largest; code++)
        ck_assert_uint_eq(fp8_round_by((float)size[code], 0, k), code);
}
END_TEST

/* fails if a scale is not the least that fits */
START_TEST(fp8_scales_are_the_least_that_fit)
{
    struct fp8_format k = *both[_i];
    double most = fp8_size(k.largest, k);
    for (unsigned i = 0; i < 4000; i++) {
        float amax = (float)ldexp(1 + random_uniform(2, 1, i),
                                  (int)random_below(2, 2, i, 220)
                                  - 100);
        amax = i == 0 ? (float)most : i == 1 ? (float)most * 1.0001f
             : amax;
        int e = fp8_exponent(amax, k);
        ck_assert((double)amax <= ldexp(most, e));
        ck_assert((double)amax > ldexp(most, e - 1));
    }
    ck_assert_int_eq(fp8_exponent(0, k), 0);
    ck_assert_int_eq(fp8_exponent((float)most, k), 0);
    ck_assert_int_eq(fp8_exponent(0x1p-149f, k), FP8_LEAST);
    ck_assert_int_le(fp8_exponent(FLT_MAX, k), FP8_MOST);
}
END_TEST
enum { ROWS = 70, COLUMNS = 300 };
static real numbers[ROWS * COLUMNS], loaded[ROWS * COLUMNS];
static fp8 code[ROWS * COLUMNS];
static int8_t scale[ROWS * COLUMNS];

/* of sizes that differ by much */
static void draw_numbers(void)
{
    fill_normal(numbers, ROWS * COLUMNS, 5, 1);
    for (size_t i = 0; i < ROWS * COLUMNS; i++)
        numbers[i] *= (real)exp2((double)random_below(3, 1, i / 7, 24)
                                 - 12);
    bf16_settle(numbers, ROWS * COLUMNS);
}

static const struct fp8_blocks shapes[] = { { 0, 0 }, { 1, 0 },
    { 1, 128 }, { 128, 128 }, { 32, 1 }, { 16, 32 } };

/* fails if a block takes another's scale or edge, or a number errs by
   more than its rounding; what is loaded is exact in bf16 */
START_TEST(fp8_blocks_err_by_a_rounding)
{
    struct fp8_blocks b = shapes[_i];
    struct fp8_range range = { 0, 0, 0, 0, 0 };
    size_t height = b.rows == 0 ? ROWS : b.rows;
    size_t width = b.columns == 0 ? COLUMNS : b.columns;
    size_t across = (COLUMNS - 1) / width + 1, vanished = 0;
    draw_numbers();
    ck_assert_uint_eq(fp8_scales(ROWS, COLUMNS, b),
                      ((ROWS - 1) / height + 1) * across);
    fp8_store(code, scale, numbers, ROWS, COLUMNS, b, FP8_E4M3, &range);
    fp8_load(loaded, code, scale, ROWS, COLUMNS, b, FP8_E4M3);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        size_t r = i / COLUMNS, c = i % COLUMNS;
        int e = scale[r / height * across + c / width];
        double x = (double)numbers[i], y = (double)loaded[i];
        double most = fmax(fabs(x) / 16, ldexp(1, e - 10));
        vanished += y == 0 && x != 0;
        ck_assert_msg(fabs(y - x) <= most, "%zu: %g became %g", i, x,
                      y);
        ck_assert((double)bf16_widen(bf16_round((float)y)) == y);
    }
    ck_assert_uint_eq(range.count, ROWS * COLUMNS);
    ck_assert_uint_eq(range.vanished, vanished);
    ck_assert_uint_eq(range.saturated + range.nan, 0);
}
END_TEST

/* fails if one infinity, NaN or a block of zeros spoils the others */
START_TEST(fp8_blocks_with_what_is_not_finite)
{
    struct fp8_range range = { 0, 0, 0, 0, 0 };
    const struct fp8_blocks b = { 1, 4 };
    real x[12] = { 1, (real)-INFINITY, 3, 0, (real)NAN, 2, 5, 7,
                   0, 0, 0, 0 };
    const real want[12] = { 1, -3.5f, 3, 0, 0, 2, 5, 7 };
    fp8_store(code, scale, x, 1, 12, b, FP8_E4M3, &range);
    fp8_load(loaded, code, scale, 1, 12, b, FP8_E4M3);
    for (size_t i = 0; i < 12; i++)
        if (i == 4)
            ck_assert(isnan(loaded[i]));
        else
            ck_assert_msg(loaded[i] == want[i], "%zu: %g", i,
                          (double)loaded[i]);
    ck_assert_uint_eq(range.saturated, 1);
    ck_assert_uint_eq(range.nan, 1);
    ck_assert_uint_eq(range.vanished, 0);
    ck_assert(range.amax == 7);
    ck_assert_int_eq(scale[2], 0);
}
END_TEST

/* fails if a number that was rounded once is rounded again by another
   scale, though it does not vanish */
START_TEST(fp8_blocks_become_others_without_rounding)
{
    static real again[ROWS * COLUMNS];
    static int8_t other[ROWS * COLUMNS];
    const struct fp8_blocks along = { 1, 128 }, across = { 32, 1 };
    size_t below = 0;
    draw_numbers();
    fp8_store(code, scale, numbers, ROWS, COLUMNS, along, FP8_E4M3,
              NULL);
    fp8_load(loaded, code, scale, ROWS, COLUMNS, along, FP8_E4M3);
    fp8_store(code, other, loaded, ROWS, COLUMNS, across, FP8_E4M3,
              NULL);
    fp8_load(again, code, other, ROWS, COLUMNS, across, FP8_E4M3);
    for (size_t i = 0; i < ROWS * COLUMNS; i++) {
        int e = other[i / COLUMNS / 32 * COLUMNS + i % COLUMNS];
        if (fabs((double)loaded[i]) < ldexp(1, e - 6))
            below++;
        else
            ck_assert(again[i] == loaded[i]);
    }
    ck_assert_uint_gt(below, 10);
    ck_assert_uint_lt(below, ROWS * COLUMNS / 2);
}
END_TEST
/* fails if an error is above the bound, or differs from the derived one
   by more than a tenth */
START_TEST(fp8_products_err_as_derived)
{
    enum { PAIRS = 1000, K = 300 };
    static real row[2][K], back[2][K];
    const double rho = sqrt(3 / (8 * log(2)) / 12 / 64), u = 1 / 16.;
    double off = 0, derived = 0;
    for (unsigned p = 0; p < PAIRS; p++) {
        double error = 0, bound = 0;
        for (int s = 0; s < 2; s++) {
            fill_normal(row[s], K, 2 * p + (unsigned)s, 1);
            fp8_store(code, scale, row[s], 1, K,
                      (struct fp8_blocks){ 1, 128 }, FP8_E4M3, NULL);
            fp8_load(back[s], code, scale, 1, K,
                     (struct fp8_blocks){ 1, 128 }, FP8_E4M3);
        }
        for (size_t i = 0; i < K; i++) {
            double a = (double)row[0][i], b = (double)row[1][i];
            error += (double)back[0][i] * (double)back[1][i] - a * b;
            bound += (2 * u + u * u) * fabs(a * b)
                   + 0x1p-14 * (fabs(a) + fabs(b) + 1);
            derived += 2 * rho * rho * a * a * b * b;
        }
        ck_assert(fabs(error) <= bound);
        off += error * error;
    }
    ck_assert_double_eq_tol(sqrt(off / derived), 1, .1);
}
END_TEST

Suite *fp8_suite(void);
Suite *fp8_suite(void)
{
    Suite *s = suite_create("fp8");
    TCase *c = tcase_create("fp8");
    // Add the tests of eight bits
    tcase_add_loop_test(c, fp8_codes_are_the_formats_numbers, 0, 2);
    tcase_add_loop_test(c, fp8_rounds_to_the_nearest, 0, 2);
    tcase_add_test(c, fp8_of_known_numbers);
    tcase_add_loop_test(c, fp8_rounds_by_chance_to_its_neighbours, 0, 2);
    tcase_add_loop_test(c, fp8_scales_are_the_least_that_fit, 0, 2);
    tcase_add_loop_test(c, fp8_blocks_err_by_a_rounding, 0, 6);
    tcase_add_test(c, fp8_blocks_with_what_is_not_finite);
    tcase_add_test(c, fp8_blocks_become_others_without_rounding);
    tcase_add_test(c, fp8_products_err_as_derived);
    suite_add_tcase(s, c);
    return s;
}
