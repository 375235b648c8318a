#include "support/cpu.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/image.h"
#include "checkpoint/tiny.h"
#include "checkpoint/upcycle.h"
#include "ground/memory.h"
#include "support/compare.h"
#include "support/suite.h"
#include <math.h>
#include <omp.h>
#include <string.h>
#include <sysexits.h>

// Go on with a tiny run in two ways
static const struct target { const char *kind; size_t streams; }
targets[] = {
    { "mhc", 1 }, { "mhc", 4 }, { "identity", 8 }, { "mhc-lite", 3 },
    { "krom", 8 }, { "hc-static", 4 }, { "hc", 2 }, { "hc-three", 3 },
    { "wide-residual", 4 },
};
enum { TARGETS = sizeof targets / sizeof targets[0] };

static struct trainer plain, wide;

static bool upcycle(const char *from, const char *to,
                    const struct target *target, struct message *m)
{
    struct trainer t = { .device = NULL };
    struct checkpoint k;
    char path[256];
    strcpy(path, folder_file(from));
    bool good = checkpoint_open(&k, path, m)
             && upcycle_open(&t, &k, target->kind, target->streams,
                             &cpu, m)
             && checkpoint_write(folder_file(to), &t, m);
    checkpoint_close(&k);
    trainer_close(&t);
    return good;
}

// Train the plain run, and read the wide one
static void begin(void)
{
    struct message m = { 0, "" };
    struct update u;
    folder_make();
    omp_set_num_threads(1);
    tiny_open(&plain);
    while (plain.bookmark.step < 4)
        ck_assert(trainer_step(&u, &plain, &m));
    trainer_best(&plain, u.loss);
    ck_assert(checkpoint_write(folder_file("plain"), &plain, &m));
}

static void widen(const struct target *target)
{
    struct message m = { 0, "" };
    struct configuration c = tiny_configuration();
    strcpy(c.connection, target->kind);
    c.streams = target->streams;
    bool good = upcycle("plain", "wide", target, &m)
        && trainer_open(&wide, &c, &cpu, plain.corpus, &m)
        && tiny_read(&wide, folder_file("wide"), &m);
    ck_assert_msg(good, "%s", m.text);
}

static void end(void)
{
    trainer_close(&plain);
    trainer_close(&wide);
    folder_remove();
}

// Test that everything is carried over
/* fails if the moments of old parameters are left behind, or new ones
   get some */
START_TEST(what_was_there_is_carried_and_what_is_new_starts)
{
    struct trainer_row old[TRAINER_ROWS], new[TRAINER_ROWS];
    size_t carried = 0;
    widen(&targets[_i]);
    trainer_rows(old, &plain);
    trainer_rows(new, &wide);
    for (size_t i = 0; i < wide.model.parameters.used; i++) {
        const struct parameter *p = &wide.model.parameters.list[i];
        const struct parameter *was =
            parameter_find(&plain.model.parameters, p->name);
        carried += was != NULL;
        for (size_t r = 0; r < TRAINER_ROWS; r++)
            // Compare row r of the parameter
            for (size_t j = 0; j < p->count; j++) {
                real want = was != NULL ? reals(old[r].array)[was->offset + j]
                    : r > 0 ? 0 : parameter_start(p, 11, j / p->columns,
                                                  j % p->columns);
                ck_assert_msg(reals(new[r].array)[p->offset + j] == want, "%s[%zu]",
                              p->name,
                              j);
            }
    }
    ck_assert_uint_eq(carried, plain.model.parameters.used);
    ck_assert_uint_eq(wide.bookmark.step, 4);
    ck_assert_uint_eq(wide.bookmark.position.index,
                      plain.bookmark.position.index);
    ck_assert(wide.bookmark.best == plain.bookmark.best);
}
END_TEST

// Test that an upcycled run goes on
struct seen { bool equal, apart; };

static void look(void *context, const struct site *s)
{
    struct seen *seen = context;
    size_t n = s->streams, C = s->width;
    for (size_t i = 0; i < s->tokens * n * C; i++) {
        real first = reals(s->stream)[i / (n * C) * n * C + i % C];
        bool same = fabs((double)(reals(s->stream)[i] - first)) < 1e-6;
        seen->equal = seen->equal && same;
        seen->apart = seen->apart || !same;
    }
}

/* fails if the schedule or the text begins anew, or a new parameter
   changes the loss */
START_TEST(an_upcycled_run_computes_the_same_and_goes_on)
{
    struct update was, is;
    struct message m = { 0, "" };
    struct seen seen = { .equal = true };
    double before[2], after;
    widen(&targets[_i]);
    ck_assert(trainer_evaluate(&before[0], &plain, 0, &m)
              && trainer_evaluate(&before[1], &wide, 0, &m));
    ck_assert_double_eq_tol(before[1], before[0], 1e-5);
    wide.model.watch = (struct watch){ .forward = look,
                                       .context = &seen };
    for (size_t step = 5; step <= 7; step++) {
        // Take the same step in both
        ck_assert(trainer_step(&was, &plain, &m)
                  && trainer_step(&is, &wide, &m));
        ck_assert(is.step == step && is.rate == was.rate);
        if (step == 5) {
            ck_assert_double_eq_tol(is.loss, was.loss, 1e-5);
            ck_assert(seen.equal == (wide.model.architecture.connection
                                     != &wide_residual));
        }
    }
    ck_assert(trainer_evaluate(&after, &wide, 0, &m));
    ck_assert_double_lt(after, before[1] - 1e-3);
    ck_assert(seen.apart == (targets[_i].streams > 1));
}
END_TEST

// Test what is refused
static const struct {
    const char *from;
    struct target to;
    int status;
    const char *reason;
} wrong[] = {
    { "plain", { "hyper", 4 }, EX_USAGE, "there is no kind 'hyper'" },
    { "plain", { "residual", 1 }, EX_USAGE, "no streams to widen to" },
    { "plain", { "mhc", 0 }, EX_USAGE, "0 is not between 1 and 64" },
    { "plain", { "mhc", 9 }, EX_USAGE, "takes 8 at most, not 9" },
    { "plain", { "mhc-lite", 5 }, EX_USAGE, "takes 4 at most, not 5" },
    { "plain", { "krom", 6 }, EX_USAGE, "a power of two, not 6" },
    { "wide", { "mhc", 4 }, EX_DATAERR, "its connection is krom" },
    { "nothing", { "mhc", 4 }, EX_NOINPUT, "nothing" },
};
enum { WRONG = sizeof wrong / sizeof wrong[0] };

/* fails if an mhc checkpoint passes for a residual one, or a refusal
   leaves a file */
START_TEST(what_cannot_be_upcycled_is_refused)
{
    struct message m = { 0, "" };
    widen(&(struct target){ "krom", 2 });
    ck_assert(!upcycle(wrong[_i].from, "bad", &wrong[_i].to, &m));
    ck_assert_int_eq(m.status, wrong[_i].status);
    ck_assert_msg(strstr(m.text, wrong[_i].reason) != NULL, "%s",
                  m.text);
    ck_assert(!file_there(folder_file("bad")));
}
END_TEST
/* fails if one of the allocations is used without a look at whether it
   failed */
START_TEST(without_memory_nothing_is_upcycled)
{
    struct message m = { EX_OSERR, "" };
    for (size_t allowed = 0; m.status != 0; allowed++) {
        struct checkpoint k;
        m = (struct message){ 0, "" };
        memory_allow(allowed);
        bool good = checkpoint_open(&k, folder_file("plain"), &m)
                 && upcycle_open(&wide, &k, "mhc", 2, &cpu, &m);
        memory_allow(SIZE_MAX);
        checkpoint_close(&k);
        ck_assert(good == (m.status == 0));
        ck_assert(good || m.status == EX_OSERR);
        trainer_close(&wide);
    }
}
END_TEST

// The suite of upcycling
Suite *upcycle_suite(void);
Suite *upcycle_suite(void)
{
    Suite *s = suite_create("upcycle");
    TCase *c = tcase_create("upcycle");
    tcase_add_checked_fixture(c, begin, end);
    suite_add_tcase(s, c);
    tcase_add_loop_test(c,
        what_was_there_is_carried_and_what_is_new_starts, 0, TARGETS);
    tcase_add_loop_test(c,
        an_upcycled_run_computes_the_same_and_goes_on, 0, TARGETS);
    tcase_add_loop_test(c, what_cannot_be_upcycled_is_refused, 0,
                        WRONG);
    tcase_add_test(c, without_memory_nothing_is_upcycled);
    return s;
}
