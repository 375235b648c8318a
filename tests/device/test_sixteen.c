#include "support/cpu.h"
#include "array/narrow.h"
#include "boundary/sites.h"
#include "boundary/streams.h"
#include "device/precision.h"
#include "ground/bf16.h"
#include "ground/random.h"
#include "layers/attention.h"
#include "layers/matmul.h"
#include "layers/norm.h"
#include "layers/onednn.h"
#include "layers/optimizer.h"
#include "support/compare.h"
#include "support/suite.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

// Tests of rounding
static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// Tests of ties
/* fails if a tie goes up or down always, an overflow wraps, or a NaN
   becomes infinite */
START_TEST(rounding_is_as_worked_out_by_hand)
{
    static const struct { uint32_t from, to; } golden[] = {
        { 0x3f800000, 0x3f80 },                         /* 1 */
        { 0x3f808000, 0x3f80 }, { 0x3f808001, 0x3f81 }, /* 1 + 2^-8 */
        { 0x3f807fff, 0x3f80 },
        { 0x3f818000, 0x3f82 }, { 0x3f817fff, 0x3f81 }, /* 1 + 3/2^8 */
        { 0xbf808000, 0xbf80 }, { 0xbf818000, 0xbf82 },
        { 0x3fff8000, 0x4000 },                         /* to 2 */
        { 0x00000000, 0x0000 }, { 0x80000000, 0x8000 },
        { 0x00000001, 0x0000 }, { 0x00008000, 0x0000 }, /* subnormal */
        { 0x00008001, 0x0001 }, { 0x00018000, 0x0002 },
        { 0x007fffff, 0x0080 },
        { 0x7f7f7fff, 0x7f7f }, { 0x7f7f8000, 0x7f80 }, /* largest */
        { 0x7f7fffff, 0x7f80 }, { 0xff7fffff, 0xff80 },
        { 0x7f800000, 0x7f80 }, { 0xff800000, 0xff80 }, /* infinity */
        { 0x7f800001, 0x7fc0 }, { 0x7fffffff, 0x7fff }, /* NaN */
        { 0xff800001, 0xffc0 }, { 0xffffffff, 0xffff } };
    for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
        bf16 got = bf16_round(float_of(golden[i].from));
        ck_assert_msg(got == golden[i].to, "%08x: %04x, not %04x",
                      golden[i].from, got, golden[i].to);
    }
}
END_TEST

/* fails if a number does not go to the nearest of its two neighbours,
   or a loop over a row rounds otherwise than one number is rounded */
START_TEST(rounding_goes_to_the_nearest)
{
    enum { ROW = 1 << 16 };
    real *x = test_reals(ROW);
    bf16 *row = malloc(ROW * sizeof *row);
    size_t wrong = 0;
    for (uint32_t upper = 0; upper < 0x7f80; upper += 97) {
        double below = (double)bf16_widen((bf16)upper);
        double above = (double)bf16_widen((bf16)(upper + 1));
        if (upper + 1 == 0x7f80)
            above = ldexp(1, 128);
        for (uint32_t low = 0; low < ROW; low++)
            x[low] = (real)float_of(upper << 16 | low);
        bf16_store(row, x, ROW);
        for (uint32_t low = 0; low < ROW; low++) {
            double down = (double)x[low] - below;
            double up = above - (double)x[low];
            bool rises = down > up || (down == up && (upper & 1));
            wrong += row[low] != upper + rises;
            wrong += row[low] != bf16_round((float)x[low]);
        }
    }
    ck_assert_uint_eq(wrong, 0);
    free(row);
}
END_TEST

/* fails if widening loses a bit, or settling differs from storing */
START_TEST(every_sixteen_bits_come_back)
{
    enum { ALL = 1 << 16 };
    real *x = test_reals(ALL), *y = test_reals(ALL);
    bf16 *row = malloc(ALL * sizeof *row);
    for (size_t i = 0; i < ALL; i++)
        row[i] = (bf16)i;
    bf16_load(x, row, ALL);
    bf16_load(y, row, ALL);
    bf16_settle(y, ALL);
    for (size_t i = 0; i < ALL; i++) {
        bool nan = (i & 0x7fff) > 0x7f80;
        bf16 back = bf16_round((float)x[i]);
        ck_assert(bits_of((float)x[i]) >> 16 == i || nan);
        ck_assert(nan ? isnan(x[i]) && isnan(y[i]) : back == i);
        ck_assert(nan || bits_of((float)y[i]) >> 16 == i);
    }
    free(row);
}
END_TEST

#ifdef REAL_IS_DOUBLE
// Tests of sixteen bits in double
/* fails if the program that computes in double opens bf16 */
START_TEST(bf16_is_refused_in_double)
{
    struct device d;
    struct message m = { 0, "" };
    ck_assert(!device_open(&d, "cpu", "bf16", &m));
    ck_assert(m.status == 64 && strstr(m.text, "double") != NULL);
}
END_TEST
#else
// Arrays in two precisions
static struct device sixteen;

/* precisions with fewer bits */
static const char *const fewer[] = {
    // Precisions whose streams have fewer bits
    "bf16",
    "fp8-streams", "fp8-streams-stochastic", "fp8-streams-mean",
};
enum { FEWER = sizeof fewer / sizeof *fewer };

static void open_in(const char *precision)
{
    struct message m = { 0, "" };
    ck_assert_msg(device_open(&sixteen, "cpu", precision, &m), "%s",
                  m.text);
    // Let the other device draw random numbers
    device_place(&sixteen, 1, 2, 3);
}

static void open_sixteen(void)
{
    open_in("bf16");
}

/* the same numbers in single precision and as bf16 keeps them */
struct twin { struct array wide, narrow; };

/* numbers that bf16 has, if the role keeps them in it */
static struct array narrow_of(struct array wide)
{
    struct array a = device_shape(&sixteen, wide.role, wide.rows,
                                  wide.columns);
    a.at = test_reals((array_bytes(a) + 3) / sizeof(real) + 1);
    device_upload(&sixteen, a, reals(wide));
    device_download(&sixteen, reals(wide), a);
    return a;
}

static struct twin twin_of(enum role role, size_t rows, size_t columns,
                           uint64_t seed, double scale)
{
    struct twin t = { .wide = test_array(role, rows, columns, seed,
                                         scale) };
    t.narrow = narrow_of(t.wide);
    return t;
}

static const real *numbers_of(struct array narrow)
{
    real *x = test_reals(narrow.rows * narrow.columns + 1);
    device_download(&sixteen, x, narrow);
    return x;
}

/* Is the result that of single precision, rounded once if it is kept
   in fewer bits? */
static void assert_rounded(const char *name, struct array narrow,
                           struct array wide)
{
    size_t count = wide.rows * wide.columns;
    real *want = test_reals(count + 1);
    memcpy(want, reals(wide), count * sizeof *want);
    settle(want, narrow, 0, count);
    ck_assert_msg(compare_bits(stderr, name, numbers_of(narrow), want,
                               count), "%s differs", name);
}
#define assert_once(a) assert_rounded(#a, (a).narrow, (a).wide)

// Tests of operations in sixteen bits
/* fails if a row is embedded twice rounded, or added as another */
START_TEST(embedding_in_sixteen_bits_is_rounded_once)
{
    enum { T = 300, C = 20, V = 11 };
    open_sixteen();
    struct array id = test_row(TOKEN, T);
    id.rows = T, id.columns = 1;
    for (size_t t = 0; t < T; t++)
        tokens_of(id)[t] = (token)random_below(1, 2, t, V);
    struct twin w = twin_of(MASTER, V, C, 1, 1);
    struct twin out = twin_of(ACTIVATION, T, C, 2, 1);
    struct twin dw = twin_of(MASTER, V, C, 3, 1);
    struct twin dout = twin_of(GRADIENT, T, C, 4, 1);
    device_embed(&cpu, out.wide, id, w.wide);
    device_embed(&sixteen, out.narrow, id, w.narrow);
    assert_once(out);
    device_embed_backward(&cpu, dw.wide, dout.wide, id);
    device_embed_backward(&sixteen, dw.narrow, dout.narrow, id);
    assert_once(dw);
}
END_TEST

/* fails if the gate rounds in between, or mixes its halves up */
START_TEST(the_gate_in_sixteen_bits_is_rounded_once)
{
    enum { T = 37, H = 21 };
    open_sixteen();
    struct twin gate_up = twin_of(ACTIVATION, T, 2 * H, 1, 3);
    struct twin hidden = twin_of(ACTIVATION, T, H, 2, 1);
    struct twin dgate_up = twin_of(GRADIENT, T, 2 * H, 3, 1);
    struct twin dhidden = twin_of(GRADIENT, T, H, 4, 1);
    device_gate(&cpu, hidden.wide, gate_up.wide);
    device_gate(&sixteen, hidden.narrow, gate_up.narrow);
    assert_once(hidden);
    device_gate_backward(&cpu, dgate_up.wide, dhidden.wide,
                         gate_up.wide);
    device_gate_backward(&sixteen, dgate_up.narrow, dhidden.narrow,
                         gate_up.narrow);
    assert_once(dgate_up);
}
END_TEST

/* fails if a head takes another's rows, or keeps q and k as they were
   before they were stored */
START_TEST(attention_in_sixteen_bits_is_rounded_where_it_stores)
{
    struct attention_shape s = { .sequences = 2, .length = 70,
                                 .heads = 3, .head_size = 8 };
    enum { T = 140, C = 24 };
    open_sixteen();
    struct twin qkv = twin_of(ACTIVATION, T, 3 * C, 1, 1);
    struct twin rotation = twin_of(EXACT, 2, 70 * 4, 2, 1);
    struct twin out = twin_of(ACTIVATION, T, C, 3, 1);
    struct twin lse = twin_of(EXACT, T, 3, 4, 1);
    struct twin dqkv = twin_of(GRADIENT, T, 3 * C, 5, 1);
    struct twin dout = twin_of(GRADIENT, T, C, 6, 1);
    real *cosine = reals(rotation.wide), *scratch;
    attention_rotation(cosine, cosine + 70 * 4, 70, 8);
    device_upload(&sixteen, rotation.narrow, cosine);
    device_attend(&sixteen, out.narrow, lse.narrow, qkv.narrow,
                  rotation.narrow, &s);
    scratch = test_reals(attention_scratch(&s));
    attention_rotate(reals(qkv.wide), cosine, cosine + 70 * 4, &s);
    bf16_settle(reals(qkv.wide), T * 3 * C);
    attention_forward(reals(out.wide), reals(lse.wide), reals(qkv.wide),
                      &s, scratch);
    assert_once(qkv);
    assert_once(out);
    assert_once(lse);
    bf16_settle(reals(out.wide), T * C);
    device_attend_backward(&cpu, dqkv.wide, dout.wide, out.wide,
                           lse.wide, qkv.wide, rotation.wide, &s);
    device_attend_backward(&sixteen, dqkv.narrow, dout.narrow,
                           out.narrow, lse.narrow, qkv.narrow,
                           rotation.narrow, &s);
    assert_once(dqkv);
}
END_TEST

/* fails if what is sampled token by token asks other keys than what is
   attended at once */
START_TEST(attention_in_sixteen_bits_goes_on_where_it_was)
{
    enum { T = 9, C = 8 };
    struct attention_shape s = { .sequences = 1, .length = T,
                                 .heads = 2, .head_size = 4 };
    open_sixteen();
    struct array qkv = twin_of(ACTIVATION, T, 3 * C, 1, 1).narrow;
    struct array again = twin_of(ACTIVATION, T, 3 * C, 1, 1).narrow;
    struct array rotation = twin_of(EXACT, 2, T * 2, 2, 1).narrow;
    struct array out = twin_of(ACTIVATION, T, C, 3, 1).narrow;
    struct array one = twin_of(ACTIVATION, T, C, 4, 1).narrow;
    struct array lse = twin_of(EXACT, T, 2, 4, 1).narrow;
    device_attend(&sixteen, out, lse, qkv, rotation, &s);
    s.length = 1;
    for (s.first = 0; s.first < T; s.first++)
        device_attend(&sixteen, array_rows(one, s.first, 1),
                      array_rows(lse, s.first, 1), again, rotation, &s);
    assert_same(numbers_of(again), numbers_of(qkv), T * 3 * C);
    assert_close(numbers_of(one), numbers_of(out), T * C, 0.02);
}
END_TEST

static void multiply_in_both(size_t T, size_t in, size_t out,
                             int most, double tolerance)
{
    struct twin x = twin_of(ACTIVATION, T, in, 1, 1);
    struct twin w = twin_of(WORKING, out, in, 2, 1);
    struct twin y = twin_of(ACTIVATION, T, out, 3, 1);
    struct twin logits = twin_of(EXACT, T, out, 4, 1);
    struct twin dx = twin_of(GRADIENT, T, in, 5, 1);
    struct twin dw = twin_of(MASTER, out, in, 6, 1);
    struct twin *all[] = { &x, &w, &y, &logits, &dx, &dw };
    for (size_t i = 0; i < 6 && most > 0; i++) {
        struct array a = all[i]->wide;
        fill_integers(reals(a), a.rows * a.columns, 10 + i, most);
        device_upload(&sixteen, all[i]->narrow, reals(a));
    }
    struct twin dy = { array_as(y.wide, GRADIENT, F32),
                       array_as(y.narrow, GRADIENT, BF16) };
    real *head = test_reals(T * out);
    memcpy(head, reals(logits.wide), T * out * sizeof *head);
    bf16_settle(head, T * out);
    struct array rounded = logits.wide;
    rounded.at = head;
    struct { struct device *d; struct array x, w, y, logits, dx, dw,
             dy, as_operand; } both[] = {
        { &cpu, x.wide, w.wide, y.wide, logits.wide, dx.wide, dw.wide,
          dy.wide, rounded },
        { &sixteen, x.narrow, w.narrow, y.narrow, logits.narrow,
          dx.narrow, dw.narrow, dy.narrow, logits.narrow } };
    for (size_t i = 0; i < 2; i++) {
        device_product_input(both[i].d, both[i].dx, both[i].as_operand,
                             both[i].w, true);
        device_product_weight(both[i].d, both[i].dw, both[i].dy,
                              both[i].x);
        device_product_weight(both[i].d, both[i].dw, both[i].as_operand,
                              both[i].x);
        device_product(both[i].d, both[i].y, both[i].x, both[i].w);
        device_product(both[i].d, both[i].logits, both[i].x,
                       both[i].w);
    }
    struct message m = { 0, "" };
    ck_assert_msg(device_finish(&sixteen, &m), "%s", m.text);
    struct twin result[] = { y, logits, dx, dw };
    for (size_t i = 0; i < 4; i++)
        if (tolerance == 0)
            assert_once(result[i]);
        else
            assert_close(numbers_of(result[i].narrow),
                         reals(result[i].wide),
                         result[i].wide.rows * result[i].wide.columns,
                         tolerance);
}

static const size_t products[][3] = { { 1, 1, 1 }, { 3, 17, 5 },
    { 70, 33, 129 }, { 130, 64, 24 }, { 700, 40, 72 } };

/* fails if a product takes other rows, adds where it should not, or
   rounds a sum on the way: these are exact */
START_TEST(products_of_integers_in_sixteen_bits_are_exact)
{
    const size_t *s = products[_i];
    open_sixteen();
    multiply_in_both(s[0], s[1], s[2], 1, 0);
}
END_TEST

/* fails if an operand is not rounded, or a result is rounded twice */
START_TEST(products_in_sixteen_bits_are_rounded_once)
{
    const size_t *s = products[_i];
    open_sixteen();
    bool same = !onednn_chosen(true) && s[0] <= 512;
    multiply_in_both(s[0], s[1], s[2], 0, same ? 0 : 0.02);
}
END_TEST

/* fails if the working copy is not the weight, rounded, or a loss that
   is not finite moves it */
START_TEST(a_step_rounds_the_master_into_the_working_copy)
{
    enum { P = 100 };
    open_sixteen();
    struct twin w = twin_of(MASTER, 1, P, 1, 1);
    struct twin first = twin_of(MASTER, 1, P, 2, 0);
    struct twin second = twin_of(MASTER, 1, P, 3, 0);
    struct twin g = twin_of(MASTER, 1, P, 4, 1);
    struct array working = twin_of(WORKING, 1, P, 5, 1).narrow;
    struct array sum = test_row(SUM, 2);
    struct array adamw = test_row(SUM, ADAMW_NUMBERS);
    const struct segment all = { 0, P, true };
    doubles(adamw)[ADAMW_RATE] = 1e-3;
    doubles(adamw)[ADAMW_STEP] = 1;
    doubles(adamw)[ADAMW_EPSILON] = 1e-8;
    for (int k = 0; k < 2; k++) {
        doubles(sum)[0] = k == 0 ? 1 : (double)NAN;
        device_step(&sixteen, w.narrow, working, first.narrow,
                    second.narrow, g.narrow, sum, adamw, &all, 1);
        if (k == 0)
            device_step(&cpu, w.wide, array_as(w.wide, WORKING, F32),
                        first.wide, second.wide, g.wide, sum, adamw,
                        &all, 1);
        assert_once(w);
        assert_rounded("working", working, w.wide);
    }
}
END_TEST

// Tests of boundaries in sixteen bits
/* the same site with its arrays as the other device keeps them */
static struct site narrow_site(const struct site *s)
{
    static const size_t member[] = {
        offsetof(struct site, stream), offsetof(struct site, answer),
        offsetof(struct site, coefficients),
        offsetof(struct site, input), offsetof(struct site, normed),
        offsetof(struct site, inverse_rms),
        offsetof(struct site, dstream), offsetof(struct site, danswer),
        offsetof(struct site, dcoefficients),
        offsetof(struct site, dinput), offsetof(struct site, dnormed),
        offsetof(struct site, dgain), offsetof(struct site, dphi),
        offsetof(struct site, dalpha), offsetof(struct site, dbias) };
    struct site n = *s;
    n.device = &sixteen;
    for (size_t i = 0; i < sizeof member / sizeof *member; i++) {
        const struct array *from = (const struct array *)(const void *)
            ((const char *)s + member[i]);
        struct array *to = (struct array *)(void *)
            ((char *)&n + member[i]);
        *to = narrow_of(*from);
    }
    if (s->layout.mix == MIX_NONE)
        n.input = n.stream, n.dinput = n.dstream;
    return n;
}

struct boundary { struct sites wide, narrow; };

static struct boundary boundary_of(const struct connection *k, size_t n,
                                   size_t tokens, size_t width,
                                   bool apart, bool exit)
{
    struct boundary b = {
        .wide = sites_of(k, n, tokens, width, apart) };
    if (k->mix == MIX_NONE) {
        b.wide.from.input = b.wide.from.stream;
        b.wide.to.input = b.wide.to.stream;
        b.wide.to.dinput = b.wide.to.dstream;
    }
    b.wide.to.exit = exit;
    // Tell the other device how many streams there are
    sixteen.eight.streams = n;
    b.narrow = b.wide;
    b.narrow.from = narrow_site(&b.wide.from);
    b.narrow.to = narrow_site(&b.wide.to);
    return b;
}

/* what forward should leave at `to`: each operation alone, and what it
   stores rounded before the next one looks at it */
static void expect_forward(const struct site *from,
                           const struct site *to,
                           struct array stream_kept)
{
    size_t T = to->tokens, C = to->width, n = to->streams;
    real *next = reals(to->stream), *input = reals(to->input);
    const struct layout *l = &to->layout;
    if (l->mix == MIX_NONE)
        streams_add(next, reals(from->stream), reals(from->answer),
                    T * C);
    else
        mixing_write(next, reals(from->stream), reals(from->answer),
                     reals(from->coefficients), l, T);
    settle(next, stream_kept, 0, T * n * C);
    if (l->mix != MIX_NONE && to->exit)
        mixing_collapse(input, next, to->mean ? 1 / (real)n : 1, l, T);
    else if (l->mix != MIX_NONE) {
        mixing_coefficients(reals(to->coefficients), next,
                            reals(to->phi), reals(to->alpha),
                            reals(to->bias), l, T);
        mixing_read(input, next, reals(to->coefficients), l, T);
    }
    bf16_settle(input, T * C);
    norm_forward(reals(to->normed), reals(to->inverse_rms), input,
                 reals(to->gain), T, C);
}

static void assert_boundary(const struct connection *k, size_t n,
                            size_t tokens, size_t width, bool apart,
                            bool exit)
{
    struct boundary b = boundary_of(k, n, tokens, width, apart, exit);
    struct site *wf = &b.wide.from, *wt = &b.wide.to;
    struct site *nf = &b.narrow.from, *nt = &b.narrow.to;
    bool mixed = k->mix != MIX_NONE;
    expect_forward(wf, wt, nt->stream);
    device_cross(&sixteen, nf, nt);
    ck_assert(compare_bits(stderr, "stream", numbers_of(nt->stream),
                           reals(wt->stream),
                           tokens * wt->streams * width));
    assert_rounded("normed", nt->normed, wt->normed);
    assert_rounded("inverse_rms", nt->inverse_rms, wt->inverse_rms);
    if (mixed)
        assert_rounded("input", nt->input, wt->input);
    if (mixed && !exit)
        assert_rounded("coefficients", nt->coefficients,
                       wt->coefficients);
    wt->apart = true;
    device_cross_backward(&cpu, wf, wt);
    device_cross_backward(&sixteen, nf, nt);
    assert_rounded("dstream", nf->dstream, wf->dstream);
    assert_rounded("danswer", nf->danswer, wf->danswer);
    assert_close(reals(nt->dgain), reals(wt->dgain), width,
                 1000 * REAL_EPSILON);
    if (apart)
        assert_rounded("dstream of to", nt->dstream, wt->dstream);
    if (!mixed)
        return;
    assert_rounded("dcoefficients from", nf->dcoefficients,
                   wf->dcoefficients);
    if (exit)
        return;
    assert_rounded("dcoefficients to", nt->dcoefficients,
                   wt->dcoefficients);
    assert_close(reals(nt->dalpha), reals(wt->dalpha), b.wide.small,
                 1000 * REAL_EPSILON);
    assert_close(reals(nt->dbias), reals(wt->dbias), b.wide.small,
                 1000 * REAL_EPSILON);
    if (b.wide.phi > 0)
        assert_close(reals(nt->dphi), reals(wt->dphi), b.wide.phi,
                     1000 * REAL_EPSILON);
}

static const size_t boundary_sizes[][2] = {
    { 1, 16 }, { 3, 7 }, { 37, 80 }, { 150, 21 } };

/* fails if a tile is widened from other tokens, not rounded where it
   is stored, or rounded where it is not */
START_TEST(a_boundary_in_fewer_bits_is_rounded_where_it_stores)
{
    const struct connection *k = connections[_i / FEWER];
    open_in(fewer[_i % FEWER]);
    for (size_t n = 1; n <= k->most_streams && n <= 4; n *= 2)
        for (size_t i = 0; i < 4; i++)
            for (int how = 0; how < 4; how++)
                assert_boundary(k, n, boundary_sizes[i][0],
                                boundary_sizes[i][1], how & 1,
                                how & 2);
    if (k->most_streams >= 8)
        assert_boundary(k, 8, 20, 48, false, false);
}
END_TEST

/* fails if the first site reads its streams otherwise, or entering
   leaves a stream out */
START_TEST(the_first_site_in_fewer_bits_is_rounded_once)
{
    const struct connection *k = connections[_i / FEWER];
    open_in(fewer[_i % FEWER]);
    struct boundary b = boundary_of(k, k->most_streams > 1 ? 2 : 1, 150,
                                    21, false, false);
    struct site *wide = &b.wide.to, *narrow = &b.narrow.to;
    struct twin vector = twin_of(ACTIVATION, 150, 21, 1, 1);
    struct twin dvector = twin_of(GRADIENT, 150, 21, 2, 1);
    size_t count = wide->streams * 150 * 21;
    if (k->mix != MIX_NONE) {
        device_enter(&cpu, wide, vector.wide);
        device_enter(&sixteen, narrow, vector.narrow);
        settle(reals(wide->stream), narrow->stream, 0, count);
    }
    device_cross(&sixteen, NULL, narrow);
    boundary_arrive(&cpu, wide);
    ck_assert(compare_bits(stderr, "stream", numbers_of(narrow->stream),
                           reals(wide->stream), count));
    if (k->mix != MIX_NONE) {
        assert_rounded("coefficients", narrow->coefficients,
                       wide->coefficients);
        assert_rounded("input", narrow->input, wide->input);
        bf16_settle(reals(wide->input), 150 * 21);
        device_cross_backward(&cpu, NULL, wide);
        device_cross_backward(&sixteen, NULL, narrow);
        assert_close(numbers_of(narrow->dstream), reals(wide->dstream),
                     count,
                     narrow->dstream.format == BF16 ? 0.02 : 0.4);
        device_upload(&cpu, wide->dstream, numbers_of(narrow->dstream));
        device_enter_backward(&cpu, dvector.wide, wide);
        device_enter_backward(&sixteen, dvector.narrow, narrow);
        assert_once(dvector);
    }
}
END_TEST

// Tests of models in sixteen bits
/* see tests/device/precision.h */
START_TEST(gradients_in_sixteen_bits_are_near_those_in_single)
{
    assert_gradients_near_single("bf16", connections[_i]);
}
END_TEST

START_TEST(recomputing_in_sixteen_bits_changes_no_bit)
{
    assert_recomputing_changes_no_bit("bf16", connections[_i]);
}
END_TEST

START_TEST(a_run_in_sixteen_bits_is_the_same_for_any_threads)
{
    assert_the_same_for_any_threads("bf16");
}
END_TEST

START_TEST(training_in_sixteen_bits_follows_single)
{
    assert_training_follows_single("bf16", 0.01);
}
END_TEST

START_TEST(a_run_in_sixteen_bits_goes_on_bit_for_bit)
{
    assert_a_run_goes_on("bf16");
}
END_TEST
#endif

// Tests of oneDNN
#if !defined REAL_IS_DOUBLE && !defined BLAS_NONE
/* fails if a shape is described to oneDNN as another; in floats, which
   every processor has, and in bf16 where it has that */
START_TEST(onednn_multiplies_integers_exactly)
{
    enum { M = 19, N = 35, K = 40 };
    real *a = test_reals(M * K), *b = test_reals(K * N);
    real *c = test_reals(M * N), *want = test_reals(M * N);
    real *at[] = { a, b };
    static unsigned char scratch[1 << 22];
    static bf16 narrow[2][M * K + K * N];
    fill_integers(a, M * K, 1, 3);
    fill_integers(b, K * N, 2, 3);
    bf16_store(narrow[0], a, M * K);
    bf16_store(narrow[1], b, K * N);
    for (int how = 0; how < 16; how++) {
        bool ta = how & 1, tb = how & 2, add = how & 4, bits = how & 8;
        struct onednn_shape s = { M, N, K, ta ? M : K, tb ? K : N, N,
            ta, tb, .sixteen = bits, .add = add };
        const struct onednn *p = onednn_prepare(s);
        ck_assert(p != NULL || (bits && !onednn_chosen(true)));
        if (p == NULL)
            continue;
        ck_assert(onednn_scratch(p) <= sizeof scratch);
        fill_integers(c, M * N, 3, 9);
        memcpy(want, c, M * N * sizeof *want);
        ck_assert(onednn_run(p, c, bits ? (void *)narrow[0] : at[0],
                             bits ? (void *)narrow[1] : at[1],
                             scratch));
        matmul_loops(ta, tb, M, N, K, 1, a, s.row_a, b, s.row_b, add,
                     want, N);
        assert_same(c, want, M * N);
    }
}
END_TEST
#endif

// The suite of sixteen bits
Suite *bf16_suite(void);
Suite *bf16_suite(void)
{
    Suite *s = suite_create("bf16");
    TCase *c = tcase_create("bf16_rounding");
    suite_add_tcase(s, c);
    tcase_add_test(c, rounding_is_as_worked_out_by_hand);
    tcase_add_test(c, rounding_goes_to_the_nearest);
    tcase_add_test(c, every_sixteen_bits_come_back);
    c = tcase_create("bf16_device");
    suite_add_tcase(s, c);
#ifdef REAL_IS_DOUBLE
    tcase_add_test(c, bf16_is_refused_in_double);
#else
    int kinds = 0;
    while (connections[kinds] != NULL)
        kinds++;
    tcase_add_test(c, embedding_in_sixteen_bits_is_rounded_once);
    tcase_add_test(c, the_gate_in_sixteen_bits_is_rounded_once);
    tcase_add_test(c,
        attention_in_sixteen_bits_is_rounded_where_it_stores);
    tcase_add_test(c, attention_in_sixteen_bits_goes_on_where_it_was);
    tcase_add_loop_test(c,
        products_of_integers_in_sixteen_bits_are_exact, 0, 5);
    tcase_add_loop_test(c, products_in_sixteen_bits_are_rounded_once, 0,
                        5);
    tcase_add_test(c, a_step_rounds_the_master_into_the_working_copy);
    tcase_add_loop_test(c,
        a_boundary_in_fewer_bits_is_rounded_where_it_stores, 0,
        kinds * FEWER);
    tcase_add_loop_test(c,
        the_first_site_in_fewer_bits_is_rounded_once, 0, kinds * FEWER);
    c = tcase_create("bf16_model");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c,
        gradients_in_sixteen_bits_are_near_those_in_single, 0, kinds);
    tcase_add_loop_test(c, recomputing_in_sixteen_bits_changes_no_bit,
                        0, kinds);
    tcase_add_test(c,
        a_run_in_sixteen_bits_is_the_same_for_any_threads);
    tcase_add_test(c, training_in_sixteen_bits_follows_single);
    tcase_add_test(c, a_run_in_sixteen_bits_goes_on_bit_for_bit);
#if !defined BLAS_NONE
    tcase_add_test(c, onednn_multiplies_integers_exactly);
#endif
#endif
    return s;
}
