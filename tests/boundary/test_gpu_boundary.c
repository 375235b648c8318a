#include "boundary/sites.h"
#include "support/pair.h"
#include "support/suite.h"
#include <string.h>
#include <sysexits.h>

// A boundary in both memories
#define FIVE(mix) \
    { mix, 1 }, { mix, 2 }, { mix, 3 }, { mix, 4 }, { mix, 8 }
static const struct { enum mix mix; size_t streams; } cases[] = {
    { MIX_NONE, 1 }, FIVE(MIX_STATIC), FIVE(MIX_TANH_TWO),
    FIVE(MIX_TANH_THREE), FIVE(MIX_IDENTITY), FIVE(MIX_SINKHORN),
    FIVE(MIX_RELEASED),
    { MIX_PERMUTATIONS, 1 }, { MIX_PERMUTATIONS, 2 },
    { MIX_PERMUTATIONS, 3 }, { MIX_PERMUTATIONS, 4 },
    { MIX_KRONECKER, 1 }, { MIX_KRONECKER, 2 }, { MIX_KRONECKER, 4 },
    { MIX_KRONECKER, 8 },
};
#define EACH_STREAMS(k, i) \
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) \
        if (cases[k].mix == (enum mix)(i))

struct boundary { struct sites cpu; struct site from, to; };

#define ARRAYS(F) F(stream) F(answer) F(coefficients) F(input) \
    F(inverse_rms) F(normed) F(dstream) F(dcoefficients) F(dinput) \
    F(dnormed) F(danswer) F(phi) F(alpha) F(bias) F(gain) F(dphi) \
    F(dalpha) F(dbias) F(dgain)

/* the same site in the gpu's memory */
static struct site twin(const struct site *s)
{
    struct site g = *s;
    g.device = &gpu;
    #define TWIN(name) \
        if (s->name.rows * s->name.columns > 0) \
            g.name = pair_copy(s->name).gpu;
    ARRAYS(TWIN)
    if (s->input.at == s->stream.at)
        g.input = g.stream, g.dinput = g.dstream;
    return g;
}

static struct boundary boundary_of(enum mix mix, size_t n,
                                   size_t tokens, size_t width,
                                   bool mean)
{
    struct connection k = { .name = "", .mix = mix, .mean = mean };
    struct boundary b = { .cpu = sites_of(&k, n, tokens, width,
                                          false) };
    struct site *both[] = { &b.cpu.from, &b.cpu.to };
    for (size_t i = 0; mix == MIX_NONE && i < 2; i++)
        both[i]->input = both[i]->stream,
            both[i]->dinput = both[i]->dstream;
    return b;
}

static void settle(struct boundary *b)
{
    pair_open();
    b->from = twin(&b->cpu.from);
    b->to = twin(&b->cpu.to);
}

static void check_array(const char *name, struct array cpu_has,
                        struct array gpu_has, size_t columns,
                        double tolerance)
{
    struct pair p = { cpu_has, gpu_has };
    size_t rows = cpu_has.rows, all = cpu_has.columns;
    if (rows * columns == 0)
        return;
    const real *got = pair_reals(p);
    real *g = test_reals(rows * columns);
    real *w = test_reals(rows * columns);
    for (size_t i = 0; i < rows * columns; i++) {
        g[i] = got[i / columns * all + i % columns];
        w[i] = reals(cpu_has)[i / columns * all + i % columns];
    }
    ck_assert_msg(compare_arrays(stderr, name, g, w,
                                 (const size_t[]){ rows, columns }, 2,
                                 tolerance), "%s is not close", name);
}

#define CHECK(site, name, columns, tolerance) \
    check_array(#site "." #name, b->cpu.site.name, b->site.name, \
                columns, tolerance)

/* all that a crossing there, and a crossing back, leaves */
static void check(const struct boundary *b, bool left, double there,
                  double back)
{
    const struct site *s = &b->cpu.to;
    size_t C = s->width, nC = s->streams * C;
    bool mixed = s->layout.mix != MIX_NONE && !s->exit;
    size_t raw = layout_raw(&s->layout), rms = layout_rms(&s->layout);
    CHECK(to, stream, nC, there);
    CHECK(to, input, C, there);
    CHECK(to, inverse_rms, 1, there);
    CHECK(to, normed, C, there);
    CHECK(to, dgain, C, back);
    if (mixed) {
        CHECK(to, coefficients, raw, there);
        CHECK(to, dcoefficients, rms, back);
        CHECK(to, dphi, s->dphi.columns, back);
        CHECK(to, dalpha, s->dalpha.columns, back);
        CHECK(to, dbias, s->dbias.columns, back);
    }
    if (!left)
        CHECK(to, dstream, nC, back);
    else {
        CHECK(from, dstream, nC, back);
        CHECK(from, danswer, C, back);
        if (s->layout.mix != MIX_NONE)
            CHECK(from, dcoefficients, raw, back);
    }
}

static void cross(struct boundary *b, bool left)
{
    struct site *from = left ? &b->cpu.from : NULL;
    struct site *gpu_from = left ? &b->from : NULL;
    struct message m = { 0, "" };
    device_cross(&cpu, from, &b->cpu.to);
    device_cross_backward(&cpu, from, &b->cpu.to);
    device_cross(&gpu, gpu_from, &b->to);
    device_cross_backward(&gpu, gpu_from, &b->to);
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}

#define CHECK_BITS(b, name) \
    pair_same(#name, (struct pair){ (b).cpu.to.name, (b).to.name })

// Tests of the boundary on the gpu
static void cross_all_sizes(enum mix mix, size_t n)
{
    static const size_t widths[] = { 8, 48, 64, 100 };
    static const size_t tokens[] = { 0, 1, 5, 33 };
    for (size_t w = 0; w < 4; w++)
        for (size_t t = 0; t < 4; t++) {
            struct boundary b = boundary_of(mix, n, tokens[t],
                                            widths[w], false);
            settle(&b);
            cross(&b, true);
            check(&b, true, 1e-5, n == 1 ? 2e-3 : 1e-4);
            if (t + w == 6)
                // Cross again, with the same bits
                {
                    struct boundary other = boundary_of(mix, n, tokens[t], widths[w],
                                                        false);
                    settle(&other);
                    cross(&other, true);
                    #define SAME(name) \
                        if (b.cpu.to.name.rows * b.cpu.to.name.columns > 0) \
                            assert_same(pair_reals((struct pair){ b.cpu.to.name, \
                                                                  b.to.name }), \
                                        pair_reals((struct pair){ b.cpu.to.name, \
                                                                  other.to.name }), \
                                        b.cpu.to.name.rows * b.cpu.to.name.columns);
                    ARRAYS(SAME)
                }
        }
}

/* fails if a kernel leaves out a token, a channel, a stream or an
   output, or has another formula than the cpu's */
START_TEST(gpu_boundaries_are_the_cpus)
{
    EACH_STREAMS(k, _i)
        cross_all_sizes(cases[k].mix, cases[k].streams);
}
END_TEST

static void enter_and_leave(enum mix mix, size_t n, bool mean)
{
    double back = n == 1 ? 2e-3 : 1e-4;
    struct boundary b = boundary_of(mix, n, 5, 48, mean);
    b.cpu.to.exit = true;
    settle(&b);
    cross(&b, true);
    check(&b, true, 1e-5, back);
    b = boundary_of(mix, n, 5, 48, mean);
    settle(&b);
    cross(&b, false);
    check(&b, false, 1e-5, back);
    if (mix == MIX_NONE)
        return;
    struct pair v = pair_normal(ACTIVATION, 5, 48, 1, 1);
    struct pair dv = pair_unset(GRADIENT, 5, 48);
    device_enter(&cpu, &b.cpu.to, v.cpu);
    device_enter(&gpu, &b.to, v.gpu);
    device_enter_backward(&cpu, dv.cpu, &b.cpu.to);
    device_enter_backward(&gpu, dv.gpu, &b.to);
    CHECK_BITS(b, stream);
    pair_close("dvector", dv, back);
}

/* fails if the sum leaves where the mean should, the exit adds to what
   stood in dstream, or arriving alone writes */
START_TEST(gpu_entries_and_exits_are_the_cpus)
{
    EACH_STREAMS(k, _i)
        for (int mean = 0; mean < 2; mean++)
            enter_and_leave(cases[k].mix, cases[k].streams, mean);
}
END_TEST

static void cross_near_zero(enum mix mix, size_t n)
{
    struct boundary b = boundary_of(mix, n, 5, 48, false);
    real *x = reals(b.cpu.from.stream);
    real *y = reals(b.cpu.from.answer);
    for (size_t i = 0; i < 5 * n * 48; i++)
        x[i] *= i < n * 48 ? 0 : (real)1e-3;
    for (size_t i = 0; i < 5 * 48; i++)
        y[i] *= i < 48 ? 0 : (real)1e-3;
    settle(&b);
    cross(&b, true);
    check(&b, true, 1e-5, n == 1 ? 2e-3 : 1e-4);
}

/* fails if epsilon is another on the way back, or 0 is divided by 0 */
START_TEST(gpu_boundaries_take_tokens_near_zero)
{
    EACH_STREAMS(k, _i)
        cross_near_zero(cases[k].mix, cases[k].streams);
}
END_TEST

/* fails if a crossing launches something, or forgets to ask */
START_TEST(gpu_boundaries_ask_for_workspace_when_planned)
{
    struct boundary b = boundary_of(MIX_SINKHORN, 4, 5, 48, false);
    settle(&b);
    gpu.asked = 0;
    gpu.planning = true;
    device_cross(&gpu, &b.from, &b.to);
    device_cross_backward(&gpu, &b.from, &b.to);
    gpu.planning = false;
    size_t asked = gpu.asked;
    ck_assert(asked >= 16 * 24 * 192 * sizeof(float));
    CHECK_BITS(b, stream);
    CHECK_BITS(b, dphi);
    cross(&b, true);
    ck_assert(gpu.reserved == asked);
}
END_TEST

/* fails if a mix that has no kernel is computed as another */
START_TEST(gpu_boundaries_refuse_a_mix_of_your_own)
{
    struct boundary b = boundary_of(MIX_OWN, 2, 5, 48, false);
    struct message m = { 0, "" };
    settle(&b);
    device_cross(&gpu, &b.from, &b.to);
    ck_assert(!device_finish(&gpu, &m) && m.status == EX_UNAVAILABLE);
    ck_assert_str_eq(m.text,
                     "gpu: a mix of your own runs on the cpu only");
}
END_TEST

Suite *gpu_boundary_suite(void);
Suite *gpu_boundary_suite(void)
{
    Suite *s = suite_create("gpu_boundary");
    TCase *c = tcase_create("gpu_boundary");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, gpu_boundaries_are_the_cpus, 0, MIX_OWN);
    tcase_add_loop_test(c, gpu_entries_and_exits_are_the_cpus, 0,
                        MIX_OWN);
    tcase_add_loop_test(c, gpu_boundaries_take_tokens_near_zero, 0,
                        MIX_OWN);
    tcase_add_test(c, gpu_boundaries_ask_for_workspace_when_planned);
    tcase_add_test(c, gpu_boundaries_refuse_a_mix_of_your_own);
    return s;
}
