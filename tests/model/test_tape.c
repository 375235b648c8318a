#include "support/cpu.h"
#include "ground/memory.h"
#include "model/tape.h"
#include "support/suite.h"
#include <stdint.h>
#include <string.h>
#include <sysexits.h>

// Tests of the tape
/* fails if a copy does not begin at a multiple of 256 bytes */
START_TEST(copies_stand_apart_and_lines_of_the_cache_apart)
{
    struct message m = { 0, "" };
    struct tape t = { .device = &cpu };
    size_t a = tape_add(&t, "kind", "a", EXACT, 3, 7, 3, &m);
    size_t b = tape_add(&t, "", "b", STREAM, 16, 4, 2, &m);
    size_t none = tape_add(&t, "", "none", EXACT, 4, 4, 0, &m);
    size_t empty = tape_add(&t, "", "empty", EXACT, 4, 0, 2, &m);
    size_t whole = 64 * sizeof(real);
    ck_assert(a == 0 && b == 1 && t.used == 4 && m.status == 0);
    ck_assert_str_eq(t.list[a].name, "kind.a");
    ck_assert_str_eq(t.list[b].name, "b");
    ck_assert(t.list[a].stride == 256 && t.list[b].stride == whole);
    ck_assert(tape_bytes(&t) == 3 * 256 + 2 * whole);
    ck_assert_ptr_null(tape_at(&t, a, 0).at);
    ck_assert(tape_allocate(&t, &m));
    for (size_t k = 0; k < 3; k++) {
        struct array copy = tape_at(&t, a, k);
        ck_assert((char *)copy.at == (char *)t.list[a].base + 256 * k);
        ck_assert(copy.rows == 3 && copy.columns == 7);
        ck_assert(copy.role == EXACT && copy.format == REAL_FORMAT);
    }
    ck_assert_ptr_null(tape_at(&t, none, 0).at);
    ck_assert_ptr_null(tape_at(&t, empty, 0).at);
    ck_assert(tape_at(&t, b, 1).role == STREAM);
    tape_release(&t);
    ck_assert(t.used == 0);
}
END_TEST

/* fails if bytes wrap around when rounded up or times the copies */
START_TEST(what_would_not_fit_is_refused)
{
    const size_t big = SIZE_MAX / 2 + 1;
    const size_t sizes[][3] = {
        { big, 2, 1 }, { SIZE_MAX, 1, 1 }, { SIZE_MAX / 64, 1, 64 },
        { SIZE_MAX / 32, 1, 31 }, { SIZE_MAX / 4, 1, 1 }
    };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct message m = { 0, "" };
        struct tape t = { .device = &cpu };
        tape_add(&t, "", "a", EXACT, sizes[i][0], sizes[i][1],
                 sizes[i][2], &m);
        ck_assert_msg(m.status == EX_OSERR, "%zu", i);
        ck_assert_ptr_nonnull(strstr(m.text, "a would be too large"));
        ck_assert(tape_bytes(&t) == 0);
    }
}
END_TEST

// The sum must fit, too
/* fails if each array is checked, but not their sum */
START_TEST(arrays_that_fit_alone_need_not_fit_together)
{
    struct message m = { 0, "" };
    struct tape t = { .device = &cpu };
    size_t third = SIZE_MAX / sizeof(real) / 6 + 1;
    tape_add(&t, "", "a", EXACT, third, 1, 1, &m);
    tape_add(&t, "", "b", EXACT, third, 1, 1, &m);
    ck_assert(m.status == 0);
    tape_add(&t, "", "c", EXACT, third, 1, 1, &m);
    ck_assert(m.status == EX_OSERR);
}
END_TEST

/* fails if the device refuses a second array and nobody notices */
START_TEST(memory_that_cannot_be_had_is_a_message)
{
    struct message m = { 0, "" };
    struct tape t = { .device = &cpu };
    tape_add(&t, "", "a", EXACT, 1, 1, 1, &m);
    tape_add(&t, "", "b", EXACT, 1, 1, 1, &m);
    memory_allow(1);
    ck_assert(!tape_allocate(&t, &m));
    memory_allow(SIZE_MAX);
    ck_assert(m.status == EX_OSERR);
    tape_release(&t);
}
END_TEST

// The suite of the tape
Suite *tape_suite(void);
Suite *tape_suite(void)
{
    Suite *s = suite_create("tape");
    TCase *c = tcase_create("plan");
    suite_add_tcase(s, c);
    tcase_add_test(c, copies_stand_apart_and_lines_of_the_cache_apart);
    tcase_add_test(c, what_would_not_fit_is_refused);
    tcase_add_test(c, arrays_that_fit_alone_need_not_fit_together);
    tcase_add_test(c, memory_that_cannot_be_had_is_a_message);
    return s;
}
