#include "model/configuration.h"
#include "support/suite.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// Configurations survive being written
/* fails if a number is written with too few digits to come back */
START_TEST(every_field_is_written_so_that_it_is_read_back)
{
    struct configuration c = configuration_default(), d = c;
    struct message m = { 0, "" };
    for (const struct field *f = configuration_fields; f->name; f++) {
        char text[64], again[64], most[64];
        snprintf(most, sizeof most, "%.17g", f->most);
        const char *other = f->type == SWITCH ? "yes"
                          : f->type == WORD ? "x-1_2.Y" : most;
        ck_assert_msg(configuration_set(&c, f->name, other, &m), "%s",
                      m.text);
        field_get(&c, f, text);
        ck_assert(f->type == NUMBER || strcmp(text, other) == 0);
        // A number is written as short as it can be
        if (f->type == NUMBER) {
            static const char *const number[] = {"0.1", "0.10000000000000002"};
            for (size_t k = 0; k < 2; k++) {
                ck_assert(configuration_set(&d, f->name, number[k], &m));
                field_get(&d, f, again);
                ck_assert_str_eq(again, number[k]);
            }
        }
        ck_assert(configuration_set(&d, f->name, text, &m));
        field_get(&d, f, again);
        ck_assert_str_eq(again, text);
        ck_assert_ptr_eq(field_find(configuration_fields, f->name), f);
    }
    ck_assert(memcmp(&c, &d, sizeof c) == 0);
    ck_assert(configuration_set(&c, "tied", "no", &m) && !c.tied);
    ck_assert(m.status == 0);
}
END_TEST

/* fails if a default is changed, or lies beyond its bounds */
START_TEST(the_default_is_a_valid_model_of_bytes)
{
    struct configuration c = configuration_default();
    struct message m = { 0, "" };
    ck_assert_msg(configuration_check(&c, &m), "%s", m.text);
    ck_assert(c.vocabulary == 256 && c.streams == 1 && !c.tied);
    ck_assert_str_eq(c.connection, "residual");
    ck_assert(c.layers == 4 && c.width == 128 && c.heads == 4);
    ck_assert(c.context == 128 && c.hidden == 0 && c.seed == 1);
}
END_TEST

// Texts that are no values
static const char *const wrong[][2] = {
    { "layers", "" }, { "layers", "-1" }, { "layers", "+1" },
    { "layers", " 1" }, { "layers", "1 " }, { "layers", "0x10" },
    { "layers", "1e2" }, { "layers", "0" }, { "layers", "4097" },
    { "layers", "18446744073709551617" }, { "layers", "4.0" },
    { "seed", "9007199254740993" }, { "seed", "9007199254740992" },
    { "tied", "true" }, { "tied", "" },
    { "tied", "Yes" }, { "connection", "" }, { "connection", "a b" },
    { "connection", "a/b" }, { "vocabulary", "1" },
    { "connection", "this-is-one-letter-more-than-31-" },
    { "sedd", "1" }, { "", "1" }
};

/* fails if a sign, a blank or a number too large passes for a count */
START_TEST(what_is_no_value_is_refused_and_changes_nothing)
{
    struct configuration c = configuration_default(), before = c;
    struct message m = { 0, "" };
    ck_assert(!configuration_set(&c, wrong[_i][0], wrong[_i][1], &m));
    ck_assert(m.status == EX_USAGE);
    ck_assert_msg(strstr(m.text, wrong[_i][0]) != NULL, "%s", m.text);
    ck_assert(memcmp(&c, &before, sizeof c) == 0);
}
END_TEST

/* fails if a bound is excluded, or an earlier call's errno is
   believed */
START_TEST(numbers_at_the_bounds_are_values)
{
    struct configuration c = configuration_default();
    struct message m = { 0, "" };
    ck_assert(configuration_set(&c, "layers", "1", &m));
    ck_assert(configuration_set(&c, "layers", "4096", &m));
    ck_assert(c.layers == 4096);
    ck_assert(configuration_set(&c, "seed", "9007199254740991", &m));
    ck_assert(c.seed == ((size_t)1 << 53) - 1);
    ck_assert(configuration_set(&c, "connection",
                                "this-is-exactly-31-letters-long", &m));
    ck_assert(strlen(c.connection) == 31);
    errno = ERANGE;     /* of something before */
    ck_assert(configuration_set(&c, "layers", "2", &m));
    // More values at the bounds
    errno = ERANGE;
    ck_assert(configuration_set(&c, "rate", "0.5", &m));
}
END_TEST

/* fails if a message leaves out the field, the text or what it may
   be */
START_TEST(a_text_that_is_no_value_is_shown_with_what_would_be)
{
    struct configuration c = configuration_default();
    struct message m = { 0, "" }, n = { 0, "" }, o = { 0, "" };
    configuration_set(&c, "tied", "maybe", &m);
    ck_assert_str_eq(m.text, "tied: 'maybe' is not a value (yes|no)");
    configuration_set(&c, "width", "0", &n);
    ck_assert_str_eq(n.text, "width: 0 is not between 1 and 65536");
    configuration_set(&c, "widht", "8", &o);
    ck_assert_str_eq(o.text, "there is no option 'widht'");
}
END_TEST

// Configurations that do not fit together
static void refuse(struct configuration c, const char *why)
{
    struct message m = { 0, "" };
    ck_assert(!configuration_check(&c, &m));
    ck_assert(m.status == EX_USAGE);
    ck_assert_msg(strstr(m.text, why) != NULL, "%s", m.text);
}

/* fails if heads may share the width unevenly, or get an odd part of
   it */
START_TEST(sizes_that_do_not_fit_together_are_refused)
{
    struct configuration c = configuration_default();
    c.heads = 3;
    refuse(c, "128 channels cannot be shared by 3 heads");
    c.heads = 128;
    refuse(c, "with 128 heads each has 1 channels");
    c.width = 12;
    c.heads = 4;
    refuse(c, "with 4 heads each has 3 channels");
    c = configuration_default();
    c.layers = 0;
    refuse(c, "layers: 0 is not between 1 and 4096");
    c = configuration_default();
    c.streams = 65;
    refuse(c, "streams: 65");
    c = configuration_default();
    c.seed = SIZE_MAX;
    refuse(c, "seed");
}
END_TEST

/* fails if the C library's nan, 0x1 or 1e-400 gets through */
START_TEST(every_field_refuses_what_lies_beyond_its_bounds)
{
    for (const struct field *f = configuration_fields; f->name; f++) {
        const char *const none[] = { "nan", "inf", "-inf", "x", "",
                                     " 1", "1 ", "-1e99", "1e99",
                                     "0x1", "1e-400", "1e", "+" };
        struct configuration c = configuration_default();
        if (f->type != COUNT && f->type != NUMBER)
            continue;
        for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
            struct message m = { 0, "" };
            ck_assert_msg(!configuration_set(&c, f->name, none[i], &m),
                          "%s %s", f->name, none[i]);
        }
    }
}
END_TEST

// A gate's default size
/* fails if the multiple is rounded down, or may be zero */
START_TEST(the_gate_is_eight_thirds_of_the_width_in_multiples_of_32)
{
    const size_t list[][2] = { { 1, 32 }, { 8, 32 }, { 17, 32 },
        { 18, 64 }, { 29, 64 }, { 30, 96 }, { 96, 256 }, { 128, 352 },
        { 256, 672 }, { 768, 2048 } };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        struct configuration c = { .width = list[i][0] };
        size_t got = configuration_hidden(&c);
        ck_assert_msg(got == list[i][1], "%zu: %zu", c.width, got);
        c.hidden = 5;
        ck_assert(configuration_hidden(&c) == 5);
    }
}
END_TEST

// The suite of the configuration
Suite *configuration_suite(void);
Suite *configuration_suite(void)
{
    Suite *s = suite_create("configuration");
    TCase *c = tcase_create("fields");
    suite_add_tcase(s, c);
    tcase_add_test(c, every_field_is_written_so_that_it_is_read_back);
    tcase_add_test(c, the_default_is_a_valid_model_of_bytes);
    tcase_add_loop_test(c,
                        what_is_no_value_is_refused_and_changes_nothing,
                        0, sizeof wrong / sizeof wrong[0]);
    tcase_add_test(c, numbers_at_the_bounds_are_values);
    tcase_add_test(c,
                   a_text_that_is_no_value_is_shown_with_what_would_be);
    tcase_add_test(c, sizes_that_do_not_fit_together_are_refused);
    tcase_add_test(c, every_field_refuses_what_lies_beyond_its_bounds);
    tcase_add_test(c,
        the_gate_is_eight_thirds_of_the_width_in_multiples_of_32);
    return s;
}
