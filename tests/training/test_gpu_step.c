#include "checkpoint/tiny.h"
#include "support/compare.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/suite.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Tests of recorded work
/* until the test ends, trainers are on the gpu */
static void put_on_gpu(const char *precision)
{
    struct message m = { 0, "" };
    ck_assert_msg(device_open(&cpu, "gpu", precision, &m), "%s",
                  m.text);
}

static const real *numbers_of(struct array a)
{
    real *x = test_unset(a.rows * a.columns);
    device_download(&cpu, x, a);
    return x;
}

static void update(struct trainer *t, struct update *u)
{
    struct message m = { 0, "" };
    ck_assert_msg(trainer_step(u, t, &m), "%s", m.text);
}

// Tests of whole steps
/* fails if a number of an update (rate, clipping, corrections) or its
   tokens stay in the recording, a part is not added, or an operation
   is not recorded; where clocks are read, nothing is replayed */
static const char *const recorded_in[] = { "single", "bf16",
    // Other precisions that are recorded
    "fp8", "fp8-streams", "fp8-streams-stochastic", "fp8-streams-mean",
};

START_TEST(gpu_recorded_steps_have_the_same_bits)
{
    struct configuration c = tiny_configuration();
    struct clocks clocks = { { 0 }, { 0 } };
    struct trainer plain, recorded;
    struct update was, is;
    put_on_gpu(recorded_in[_i / 4]);
    if (_i & 1)
        snprintf(c.connection, sizeof c.connection, "mhc"),
            c.streams = 4;
    c.accumulation = _i & 2 ? 3 : 1;
    c.warmup = 3, c.steps = 5;
    tiny_open_as(&plain, &c);
    tiny_open_as(&recorded, &c);
    for (int step = 0; step < 5; step++) {
        cpu.clocks = &clocks;
        update(&plain, &was);
        cpu.clocks = NULL;
        update(&recorded, &is);
        ck_assert(is.loss == was.loss && is.norm == was.norm);
    }
    size_t count = plain.model.parameters.count;
    assert_same(numbers_of(recorded.model.weights),
                numbers_of(plain.model.weights), count);
    assert_same(numbers_of(recorded.model.working),
                numbers_of(plain.model.working), count);
    assert_same(numbers_of(recorded.second), numbers_of(plain.second),
                count);
    ck_assert(recorded.part.state != NULL);
    ck_assert(recorded.update.state != NULL);
    ck_assert(plain.part.state == NULL && clocks.calls[STEP] == 5);
    tiny_close(&plain), tiny_close(&recorded);
}
END_TEST

struct sum { struct array from, to; real host[4]; size_t calls; };

static void copy_and_wait(void *context)
{
    struct sum *s = context;
    s->calls++;
    device_copy(&cpu, s->to, s->from);
    device_download(&cpu, s->host, s->to);
}

/* fails if work that cannot be recorded is lost, is the device's
   trouble, or is tried or told of more than once */
START_TEST(gpu_work_that_waits_is_not_recorded)
{
    struct message m = { 0, "" };
    struct recording r = { 0 }, other = { 0 };
    struct sum s = { .calls = 0 };
    const real four[] = { 1, 2, 3, 4 };
    char said[1000] = "";
    FILE *words = tmpfile();
    put_on_gpu("single");
    s.from = s.to = device_shape(&cpu, EXACT, 1, 4);
    s.from.at = device_allocate(&cpu, 16, &m);
    s.to.at = device_allocate(&cpu, 16, &m);
    device_upload(&cpu, s.from, four);
    int screen = dup(2);
    dup2(fileno(words), 2);
    for (int i = 0; i < 4; i++) {
        memset(s.host, 0, sizeof s.host);
        device_repeat(&cpu, &r, copy_and_wait, &s);
        assert_same(s.host, four, 4);
    }
    device_repeat(&cpu, &other, copy_and_wait, &s);
    device_repeat(&cpu, &other, copy_and_wait, &s);
    dup2(screen, 2);
    ck_assert_msg(device_finish(&cpu, &m), "%s", m.text);
    ck_assert_uint_eq(s.calls, 7);          /* one was in vain */
    rewind(words);
    ck_assert(fgets(said, sizeof said, words) != NULL);
    ck_assert_msg(strstr(said, "cannot be recorded") != NULL, "%s",
                  said);
    ck_assert(fgets(said, sizeof said, words) == NULL);
    device_forget(&cpu, &r);
}
END_TEST

static void measure(void *context)
{
    struct sum *s = context;
    device_gradient_norm(&cpu, s->to, s->from);
}

/* fails if what was recorded still works in memory that was given
   back */
START_TEST(gpu_work_is_recorded_again_in_another_workspace)
{
    struct message m = { 0, "" };
    struct recording r = { 0 };
    struct sum s = { .calls = 0 };
    const real four[] = { 1, 2, 2, 4 };
    double norm[2];
    put_on_gpu("single");
    s.from = device_shape(&cpu, MASTER, 1, 4);
    s.to = device_shape(&cpu, SUM, 1, 2);
    s.from.at = device_allocate(&cpu, 16, &m);
    s.to.at = device_allocate(&cpu, 16, &m);
    device_upload(&cpu, s.from, four);
    for (int i = 0; i < 6; i++) {
        if (i == 3)
            ck_assert(device_reserve(&cpu, cpu.reserved + 100000));
        device_zero(&cpu, s.to);
        device_repeat(&cpu, &r, measure, &s);
        device_download(&cpu, norm, s.to);
        ck_assert(norm[1] == 5 && (r.state != NULL) == (i > 0));
        ck_assert(i == 0 || r.workspace == cpu.workspace);
    }
    device_forget(&cpu, &r);
    ck_assert(r.state == NULL && device_finish(&cpu, &m));
}
END_TEST
static void close_alike(struct trainer t[2])
{
    assert_same(numbers_of(t[1].model.weights),
                numbers_of(t[0].model.weights),
                t[0].model.parameters.count);
    tiny_close(&t[0]), tiny_close(&t[1]);
}

/* fails if a stream is made again by the chance of another site, or
   other streams than those that were stored go back */
START_TEST(gpu_streams_made_again_in_eight_bits_change_no_update)
{
    static const char *const ways[] = { "fp8-streams",
                                        "fp8-streams-stochastic" };
    struct configuration c = tiny_configuration();
    struct trainer t[2];
    struct update u;
    put_on_gpu(ways[_i]);
    snprintf(c.connection, sizeof c.connection, "mhc");
    c.streams = 4, c.width = 128, c.steps = 2, c.layers = 2;
    for (int k = 0; k < 2; k++) {
        c.lazy = k == 0 ? 0 : 4;
        tiny_open_as(&t[k], &c);
        update(&t[k], &u);
        update(&t[k], &u);
    }
    close_alike(t);
}
END_TEST

/* NULL on a real GPU */
void emulator_configure(void) __attribute__((weak));

/* fails if a recording, or a count that it leaves, makes other images
   than a kernel of their own; 128 tokens, in any order of blocks */
START_TEST(gpu_recorded_operands_change_no_update)
{
    struct configuration c = tiny_configuration();
    struct trainer t[2];
    struct update u;
    put_on_gpu(_i % 2 ? "fp8-streams" : "fp8");
    setenv("EMULATOR_ORDER", _i / 2 ? "random:7" : "reverse", 1);
    if (emulator_configure != NULL)
        emulator_configure();
    snprintf(c.connection, sizeof c.connection, "mhc");
    c.streams = 4, c.width = c.hidden = 128, c.heads = 2, c.layers = 1;
    c.context = 32, c.batch = 4, c.steps = 4;
    for (int k = 0; k < 2; k++) {
        cpu.eight.apart = k == 1;
        tiny_open_as(&t[k], &c);
        for (int step = 0; step < 3; step++)
            update(&t[k], &u);
    }
    close_alike(t);
}
END_TEST

Suite *gpu_step_suite(void);
Suite *gpu_step_suite(void)
{
    Suite *s = suite_create("gpu_step");
    TCase *c = tcase_create("gpu_step");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 300);
    tcase_add_loop_test(c, gpu_recorded_steps_have_the_same_bits, 0,
        4 * sizeof recorded_in / sizeof *recorded_in);
    // Add tests of recorded work
    tcase_add_loop_test(c,
        gpu_streams_made_again_in_eight_bits_change_no_update, 0, 2);
    tcase_add_loop_test(c, gpu_recorded_operands_change_no_update, 0, 4);
    tcase_add_test(c, gpu_work_that_waits_is_not_recorded);
    tcase_add_test(c, gpu_work_is_recorded_again_in_another_workspace);
    return s;
}
