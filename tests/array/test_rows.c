#include "array/rows.h"
#include "boundary/whole.h"
#include "checkpoint/tiny.h"
#include "ground/bf16.h"
#include "ground/blocks.h"
#include "ground/random.h"
#include "support/compare.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/suite.h"
#include <stdlib.h>

enum { ROWS = 9, COLUMNS = 300, NUMBERS = ROWS * COLUMNS };

static struct array kept(size_t columns, struct eight *by)
{
    struct array a = { .rows = ROWS, .columns = columns, .role = STREAM,
                       .format = E4M3, .eight = by };
    a.at = test_reals(array_bytes(a) / sizeof(real) + 1);
    return a;
}

static real *numbers(void)
{
    real *x = test_reals(NUMBERS);
    fill_normal(x, NUMBERS, 1, 1);
    for (size_t i = 0; i < NUMBERS; i++)
        x[i] *= (real)exp2((double)random_below(3, 1, i / 7, 24) - 12);
    return x;
}

/* fails if a row has other blocks, or a code or an exponent stands
   elsewhere */
START_TEST(rows_are_blocks_of_128)
{
    static const size_t columns[] = { 1, 127, 128, 129, 256, COLUMNS };
    size_t C = columns[_i], blocks = (C + 127) / 128;
    struct array a = kept(C, NULL);
    real *x = numbers(), *back = test_reals(NUMBERS);
    real *want = test_reals(NUMBERS);
    static fp8 code[NUMBERS];
    static int8_t exponent[NUMBERS];
    const struct fp8_blocks b = { 1, 128 };
    ck_assert_uint_eq(row_bytes(a) % 16, 0);
    ck_assert_uint_le(row_bytes(a), C + blocks + 15);
    rows_store(a, 0, x, ROWS);
    fp8_store(code, exponent, x, ROWS, C, b, FP8_E4M3, NULL);
    fp8_load(want, code, exponent, ROWS, C, b, FP8_E4M3);
    for (size_t t = 0; t < ROWS; t++) {
        const fp8 *row = (const fp8 *)a.at + t * row_bytes(a);
        ck_assert_int_eq(memcmp(row, code + t * C, C), 0);
        ck_assert_int_eq(memcmp(row + C, exponent + t * blocks, blocks),
                         0);
    }
    rows_load(back, a, 0, ROWS);
    assert_same(back, want, ROWS * C);
    rows_settle(x, a, 0, ROWS);
    assert_same(x, want, ROWS * C);
}
END_TEST

/* fails if a number is rounded by another's random bits, by those of
   another site, update or seed, or by none; those that are expected are
   made one by one */
START_TEST(rows_are_rounded_by_their_place)
{
    struct eight by = { .by_chance = true, .step = 5, .tokens = 1000,
                        .seed = 77 + (9ull << 32) };
    struct array a = kept(COLUMNS, &by), part;
    real *x = numbers(), *back = test_reals(NUMBERS);
    real *other = test_reals(NUMBERS);
    a.place = 6;
    rows_store(a, 0, x, ROWS);
    rows_load(back, a, 0, ROWS);
    for (size_t t = 0; t < ROWS; t++)
        for (size_t c = 0; c < COLUMNS; c++) {
            const uint32_t key[2] = { 77, 9 }, counter[4] = {
                (uint32_t)(c / 8), (uint32_t)(1000 + t), 6, 5 };
            struct philox p = philox(counter, key);
            uint32_t bits = p.word[c % 8 / 2] >> c % 2 * 16 & 0xffff;
            const fp8 *row = (const fp8 *)a.at + t * row_bytes(a);
            int k = ((const int8_t *)row)[COLUMNS + c / 128];
            float y = (float)x[t * COLUMNS + c] * ldexpf(1, -k);
            ck_assert_uint_eq(row[c],
                fp8_round_by(y, ((float)bits + .5f) / 65536, FP8_E4M3));
        }
    part = array_rows(a, 4, 3);
    memcpy(other, x, NUMBERS * sizeof *x);
    rows_settle(other + 4 * COLUMNS, part, 0, 3);
    assert_same(other + 4 * COLUMNS, back + 4 * COLUMNS, 3 * COLUMNS);
    for (int change = 0; change < 4; change++) {
        struct eight next = by;
        next.seed += change == 0, next.step += change == 1;
        next.tokens += change == 2;
        part = a;
        part.eight = &next;
        part.place += change == 3;
        memcpy(other, x, NUMBERS * sizeof *x);
        rows_settle(other, part, 0, ROWS);
        ck_assert(memcmp(other, back, NUMBERS * sizeof *x) != 0);
    }
}
END_TEST

/* fails if chance pulls one way: the mean of many roundings of one
   number must be that number, within four of its own errors */
START_TEST(chance_pulls_nowhere)
{
    enum { MANY = 400 };
    struct eight by = { .by_chance = true, .seed = 3 };
    struct array a = kept(COLUMNS, &by);
    real *x = numbers(), *back = test_reals(NUMBERS);
    double *sum = calloc(NUMBERS, sizeof *sum), off = 0, size = 0;
    for (uint32_t step = 1; step <= MANY; step++) {
        by.step = step;
        memcpy(back, x, NUMBERS * sizeof *x);
        rows_settle(back, a, 0, ROWS);
        for (size_t i = 0; i < NUMBERS; i++)
            sum[i] += (double)(back[i] - x[i]);
    }
    for (size_t i = 0; i < NUMBERS; i++) {
        off += sum[i] / MANY * (sum[i] / MANY);
        size += (double)x[i] * (double)x[i];
    }
    ck_assert(sqrt(off / size) < 4 * 0.0375 / sqrt(MANY));
    ck_assert(sqrt(off / size) > 0.0375 / sqrt(MANY) / 4);
    free(sum);
}
END_TEST

/* fails if streams whose mean is apart lose it: it comes back within a
   rounding to bf16 */
START_TEST(a_mean_that_is_apart_comes_back)
{
    enum { n = 3, C = COLUMNS / n };
    double largest = 0;
    struct array a = kept(COLUMNS, NULL);
    a.streams = n;
    a.at = test_reals(array_bytes(a) / sizeof(real) + 1);
    real *x = numbers(), *back = test_reals(NUMBERS);
    rows_store(a, 0, x, ROWS);
    rows_load(back, a, 0, ROWS);
    for (size_t i = 0; i < NUMBERS; i++)
        largest = fmax(largest, fabs((double)x[i]));
    for (size_t t = 0; t < ROWS; t++)
        for (size_t c = 0; c < C; c++) {
            double was = 0, is = 0;
            for (size_t i = 0; i < n; i++) {
                size_t at = t * COLUMNS + i * C + c;
                was += (double)x[at] / n, is += (double)back[at] / n;
                ck_assert(fabs((double)(back[at] - x[at]))
                          <= largest / 8);
            }
            ck_assert(fabs(was - is)
                      <= fabs(was) / 256 + largest * 1e-6);
        }
}
END_TEST

/* fails if the mean does not stand after whole pieces of sixteen bytes,
   or more than the difference from it is rounded to eight bits */
START_TEST(a_mean_that_is_apart_has_its_place)
{
    enum { n = 3, C = COLUMNS / n, CODES = COLUMNS + 3 };
    struct array a = kept(COLUMNS, NULL);
    real *x = test_reals(NUMBERS), *back = test_reals(NUMBERS);
    const double rounded = 1. / 256, most = 0.05;
    a.streams = n;
    a.at = test_reals(array_bytes(a) / sizeof(real) + 1);
    fill_normal(x, NUMBERS, 2, most / 5);
    for (size_t i = 0; i < NUMBERS; i++)
        x[i] = 1 + x[i];
    rows_store(a, 0, x, ROWS);
    rows_load(back, a, 0, ROWS);
    for (size_t t = 0; t < ROWS; t++) {
        const unsigned char *row = a.at;
        const bf16 *mean = (const void *)(row + t * row_bytes(a)
                                          + (CODES + 15) / 16 * 16);
        for (size_t c = 0; c < C; c++) {
            double is = 0;
            for (size_t i = 0; i < n; i++) {
                size_t at = t * COLUMNS + i * C + c;
                is += (double)x[at] / n;
                ck_assert(fabs((double)(back[at] - x[at]))
                          <= 1.1 * rounded + most / 8);
            }
            ck_assert(fabs((double)bf16_widen(mean[c]) - is)
                      <= 1.1 * rounded);
        }
    }
}
END_TEST

/* fails if what is infinite is not counted, or spoils its block */
START_TEST(what_is_infinite_is_counted)
{
    struct eight by = { .by_chance = false };
    struct array a = kept(COLUMNS, &by);
    real *x = numbers(), *back = test_reals(NUMBERS);
    double largest = 0;
    for (size_t i = 0; i < 128; i++)
        largest = fmax(largest, fabs((double)x[i]));
    x[5] = (real)INFINITY, x[700] = (real)-INFINITY;
    rows_store(a, 0, x, ROWS);
    rows_load(back, a, 0, ROWS);
    ck_assert_uint_eq(by.stored, NUMBERS);
    ck_assert_uint_eq(by.saturated, 2);
    ck_assert(isfinite(back[5]) && back[5] > 0);
    ck_assert(isfinite(back[700]) && back[700] < 0);
    for (size_t i = 0; i < 128; i++)
        ck_assert(i == 5 || fabs((double)(back[i] - x[i]))
                  <= fabs((double)x[i]) / 16 + largest * 0x1p-17);
}
END_TEST

/* fails if two arrays of a model would be rounded by the same bits */
START_TEST(each_site_has_places_of_its_own)
{
    const struct connection *k = connection_find("mhc");
    struct model m = whole_open(k, 2, 0);
    for (unsigned i = 0; i <= m.sublayers; i++) {
        ck_assert_uint_eq(m.site[i].stream.place, 2 * i);
        ck_assert_uint_eq(m.site[i].dstream.place, 2 * i + 1);
    }
    model_close(&m);
}
END_TEST

/* fails if an update, or a part of one, is said to be another, or a
   loss that is no part of one to be one */
START_TEST(each_part_of_an_update_has_its_place)
{
    struct trainer t;
    struct message m = { 0, "" };
    struct update u;
    tiny_open(&t);
    t.options.accumulation = 3;
    for (uint32_t step = 1; step <= 2; step++) {
        ck_assert_msg(trainer_step(&u, &t, &m), "%s", m.text);
        ck_assert_uint_eq(cpu.eight.step, step);
        ck_assert_uint_eq(cpu.eight.tokens,
                          2 * t.options.batch * t.options.context);
        ck_assert_uint_eq(cpu.eight.seed, t.model.configuration.seed);
    }
    model_forward(&t.model, t.input, t.target);
    ck_assert_uint_eq(cpu.eight.step, 0);
    ck_assert_uint_eq(cpu.eight.tokens, 0);
    tiny_close(&t);
}
END_TEST

Suite *rows_suite(void);
Suite *rows_suite(void)
{
    Suite *s = suite_create("rows");
    TCase *c = tcase_create("rows");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, rows_are_blocks_of_128, 0, 6);
    tcase_add_test(c, rows_are_rounded_by_their_place);
    tcase_add_test(c, chance_pulls_nowhere);
    tcase_add_test(c, a_mean_that_is_apart_comes_back);
    tcase_add_test(c, a_mean_that_is_apart_has_its_place);
    tcase_add_test(c, what_is_infinite_is_counted);
    tcase_add_test(c, each_site_has_places_of_its_own);
    tcase_add_test(c, each_part_of_an_update_has_its_place);
    return s;
}
