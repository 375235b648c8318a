#include "checkpoint/tiny.h"
#include "gain/range.h"
#include "support/compare.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/suite.h"

/* fails if an array is another site's, if zeros or sizes are counted
   elsewhere, or if looking changes the run */
START_TEST(ranges_are_those_of_each_site)
{
    struct configuration c = tiny_configuration();
    struct trainer t, plain;
    struct ranges r;
    struct message m = { 0, "" };
    struct update u, v;
    char name[48];
    snprintf(c.connection, sizeof c.connection, "mhc");
    c.streams = 2, c.steps = 20;
    tiny_open_as(&t, &c);
    tiny_open_as(&plain, &c);
    ck_assert(trainer_step(&u, &t, &m) && trainer_step(&v, &plain, &m));
    ck_assert_msg(ranges_measure(&r, &t, &m), "%s", m.text);
    ck_assert_uint_eq(r.sites, t.model.sublayers + 1);
    for (size_t i = 0; i < r.sites; i++) {
        const struct site *s = &t.model.site[i];
        size_t count = s->tokens * s->stream.columns, zeros = 0;
        real *x = test_reals(count);
        float amax = 0;
        device_download(&cpu, x, array_rows(s->stream, 0, s->tokens));
        for (size_t k = 0; k < count; k++) {
            amax = fmaxf(amax, fabsf((float)x[k]));
            zeros += x[k] == 0;
        }
        ck_assert(r.of[i][RANGED_STREAM].amax == amax);
        ck_assert_uint_eq(r.of[i][RANGED_STREAM].count, count);
        ck_assert_uint_ge(r.of[i][RANGED_STREAM].vanished, zeros);
        for (enum ranged k = RANGED_NORMED; k < RANGED; k++)
            ck_assert((r.of[i][k].count > 0) == (i + 1 < r.sites));
    }
    ranges_name(name, &r, 1, RANGED_DANSWER);
    ck_assert_pstr_eq(name, "sublayer.1.danswer");
    ranges_close(&r);
    ck_assert(trainer_step(&u, &t, &m) && trainer_step(&v, &plain, &m));
    ck_assert(u.loss == v.loss && u.norm == v.norm);
    assert_same(reals(t.model.weights), reals(plain.model.weights),
                t.model.parameters.count);
    trainer_close(&t);
    tiny_close(&plain);
}
END_TEST

Suite *range_suite(void);
Suite *range_suite(void)
{
    Suite *s = suite_create("range");
    TCase *c = tcase_create("range");
    suite_add_tcase(s, c);
    tcase_add_test(c, ranges_are_those_of_each_site);
    return s;
}
