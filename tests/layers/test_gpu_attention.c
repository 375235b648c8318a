#include "support/pair.h"
#include "ground/random.h"
#include "layers/attention.h"
#include "support/suite.h"

#define TOLERANCE (256 * (double)REAL_EPSILON)

// Attention on two devices
struct run {
    struct attention_shape s;
    struct pair qkv, out, lse, dout, dqkv, rotation;
};

static size_t rows_of(const struct attention_shape *s)
{
    return s->sequences * (s->first + s->length);
}

static struct run run_of(struct attention_shape s, double scale)
{
    size_t T = s.sequences * s.length, C = s.heads * s.head_size;
    size_t all = s.first + s.length, half = s.head_size / 2;
    struct array turns = test_row(EXACT, 2 * all * half);
    struct run r = { .s = s };
    attention_rotation(reals(turns), reals(turns) + all * half, all,
                       s.head_size);
    turns.rows = 2;
    turns.columns = all * half;
    r.rotation = pair_copy(turns);
    r.qkv = pair_normal(ACTIVATION, rows_of(&s), 3 * C, 1, scale);
    r.dout = pair_normal(GRADIENT, T, C, 2, 1e5);
    r.out = pair_unset(ACTIVATION, T + 1, C);
    r.lse = pair_unset(EXACT, T + 1, s.heads);
    r.dqkv = pair_unset(GRADIENT, T + 1, 3 * C);
    return r;
}

static void attend_on(struct device *d, struct run *r)
{
    bool here = d == &cpu;
    size_t T = r->s.sequences * r->s.length;
    struct array qkv = here ? r->qkv.cpu : r->qkv.gpu;
    struct array out = here ? r->out.cpu : r->out.gpu;
    struct array lse = here ? r->lse.cpu : r->lse.gpu;
    struct array dout = here ? r->dout.cpu : r->dout.gpu;
    struct array dqkv = here ? r->dqkv.cpu : r->dqkv.gpu;
    struct array turns = here ? r->rotation.cpu : r->rotation.gpu;
    device_attend(d, array_rows(out, 0, T), lse, qkv, turns, &r->s);
    if (r->s.first == 0)
        device_attend_backward(d, array_rows(dqkv, 0, T), dout, out,
                               lse, qkv, turns, &r->s);
}

/* p's rows but the last, which nobody may touch */
static void assert_pair(const char *name, struct pair p,
                        double tolerance)
{
    size_t count = (p.cpu.rows - 1) * p.cpu.columns;
    const real *got = pair_reals(p);
    for (size_t c = 0; c < p.cpu.columns; c++)
        ck_assert(isnan(got[count + c]));
    ck_assert_msg(compare_arrays(stderr, name, got, reals(p.cpu),
                                 (const size_t[]){ p.cpu.rows - 1,
                                                   p.cpu.columns }, 2,
                                 tolerance), "%s is not close", name);
}

// Shapes for attention on the gpu
static const struct attention_shape shapes[] = {
    { .sequences = 1, .length = 1, .heads = 1, .head_size = 2 },
    { .sequences = 2, .length = 8, .heads = 3, .head_size = 4 },
    { .sequences = 3, .length = 17, .heads = 2, .head_size = 6 },
    { .sequences = 1, .length = 63, .heads = 2, .head_size = 34 },
    { .sequences = 2, .length = 64, .heads = 1, .head_size = 16 },
    { .sequences = 2, .length = 65, .heads = 3, .head_size = 32 },
    { .sequences = 1, .length = 130, .heads = 2, .head_size = 64 },
    { .sequences = 1, .length = 71, .heads = 1, .head_size = 100 },
    { .sequences = 1, .length = 40, .heads = 2, .head_size = 130 },
    { .sequences = 1, .length = 33, .heads = 1, .head_size = 256 },
    { .sequences = 1, .length = 256, .heads = 1, .head_size = 48 },
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

// Tests of attention on the gpu
/* fails if what came before is not rescaled, a row or a channel of a
   ragged tile is lost, or the mask is off by one */
START_TEST(gpu_attention_is_the_cpus)
{
    struct run r = run_of(shapes[_i], 2);
    attend_on(&cpu, &r);
    attend_on(&gpu, &r);
    pair_close("qkv", r.qkv, TOLERANCE);
    assert_pair("out", r.out, TOLERANCE);
    assert_pair("lse", r.lse, TOLERANCE);
    assert_pair("dqkv", r.dqkv, TOLERANCE);
}
END_TEST

/* fails if positions begin at 0, or rows that do not ask are turned */
START_TEST(gpu_attention_of_sampled_rows_is_the_cpus)
{
    static const struct attention_shape sampled[] = {
        { .sequences = 1, .first = 70, .length = 1, .heads = 3,
          .head_size = 8 },
        { .sequences = 2, .first = 63, .length = 3, .heads = 2,
          .head_size = 34 },
        { .sequences = 1, .first = 5, .length = 66, .heads = 1,
          .head_size = 66 } };
    for (size_t i = 0; i < 3; i++) {
        struct run r = run_of(sampled[i], 2);
        const real *before = pair_reals(r.qkv);
        size_t held = r.s.first * r.qkv.cpu.columns;
        attend_on(&cpu, &r);
        attend_on(&gpu, &r);
        assert_same(pair_reals(r.qkv), before, held);
        pair_close("qkv", r.qkv, TOLERANCE);
        assert_pair("out", r.out, TOLERANCE);
        assert_pair("lse", r.lse, TOLERANCE);
    }
}
END_TEST

/* fails if a query sees a later key, by one row or by a tile */
START_TEST(gpu_answers_do_not_depend_on_later_rows)
{
    struct attention_shape s = { .sequences = 1, .length = 70,
                                 .heads = 2, .head_size = 6 };
    static const size_t later[] = { 1, 63, 65 };
    struct run r = run_of(s, 1), changed = run_of(s, 1);
    size_t t = later[_i], C = s.heads * s.head_size;
    fill_normal(reals(changed.qkv.cpu) + 3 * t * C,
                3 * (s.length - t) * C, 3, 2);
    memset(reals(changed.dout.cpu) + t * C, 0,
           (s.length - t) * C * sizeof(real));
    pair_upload(changed.qkv);
    pair_upload(changed.dout);
    attend_on(&gpu, &r);
    attend_on(&gpu, &changed);
    assert_same(pair_reals(changed.out), pair_reals(r.out), t * C);
    assert_same(pair_reals(changed.lse), pair_reals(r.lse),
                t * s.heads);
    ck_assert(pair_reals(changed.out)[t * C]
              != pair_reals(r.out)[t * C]);
    const real *dqkv = pair_reals(changed.dqkv);
    for (size_t i = 3 * t * C; i < 3 * s.length * C; i++)
        ck_assert(dqkv[i] == 0);
}
END_TEST

/* fails if the largest score is not subtracted */
START_TEST(gpu_attention_survives_large_scores)
{
    struct attention_shape s = { .sequences = 2, .length = 90,
                                 .heads = 1, .head_size = 4 };
    struct run r = run_of(s, 300);
    for (size_t t = 0; t < 180; t++)
        for (size_t c = 0; c < 4; c++)
            reals(r.qkv.cpu)[t * 12 + 8 + c] = (real)c + 1;
    pair_upload(r.qkv);
    attend_on(&gpu, &r);
    const real *out = pair_reals(r.out), *lse = pair_reals(r.lse);
    for (size_t i = 0; i < 720; i++)
        ck_assert(fabs((double)out[i] - (double)(i % 4) - 1) < 1e-5);
    for (size_t i = 0; i < 180; i++)
        ck_assert(isfinite(lse[i]));
}
END_TEST

/* fails if blocks race, or add in the order in which they come */
START_TEST(gpu_attention_repeats_its_bits)
{
    struct attention_shape s = { .sequences = 2, .length = 100,
                                 .heads = 2, .head_size = 20 };
    struct run r = run_of(s, 1), again = run_of(s, 1);
    attend_on(&gpu, &r);
    attend_on(&gpu, &again);
    assert_same(pair_reals(again.out), pair_reals(r.out), 200 * 40);
    assert_same(pair_reals(again.dqkv), pair_reals(r.dqkv), 200 * 120);
}
END_TEST

/* fails if a kernel is launched with no blocks */
START_TEST(gpu_attention_of_no_rows_does_nothing)
{
    struct message m = { 0, "" };
    struct run r = run_of((struct attention_shape){ .sequences = 1,
        .length = 2, .heads = 1, .head_size = 4 }, 1);
    r.s.sequences = 0;
    attend_on(&gpu, &r);
    pair_same("qkv", r.qkv);
    pair_same("out", r.out);
    pair_same("dqkv", r.dqkv);
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}
END_TEST

/* fails if heads of 257 channels are computed, wrongly */
START_TEST(gpu_attention_refuses_wide_heads)
{
    struct message m = { 0, "" };
    struct run r = run_of((struct attention_shape){ .sequences = 1,
        .length = 2, .heads = 1, .head_size = 258 }, 1);
    gpu.planning = true;
    device_attend(&gpu, array_rows(r.out.gpu, 0, 2), r.lse.gpu,
                  r.qkv.gpu, r.rotation.gpu, &r.s);
    gpu.planning = false;
    ck_assert(!device_finish(&gpu, &m));
    ck_assert(strstr(m.text, "at most 256 channels") != NULL);
}
END_TEST

Suite *gpu_attention_suite(void);
Suite *gpu_attention_suite(void)
{
    Suite *s = suite_create("gpu_attention");
    TCase *c = tcase_create("gpu_attend");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, gpu_attention_is_the_cpus, 0, SHAPES);
    tcase_add_test(c, gpu_attention_of_sampled_rows_is_the_cpus);
    tcase_add_loop_test(c, gpu_answers_do_not_depend_on_later_rows, 0,
                        3);
    tcase_add_test(c, gpu_attention_survives_large_scores);
    tcase_add_test(c, gpu_attention_repeats_its_bits);
    tcase_add_test(c, gpu_attention_of_no_rows_does_nothing);
    tcase_add_test(c, gpu_attention_refuses_wide_heads);
    return s;
}
