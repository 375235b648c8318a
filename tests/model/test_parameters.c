#include "ground/memory.h"
#include "model/parameters.h"
#include "support/suite.h"
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// Tests of the table of parameters
/* fails if an offset is not rounded up, or gaps count as numbers */
START_TEST(every_parameter_begins_at_a_line_of_the_cache)
{
    struct message m = { 0, "" };
    struct parameters p = { .message = &m };
    size_t numbers = 0, end = 0;
    for (size_t i = 0; i < 100; i++) {
        char name[8];
        snprintf(name, sizeof name, "%zu", i);
        ck_assert(parameter_add(&p, "p", name, i + 1, 3,
                                start_constant(0), i % 2) == i);
        size_t at = p.list[i].offset;
        ck_assert(at == end && at % PARAMETER_ALIGNMENT == 0);
        numbers += 3 * (i + 1);
        end = (at + 3 * (i + 1) + 15) / 16 * 16;
        ck_assert(p.count == end && p.numbers == numbers);
    }
    ck_assert(p.used == 100 && PARAMETER_ALIGNMENT == 16);
    ck_assert(parameter_find(&p, "p.42") == &p.list[42]);
    ck_assert(p.list[42].rows == 43 && p.list[42].columns == 3);
    ck_assert(!p.list[42].decay && p.list[43].decay);
    ck_assert_ptr_null(parameter_find(&p, "p.100"));
    parameters_free(&p);
    ck_assert(p.used == 0 && p.list == NULL);
}
END_TEST

// Parameters that cannot be
/* fails if a size wraps around, or the end moves before a refusal */
START_TEST(parameters_that_cannot_be_are_refused_and_change_nothing)
{
    const size_t most = SIZE_MAX / 8;
    const size_t sizes[][2] = { { SIZE_MAX, 2 }, { SIZE_MAX, 1 },
                                { most, 1 }, { most - 47, 1 } };
    for (size_t i = 0; i < 4; i++) {
        struct message m = { 0, "" };
        struct parameters p = { .message = &m };
        parameter_add(&p, "", "first", 2, 16, start_constant(0), true);
        ck_assert(PARAMETER_NONE ==
                  parameter_add(&p, "", "a", sizes[i][0], sizes[i][1],
                                start_constant(0), true));
        ck_assert(m.status == EX_DATAERR && p.used == 1);
        ck_assert(p.count == 32 && p.numbers == 32);
        parameters_free(&p);
    }
    struct message m = { 0, "" };
    struct parameters p = { .message = &m };
    parameter_add(&p, "", "first", 2, 16, start_constant(0), true);
    parameter_add(&p, "", "a", most - 48, 1, start_constant(0), true);
    ck_assert(m.status == 0 && p.used == 2);
    parameters_free(&p);
    p.message = &m;
    parameter_add(&p, "", "a", most - 16, 1, start_constant(0), true);
    ck_assert(m.status == 0 && p.used == 1);
    parameters_free(&p);
}
END_TEST

/* fails if a name that is too long is cut off without a word */
START_TEST(a_name_of_63_letters_fits_and_one_of_64_does_not)
{
    struct message m = { 0, "" };
    struct parameters p = { .message = &m };
    const char *sixty = "abcdefghijklmnopqrstuvwxyzabcdefgh"
                        "abcdefghijklmnopqrstuvwxyz";
    parameter_add(&p, sixty, "12", 1, 1, start_constant(0), true);
    ck_assert(m.status == 0 && p.used == 1);
    parameters_free(&p);
    p.message = &m;
    ck_assert(PARAMETER_NONE == parameter_add(&p, sixty, "123", 1, 1,
                                    start_constant(0), true));
    ck_assert(m.status == EX_DATAERR && p.used == 0);
    ck_assert_ptr_nonnull(strstr(m.text, "too long"));
    parameters_free(&p);
}
END_TEST

/* fails if a table that could not grow is written to */
START_TEST(without_memory_for_the_table_a_parameter_is_refused)
{
    struct message m = { 0, "" };
    struct parameters p = { .message = &m };
    memory_allow(0);
    ck_assert(PARAMETER_NONE == parameter_add(&p, "", "a", 1, 1,
                                    start_constant(0), true));
    memory_allow(SIZE_MAX);
    ck_assert(m.status == EX_OSERR && p.used == 0);
    parameters_free(&p);
}
END_TEST

// Tests of how parameters start
static double digits(size_t column, size_t size, size_t shift)
{
    return (double)(column + 10 * size + 100 * shift);
}

/* fails if a rule gets size and shift in the wrong order */
START_TEST(a_start_is_a_constant_or_follows_a_rule)
{
    const struct parameter rule = { .rows = 1, .columns = 9,
        .start = start_rule(digits, 2, 3) };
    ck_assert(parameter_start(&rule, 1, 0, 4) == 324);
    const struct parameter same = { .rows = 2, .columns = 2,
        .start = start_constant(5) };
    for (size_t k = 0; k < 4; k++)
        ck_assert(parameter_start(&same, 1, k / 2, k % 2) == 5);
}
END_TEST

/* fails if the numbers change with where the parameter stands in the
   table */
START_TEST(a_start_depends_on_seed_name_and_place_alone)
{
    struct parameter p = { .name = "p", .rows = 7, .columns = 9,
                           .start = start_normal(2) };
    struct parameter q = p, r = p;
    q.offset = 1000;
    strcpy(r.name, "r");
    double sum = 0, squares = 0;
    for (size_t i = 0; i < 63; i++) {
        real x = parameter_start(&p, 1, i / 9, i % 9);
        ck_assert(x == parameter_start(&q, 1, i / 9, i % 9));
        ck_assert(x != parameter_start(&q, 2, i / 9, i % 9));
        ck_assert(x != parameter_start(&r, 1, i / 9, i % 9));
        for (size_t k = 0; k < i; k++)
            ck_assert(x != parameter_start(&p, 1, k / 9, k % 9));
        sum += (double)x;
        squares += (double)x * (double)x;
    }
    ck_assert(fabs(sum / 63) < 0.7);
    ck_assert(fabs(squares / 63 - 4) < 1.5);
}
END_TEST

// The suite of the parameters
Suite *parameters_suite(void);
Suite *parameters_suite(void)
{
    Suite *s = suite_create("parameters");
    TCase *c = tcase_create("table");
    suite_add_tcase(s, c);
    tcase_add_test(c, every_parameter_begins_at_a_line_of_the_cache);
    tcase_add_test(c,
        parameters_that_cannot_be_are_refused_and_change_nothing);
    tcase_add_test(c, a_name_of_63_letters_fits_and_one_of_64_does_not);
    tcase_add_test(c,
        without_memory_for_the_table_a_parameter_is_refused);
    tcase_add_test(c, a_start_is_a_constant_or_follows_a_rule);
    tcase_add_test(c, a_start_depends_on_seed_name_and_place_alone);
    return s;
}
