#include "boundary/sites.h"
#include "boundary/streams.h"
#include "device/both.h"
#include "ground/bf16.h"
#include "ground/random.h"
#include "layers/attention.h"
#include "layers/norm.h"
#include "layers/optimizer.h"
#include "support/compare.h"
#include "support/cpu.h"
#include "support/suite.h"
#include <stddef.h>
// Headers of the tests in sixteen bits
#include "boundary/cross.cuh"
#pragma weak gpu_blocks_forward
#pragma weak gpu_cross_at_once
#pragma weak gpu_cross_back_at_once
#pragma weak gpu_cross_work
#pragma weak gpu_room_for_tiles
#pragma weak gpu_room_of
#pragma weak gpu_way_back
#pragma weak gpu_way_fits
#include "model/model.h"
#include "support/fill.h"
#include <math.h>
#include "layers/image.cuh"
#pragma weak gpu_has_images
#include "array/rows.h"
#include "boundary/cross_eight.cuh"
#pragma weak gpu_cross_eight
#pragma weak gpu_cross_back_eight
#pragma weak gpu_blocks_eight

// Rounded once, or nearly so
/* how many numbers are not those that are wanted; each by one step of
   bf16 at most, or by what sums of such numbers err in floats; where
   sums are rounded on the way, by steps of these, of up to four rms */
static size_t differing(const char *name, const real *got,
                        const real *want, size_t count,
                        size_t roundings)
{
    size_t different = 0;
    double square = 0;
    for (size_t i = 0; i < count; i++)
        square += (double)want[i] * (double)want[i];
    double rms = sqrt(square / (double)(count + 1));
    double error = (1e-5 + (double)(roundings - 1) * 4 / 128) * rms;
    for (size_t i = 0; i < count; i++) {
        double w = (double)want[i], g = (double)got[i];
        double most = fmax(fabs(w), fabs(g)) / 128 + error;
        different += got[i] != want[i];
        ck_assert_msg(fabs(g - w) <= most, "%s: %zu is %.9g, not %.9g",
                      name, i, g, w);
    }
    return different;
}

// Count what differs
/* Is it the float, rounded once? A sum in another order comes to the
   other side of a half step once in thousands; a second rounding moves
   a number in four. */
static void assert_once(const char *name, const real *got, real *want,
                        size_t count)
{
    bf16_settle(want, count);
    size_t different = differing(name, got, want, count, 1);
    ck_assert_msg(different <= 1 + count / 50, "%s: %zu of %zu differ",
                  name, different, count);
}

// Tests of operations in sixteen bits on the gpu
/* fails if a tie goes up or down always, an overflow wraps, a NaN
   becomes infinite, or the last number is forgotten */
START_TEST(gpu_rounds_to_the_bits_of_the_cpu)
{
    static const uint32_t low[] = { 0, 1, 0x7fff, 0x8000, 0x8001,
                                    0xffff };
    enum { UPPER = 1 << 16, ALL = 6 * UPPER };
    both_open("bf16");
    struct array all = test_array(MASTER, 1, ALL, 1, 1);
    real *x = reals(all), *want = test_reals(ALL);
    for (uint32_t i = 0; i < ALL; i++) {
        uint32_t bits = i / 6 << 16 | low[i % 6];
        memcpy(&x[i], &bits, sizeof bits);
        want[i] = (real)bf16_widen(bf16_round((float)x[i]));
    }
    struct array from = both_put(GPU, all);
    struct array to = both_put(GPU, test_array(WORKING, 1, ALL, 1, 0));
    device_copy(&two[GPU], to, from);
    assert_same(both_fetch(GPU, to), want, ALL);
    all.role = WORKING;
    assert_same(both_fetch(GPU, both_put(GPU, all)), want, ALL);
}
END_TEST

/* fails if a row is rounded twice, or the sum of a word's gradients is
   in another order than the cpu's */
START_TEST(gpu_words_in_sixteen_bits_are_the_cpus)
{
    enum { T = 300, C = 20, V = 11 };
    both_open("bf16");
    struct array id = test_row(TOKEN, T);
    id.rows = T, id.columns = 1;
    for (size_t t = 0; t < T; t++)
        tokens_of(id)[t] = (token)random_below(1, 2, t, V);
    struct both w = both_of(MASTER, V, C, 1, 1);
    struct both out = both_of(STREAM, T, C, 2, 1);
    struct both dw = both_of(MASTER, V, C, 3, 1);
    struct both dout = both_of(GRADIENT, T, C, 4, 1);
    for (int d = 0; d < 2; d++) {
        struct array ids = both_put(d, id);
        device_embed(&two[d], out.on[d], ids, w.on[d]);
        device_embed_backward(&two[d], dw.on[d], dout.on[d], ids);
    }
    assert_same(both_fetch(GPU, out.on[GPU]),
                both_fetch(CPU, out.on[CPU]), T * C);
    assert_same(both_fetch(GPU, dw.on[GPU]),
                both_fetch(CPU, dw.on[CPU]), V * C);
}
END_TEST

/* fails if a factor of the gate is rounded before it is multiplied, or
   in place a number is read after it was written */
START_TEST(gpu_gate_in_sixteen_bits_is_rounded_once)
{
    enum { T = 37, H = 21 };
    both_open("bf16");
    struct both x = both_of(ACTIVATION, T, 2 * H, 1, 3);
    struct both y = both_of(ACTIVATION, T, H, 2, 1);
    struct both dy = both_of(GRADIENT, T, H, 4, 1);
    for (int d = 0; d < 2; d++) {
        struct array dx = array_as(x.on[d], GRADIENT, BF16);
        device_gate(&two[d], y.on[d], x.on[d]);
        device_gate_backward(&two[d], dx, dy.on[d], x.on[d]);
    }
    assert_once("hidden", both_fetch(GPU, y.on[GPU]),
                both_fetch(CPU, y.on[CPU]), T * H);
    assert_once("dgate_up", both_fetch(GPU, x.on[GPU]),
                both_fetch(CPU, x.on[CPU]), 2 * T * H);
}
END_TEST

struct results { real *y, *logits, *dx, *dw; };

static void multiply(struct results r[2], const size_t s[3], bool exact)
{
    struct both (*of)(enum role, size_t, size_t, uint64_t) =
        both_integers;
    #define OF(role, rows, columns, seed) \
        (exact ? of(role, rows, columns, seed) \
               : both_of(role, rows, columns, seed, 1))
    size_t T = s[0], in = s[1], out = s[2];
    struct both x = OF(ACTIVATION, T, in, 1);
    struct both w = OF(WORKING, out, in, 2);
    struct both y = OF(ACTIVATION, T, out, 3);
    struct both logits = OF(EXACT, T, out, 4);
    struct both dx = OF(GRADIENT, T, in, 5);
    struct both dw = OF(MASTER, out, in, 6);
    struct both dy = OF(GRADIENT, T, out, 7);
    for (int d = 0; d < 2; d++) {
        struct device *on = &two[d];
        device_product_input(on, dx.on[d], logits.on[d], w.on[d],
                             false);
        device_product_input(on, dx.on[d], dy.on[d], w.on[d], true);
        device_product_weight(on, dw.on[d], dy.on[d], x.on[d]);
        device_product_weight(on, dw.on[d], logits.on[d], x.on[d]);
        device_product(on, y.on[d], x.on[d], w.on[d]);
        device_product(on, logits.on[d], x.on[d], w.on[d]);
        r[d] = (struct results){ both_fetch(d, y.on[d]),
            both_fetch(d, logits.on[d]), both_fetch(d, dx.on[d]),
            both_fetch(d, dw.on[d]) };
    }
    #undef OF
}

static const size_t products[][3] = { { 1, 1, 1 }, { 3, 17, 5 },
    { 70, 33, 129 }, { 65, 64, 24 }, { 130, 40, 72 } };

/* fails if a product takes other rows, adds where it should not, or
   rounds a sum on the way: these are exact */
START_TEST(gpu_products_of_integers_in_sixteen_bits_are_exact)
{
    const size_t *s = products[_i];
    struct results r[2];
    both_open("bf16");
    multiply(r, s, true);
    assert_same(r[GPU].y, r[CPU].y, s[0] * s[2]);
    assert_same(r[GPU].logits, r[CPU].logits, s[0] * s[2]);
    assert_same(r[GPU].dx, r[CPU].dx, s[0] * s[1]);
    assert_same(r[GPU].dw, r[CPU].dw, s[1] * s[2]);
}
END_TEST

/* fails if an operand in floats is not rounded, or a result is rounded
   twice */
START_TEST(gpu_products_in_sixteen_bits_are_rounded_once)
{
    const size_t *s = products[_i];
    struct results r[2];
    both_open("bf16");
    multiply(r, s, false);
    assert_once("y", r[GPU].y, r[CPU].y, s[0] * s[2]);
    assert_close(r[GPU].logits, r[CPU].logits, s[0] * s[2], 1e-5);
    assert_close(r[GPU].dw, r[CPU].dw, s[1] * s[2], 1e-5);
    differing("dx", r[GPU].dx, r[CPU].dx, s[0] * s[1], 2);
}
END_TEST

/* the gradients of q and k are rounded before they are turned back: a
   pair may be off by a step of its larger number, and another after */
static void bound_turned(const real *got, const real *want, size_t rows,
                         size_t C)
{
    for (size_t i = 0; i < rows * C; i++) {
        size_t c = i % C, pair = c % 8 < 4 ? i + 4 : i - 4;
        double w = fabs((double)want[i]), p = fabs((double)want[pair]);
        bool value = i / C % 3 == 2;
        double most = value ? w / 128 : fmax(w, p) / 64;
        ck_assert_msg(fabs((double)(got[i] - want[i])) <= most + 1e-5,
                      "dqkv: %zu is %g, not %g", i, (double)got[i],
                      (double)want[i]);
    }
}

/* fails if a head takes another's rows, or asks with numbers that were
   not stored */
START_TEST(gpu_attention_in_sixteen_bits_is_the_cpus)
{
    struct attention_shape s = { .sequences = 2, .length = 70,
                                 .heads = 3, .head_size = 8 };
    enum { T = 140, C = 24 };
    both_open("bf16");
    struct array turns = test_array(EXACT, 2, 70 * 4, 2, 1);
    attention_rotation(reals(turns), reals(turns) + 70 * 4, 70, 8);
    struct both rotation = both_with(turns);
    struct both qkv = both_of(ACTIVATION, T, 3 * C, 1, 1);
    struct both out = both_of(ACTIVATION, T, C, 3, 1);
    struct both lse = both_of(EXACT, T, 3, 4, 1);
    struct both dqkv = both_of(GRADIENT, T, 3 * C, 5, 1);
    struct both dout = both_of(GRADIENT, T, C, 6, 1);
    for (int d = 0; d < 2; d++) {
        device_attend(&two[d], out.on[d], lse.on[d], qkv.on[d],
                      rotation.on[d], &s);
        device_attend_backward(&two[d], dqkv.on[d], dout.on[d],
                               out.on[d], lse.on[d], qkv.on[d],
                               rotation.on[d], &s);
    }
    assert_once("qkv", both_fetch(GPU, qkv.on[GPU]),
                both_fetch(CPU, qkv.on[CPU]), T * 3 * C);
    assert_once("out", both_fetch(GPU, out.on[GPU]),
                both_fetch(CPU, out.on[CPU]), T * C);
    assert_close(both_fetch(GPU, lse.on[GPU]),
                 both_fetch(CPU, lse.on[CPU]), T * 3, 1e-3);
    bound_turned(both_fetch(GPU, dqkv.on[GPU]),
                 both_fetch(CPU, dqkv.on[CPU]), T * 3, C);
}
END_TEST

/* fails if the working copy is not the weight as it now is, rounded,
   or a loss that is not finite moves it */
START_TEST(gpu_step_rounds_the_master)
{
    enum { P = 3000 };
    both_open("bf16");
    struct both w = both_of(MASTER, 1, P, 1, 1);
    struct both first = both_of(MASTER, 1, P, 2, 0);
    struct both second = both_of(MASTER, 1, P, 3, 0);
    struct both g = both_of(MASTER, 1, P, 4, 1);
    struct both working = both_of(WORKING, 1, P, 5, 1);
    struct array sum = test_row(SUM, 2);
    struct array adamw = test_row(SUM, ADAMW_NUMBERS);
    const struct segment all[] = { { 0, 1000, true },
                                   { 1000, P - 1000, false } };
    doubles(adamw)[ADAMW_RATE] = 1e-3;
    doubles(adamw)[ADAMW_STEP] = 1;
    doubles(adamw)[ADAMW_EPSILON] = 1e-8;
    for (int k = 0; k < 2; k++) {
        doubles(sum)[0] = k == 0 ? 1 : (double)NAN;
        for (int d = 0; d < 2; d++)
            device_step(&two[d], w.on[d], working.on[d],
                        first.on[d], second.on[d], g.on[d],
                        both_put(d, sum), both_put(d, adamw), all, 2);
        real *is = both_fetch(GPU, w.on[GPU]);
        assert_close(is, both_fetch(CPU, w.on[CPU]), P, 1e-6);
        bf16_settle(is, P);
        assert_same(both_fetch(GPU, working.on[GPU]), is, P);
    }
}
END_TEST

// Tests of boundaries in sixteen bits on the gpu
/* the same site in the memory of a device */
static struct site on_device(int d, const struct site *s)
{
    static const size_t member[] = {
        offsetof(struct site, stream), offsetof(struct site, answer),
        offsetof(struct site, coefficients),
        offsetof(struct site, input), offsetof(struct site, normed),
        offsetof(struct site, inverse_rms),
        offsetof(struct site, dstream), offsetof(struct site, danswer),
        offsetof(struct site, dcoefficients),
        offsetof(struct site, dinput), offsetof(struct site, dnormed),
        offsetof(struct site, phi), offsetof(struct site, alpha),
        offsetof(struct site, bias), offsetof(struct site, gain),
        offsetof(struct site, dgain), offsetof(struct site, dphi),
        offsetof(struct site, dalpha), offsetof(struct site, dbias) };
    struct site n = *s;
    n.device = &two[d];
    for (size_t i = 0; i < sizeof member / sizeof *member; i++) {
        const struct array *from = (const struct array *)(const void *)
            ((const char *)s + member[i]);
        struct array *to = (struct array *)(void *)
            ((char *)&n + member[i]);
        if (from->rows * from->columns > 0)
            *to = both_put(d, *from);
        // Keep the place of an array
        to->place = from->place;
        if (to->format != F32)
            memcpy(from->at, both_fetch(d, *to),
                   from->rows * from->columns * sizeof(real));
    }
    if (s->layout.mix == MIX_NONE)
        n.input = n.stream, n.dinput = n.dstream;
    return n;
}

// Following rows in other formats
/* a code may be off by a step, one in a hundred; a gradient goes on as
   it was before it was stored */
static void follow_eight(const char *name, struct array want,
                         struct array is, const real *got)
{
    size_t count = want.rows * want.columns, off = 0;
    real *kept = test_reals(count);
    struct array as = is;
    double most = 0;
    as.eight = &two[CPU].eight;
    memcpy(kept, want.at, count * sizeof *kept);
    rows_settle(kept, as, 0, want.rows);
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)kept[i]));
    for (size_t i = 0; i < count; i++) {
        double g = (double)got[i], w = (double)kept[i];
        double step = fmax(fabs(g), fabs(w)) / 8 + most / 256;
        off += got[i] != kept[i];
        ck_assert_msg(fabs(g - w) <= step, "%s: %zu is %g, not %g",
                      name, i, g, w);
    }
    ck_assert_msg(is.streams > 0 || off <= 2 + count / 100,
                  "%s: %zu of %zu are off", name, off, count);
    if (is.place % 2 == 0)
        memcpy(want.at, got, count * sizeof *got);
}
/* a copy of what a role keeps: `want` is made of what came before, and
   then takes the gpu's numbers, so that the next is made of those */
static void follow(const char *name, struct array want,
                   struct array is, size_t roundings)
{
    size_t count = want.rows * want.columns;
    const real *got = both_fetch(GPU, is);
    // Follow rows in other formats
    if (is.format == E4M3) {
        follow_eight(name, want, is, got);
        return;
    }
    /* crossed in chunks, it goes on as it was before it was stored */
    if (is.role == GRADIENT && two[GPU].format[STREAM] == E4M3)
        want.at = memcpy(test_reals(count), want.at, count * sizeof *got);
    if (is.format != BF16)
        assert_close(got, reals(want), count, 1e-4);
    else if (roundings <= 1)
        assert_once(name, got, reals(want), count);
    else {
        bf16_settle(reals(want), count);
        differing(name, got, reals(want), count, roundings);
    }
    memcpy(want.at, got, count * sizeof *got);
}

/* the first columns of each row of coefficients */
static void follow_rows(const char *name, struct array want,
                        struct array is, size_t columns,
                        double tolerance)
{
    const real *got = both_fetch(GPU, is);
    size_t K = want.columns, T = want.rows;
    real *g = test_reals(T * columns + 1);
    real *w = test_reals(T * columns + 1);
    for (size_t i = 0; i < T * columns; i++) {
        g[i] = got[i / columns * K + i % columns];
        w[i] = reals(want)[i / columns * K + i % columns];
    }
    ck_assert_msg(compare_arrays(stderr, name, g, w,
                  (const size_t[]){ T, columns }, 2, tolerance),
                  "%s is not close", name);
    memcpy(want.at, got, T * K * sizeof *got);
}

// Follow a crossing
static void follow_forward(const struct site *f, const struct site *t,
                           const struct site *left,
                           const struct site *reached)
{
    size_t T = t->tokens, C = t->width;
    const struct layout *l = &t->layout;
    real *next = reals(t->stream), *row = reals(t->coefficients);
    (void)left;
    if (l->mix == MIX_NONE)
        streams_add(next, reals(f->stream), reals(f->answer), T * C);
    else
        mixing_write(next, reals(f->stream), reals(f->answer),
                     reals(f->coefficients), l, T);
    follow("stream", t->stream, reached->stream, 1);
    if (l->mix != MIX_NONE && t->exit)
        mixing_collapse(reals(t->input), next,
                        t->mean ? 1 / (real)t->streams : 1, l, T);
    else if (l->mix != MIX_NONE) {
        mixing_coefficients(row, next, reals(t->phi), reals(t->alpha),
                            reals(t->bias), l, T);
        follow_rows("coefficients", t->coefficients,
                    reached->coefficients, layout_raw(l), 1e-4);
        mixing_read(reals(t->input), next, row, l, T);
    }
    if (l->mix != MIX_NONE)
        follow("input", t->input, reached->input, 1);
    norm_forward(reals(t->normed), reals(t->inverse_rms),
                 reals(t->input), reals(t->gain), T, C);
    follow("normed", t->normed, reached->normed, 1);
    follow("inverse_rms", t->inverse_rms, reached->inverse_rms, 1);
}

// Follow a crossing backward
static void follow_read(const struct site *t, const struct site *is)
{
    const struct layout *l = &t->layout;
    real *row = reals(t->coefficients), *x = reals(t->stream);
    real *dx = reals(t->dstream), *drow = reals(t->dcoefficients);
    follow("dinput", t->dinput, is->dinput, 1);
    if (t->exit) {
        mixing_collapse_backward(dx, reals(t->dinput),
                                 t->mean ? 1 / (real)t->streams : 1, l,
                                 t->tokens);
        return;
    }
    mixing_read_backward(dx, drow, reals(t->dinput), x, row, l,
                         t->tokens);
    mixing_coefficients_backward(
        dx, reals(t->dphi), reals(t->dalpha), reals(t->dbias), drow,
        test_reals(mixing_work(l)), x, row, reals(t->phi),
        reals(t->alpha), reals(t->bias), l, t->tokens);
}

static void follow_backward(const struct site *f, const struct site *t,
                            const struct site *left,
                            const struct site *reached)
{
    size_t T = t->tokens, C = t->width;
    const struct layout *l = &t->layout;
    bool mixed = l->mix != MIX_NONE;
    double close = l->streams == 1 ? 2e-3 : 1e-4;
    if (t->exit)
        memset(t->dstream.at, 0, array_bytes(t->dstream));
    norm_backward(reals(t->dinput), reals(t->dgain), reals(t->dnormed),
                  reals(t->input), reals(t->inverse_rms),
                  reals(t->gain), T, C, !mixed);
    if (mixed)
        follow_read(t, reached);
    follow("dstream of to", t->dstream, reached->dstream,
           t->exit ? 1 : 1 + l->outputs / 25);
    follow("dgain", t->dgain, reached->dgain, 1);
    if (mixed && !t->exit)
        follow_rows("dcoefficients of to", t->dcoefficients,
                    reached->dcoefficients, layout_raw(l), close);
    if (mixed)
        mixing_write_backward(reals(f->dstream), reals(f->danswer),
                              reals(f->dcoefficients),
                              reals(t->dstream), reals(f->stream),
                              reals(f->answer), reals(f->coefficients),
                              l, T);
    else {
        memcpy(f->dstream.at, t->dstream.at, array_bytes(f->dstream));
        memcpy(f->danswer.at, t->dstream.at, array_bytes(f->danswer));
    }
    follow("dstream", f->dstream, left->dstream, 1);
    follow("danswer", f->danswer, left->danswer, 1);
    if (mixed)
        follow_rows("dcoefficients", f->dcoefficients,
                    left->dcoefficients, layout_raw(l), close);
}

/* fails if a store is not rounded, or what is added up in between is:
   each store is made again, on the cpu, in floats, of the numbers that
   the gpu has stored before */
static void follow_boundaries(const char *precision,
                              const struct connection *k)
{
    static const size_t sizes[][2] = { { 1, 16 }, { 3, 7 },
                                       { 37, 80 } };
    both_open(precision);
    for (size_t n = 1; n <= k->most_streams && n <= 8; n *= 2)
        for (size_t i = 0; i < 3; i++)
            for (int exit = 0; exit < 2; exit++) {
                struct sites b = sites_of(k, n, sizes[i][0],
                                          sizes[i][1], true);
                if (k->mix == MIX_NONE) {
                    b.from.input = b.from.stream;
                    b.to.input = b.to.stream;
                    b.to.dinput = b.to.dstream;
                }
                b.to.exit = exit;
                // Say which streams these are
                two[CPU].eight.streams = two[GPU].eight.streams = n;
                b.from.stream.place = b.to.stream.place = 6;
                b.from.dstream.place = b.to.dstream.place = 7;
                struct site from = on_device(GPU, &b.from);
                struct site to = on_device(GPU, &b.to);
                device_cross(&two[GPU], &from, &to);
                follow_forward(&b.from, &b.to, &from, &to);
                device_cross_backward(&two[GPU], &from, &to);
                follow_backward(&b.from, &b.to, &from, &to);
            }
}

START_TEST(gpu_boundaries_in_sixteen_bits_round_where_they_store)
{
    follow_boundaries("bf16", connections[_i]);
}
END_TEST

/* fails if a stream is left out, or the sum is rounded on the way */
START_TEST(gpu_entries_in_sixteen_bits_are_the_cpus)
{
    const struct connection *k = connections[_i];
    size_t n = k->most_streams > 1 ? 4 : 1;
    n = n > k->most_streams ? k->most_streams : n;
    both_open("bf16");
    struct sites b = sites_of(k, n, 150, 21, true);
    struct both vector = both_of(ACTIVATION, 150, 21, 1, 1);
    struct both dvector = both_of(GRADIENT, 150, 21, 2, 1);
    if (k->mix == MIX_NONE)
        return;
    real *stream[2];
    for (int d = 0; d < 2; d++) {
        struct site s = on_device(d, &b.to);
        device_enter_backward(&two[d], dvector.on[d], &s);
        device_enter(&two[d], &s, vector.on[d]);
        stream[d] = both_fetch(d, s.stream);
    }
    assert_same(stream[GPU], stream[CPU], 150 * 21 * n);
    assert_same(both_fetch(GPU, dvector.on[GPU]),
                both_fetch(CPU, dvector.on[CPU]), 150 * 21);
}
END_TEST

// Tests of a crossing at once
static struct sites sites_with(size_t n, size_t tokens, size_t width)
{
    const struct connection *k = connection_find("mhc");
    return sites_of(k, n, tokens, width, false);
}

static void same_numbers(struct array a, struct array b)
{
    assert_same(both_fetch(GPU, a), both_fetch(GPU, b),
                a.rows * a.columns);
}

static void near_numbers(const char *name, struct array a,
                         struct array b, size_t roundings)
{
    differing(name, both_fetch(GPU, a), both_fetch(GPU, b),
              a.rows * a.columns, roundings);
}

/* by six kernels and by one; nothing, where the GPU has no clusters or
   shared memory for it */
static void cross_both_ways(struct sites b, unsigned blocks)
{
    struct room room = gpu_room_for_tiles(&two[GPU]);
    size_t n = b.to.streams, tokens = b.to.tokens, width = b.to.width;
    if (blocks > room.blocks || gpu_blocks_forward(room, n, width) == 0)
        return;
    struct site from = on_device(GPU, &b.from);
    struct site one = on_device(GPU, &b.to);
    struct site six = on_device(GPU, &b.to);
    struct site again = on_device(GPU, &b.to);
    six.apart = true;
    device_cross(&two[GPU], &from, &six);
    ck_assert(gpu_cross_at_once(&two[GPU], &from, &one, blocks));
    ck_assert(gpu_cross_at_once(&two[GPU], &from, &again, blocks));
    if (tokens == 0)
        return;
    same_numbers(one.stream, six.stream);
    size_t K = b.rows / tokens;
    ck_assert_msg(compare_arrays(stderr, "coefficients",
                      both_fetch(GPU, one.coefficients),
                      both_fetch(GPU, six.coefficients),
                      (const size_t[]){ tokens, K }, 2, 2e-5),
                  "%zu streams, %zu x %zu", n, tokens, width);
    near_numbers("normed", one.normed, six.normed, 2);
    assert_close(both_fetch(GPU, one.inverse_rms),
                 both_fetch(GPU, six.inverse_rms), tokens, 1e-3);
    same_numbers(one.coefficients, again.coefficients);
    same_numbers(one.normed, again.normed);
    /* to arrive at those streams leaves the same */
    device_zero(&two[GPU], again.coefficients);
    device_zero(&two[GPU], again.normed);
    ck_assert(gpu_cross_at_once(&two[GPU], NULL, &again, blocks));
    same_numbers(one.stream, again.stream);
    same_numbers(one.coefficients, again.coefficients);
    same_numbers(one.normed, again.normed);
    near_numbers("input", again.input, six.input, 1);
}

/* fails if a tile, a slice, a stream or a share is left out or taken
   twice, a sum is read before it is there, or a block leaves too
   early */
START_TEST(gpu_crossings_at_once_are_the_unfused_ones)
{
    static const size_t sizes[][3] = {  /* tokens, width, blocks */
        { 0, 64, 1 }, { 1, 8, 1 }, { 16, 64, 1 }, { 33, 192, 1 },
        { 17, 64, 2 }, { 5, 192, 4 }, { 33, 128, 8 }, { 19, 320, 8 } };
    size_t n = (size_t)2 << _i % 3;
    const size_t *s = sizes[_i / 3];
    both_open("bf16");
    cross_both_ways(sites_with(n, s[0], s[1]), (unsigned)s[2]);
}
END_TEST

static bool fits(const struct site *to, struct way_back way)
{
    return gpu_way_fits(gpu_room_for_tiles(&two[GPU]), to, way);
}

/* there and back on the gpu */
static void cross_and_back(struct site *from, struct site *to,
                           const struct sites *b, struct way_back way)
{
    struct device *d = &two[GPU];
    *from = on_device(GPU, &b->from);
    *to = on_device(GPU, &b->to);
    device_cross(d, from, to);
    float *work = device_scratch(d, gpu_cross_work(to, way)
                                    * sizeof(float));
    ck_assert(work != NULL);
    gpu_cross_back_at_once(d, from, to, way, work);
}

/* there and back on both devices; the gpu's numbers are the cpu's, but
   for the order of sums */
static void cross_back_as_the_cpu(struct sites b, struct way_back way)
{
    size_t n = b.to.streams, tokens = b.to.tokens;
    struct site from[2], to[2];
    if (!fits(&b.to, way))
        return;
    from[CPU] = on_device(CPU, &b.from);
    to[CPU] = on_device(CPU, &b.to);
    device_cross(&two[CPU], &from[CPU], &to[CPU]);
    device_cross_backward(&two[CPU], &from[CPU], &to[CPU]);
    cross_and_back(&from[GPU], &to[GPU], &b, way);
    #define BOTH(site, name, tolerance) \
        assert_close(both_fetch(GPU, site[GPU].name), \
                     both_fetch(CPU, site[CPU].name), \
                     site[CPU].name.rows * site[CPU].name.columns, \
                     tolerance)
    BOTH(from, dstream, 2e-2);
    BOTH(from, danswer, 2e-2);
    BOTH(to, dphi, 2e-2);
    BOTH(to, dgain, 2e-2);
    BOTH(to, dalpha, 2e-2);
    BOTH(to, dbias, 2e-2);
    size_t K = layout_row(&b.to.layout), raw = layout_raw(&b.to.layout);
    const real *got = both_fetch(GPU, from[GPU].dcoefficients);
    const real *want = both_fetch(CPU, from[CPU].dcoefficients);
    for (size_t t = 0; t < tokens; t++)
        assert_close(got + t * K + n, want + t * K + n, raw - n, 2e-2);
}

/* fails if a sum of a token or of all tokens lacks a part, or a weight
   is another's */
START_TEST(gpu_crossings_back_at_once_are_the_cpus)
{
    static const struct { size_t tokens, width; struct way_back way; }
    sizes[] = {
        { 1, 8, { 1, true, true } }, { 16, 64, { 1, true, true } },
        { 33, 192, { 1, true, false } },
        { 50, 96, { 1, false, false } },
        { 300, 8, { 1, true, true } }, { 33, 128, { 2, true, true } },
        { 17, 192, { 4, true, false } }, { 300, 64, { 8, true, true } },
        { 5, 320, { 8, true, true } } };
    both_open("bf16");
    cross_back_as_the_cpu(sites_with((size_t)2 << _i % 3,
                                     sizes[_i / 3].tokens,
                                     sizes[_i / 3].width),
                          sizes[_i / 3].way);
}
END_TEST

/* fails if a walk finds in the tile what is not there in memory, or phi
   apart what is not there at once */
START_TEST(gpu_crossings_back_change_no_bit_by_what_is_kept)
{
    static const struct way_back ways[] = {
        { 2, false, false }, { 2, true, false }, { 2, true, true },
        { 2, true, true } };
    struct sites b = sites_with((size_t)2 << _i, 70, 48);
    struct site from[4], to[4];
    both_open("bf16");
    if (!fits(&b.to, ways[2]))
        return;
    for (int w = 0; w < 4; w++) {
        cross_and_back(&from[w], &to[w], &b, ways[w]);
        same_numbers(from[0].dstream, from[w].dstream);
        same_numbers(from[0].danswer, from[w].danswer);
        same_numbers(to[0].dgain, to[w].dgain);
        same_numbers(to[0].dalpha, to[w].dalpha);
        same_numbers(to[0].dbias, to[w].dbias);
        size_t K = layout_row(&b.to.layout), n = (size_t)2 << _i;
        const real *want = both_fetch(GPU, from[0].dcoefficients);
        const real *got = both_fetch(GPU, from[w].dcoefficients);
        for (size_t t = 0; t < 70; t++)
            assert_same(got + t * K + n, want + t * K + n, n + n * n);
    }
    same_numbers(to[0].dphi, to[1].dphi);
    same_numbers(to[2].dphi, to[3].dphi);
    assert_close(both_fetch(GPU, to[2].dphi),
                 both_fetch(GPU, to[1].dphi),
                 b.to.layout.outputs * layout_inputs(&b.to.layout),
                 1e-5);
}
END_TEST

/* fails if it asks for more room than there is, or for clusters where
   there are none, or keeps what moves more bytes than it saves */
START_TEST(gpu_crossings_back_keep_what_fits_and_pays)
{
    enum { A100 = 163, H100 = 227, CONSUMER = 99 };
    static const struct {
        int version;
        size_t shared, n, width, tokens;
        unsigned forward;
        struct way_back want;
    } at[] = {
        { 90, H100, 4, 256, 16384, 1, { 1, true, true } },
        { 90, H100, 4, 512, 16384, 1, { 2, true, true } },
        { 90, H100, 4, 2560, 16384, 4, { 8, true, true } },
        { 90, H100, 4, 2560, 2048, 4, { 8, true, true } },
        { 90, H100, 4, 4096, 16384, 8, { 4, true, false } },
        { 90, H100, 2, 2560, 16384, 2, { 4, true, true } },
        { 90, H100, 8, 512, 16384, 4, { 8, true, true } },
        { 90, H100, 8, 1024, 16384, 8, { 1, true, false } },
        { 90, H100, 4, 100000, 16384, 0, { 1, false, false } },
        { 90, H100, 4, 256, 256, 1, { 1, true, true } },
        { 90, H100, 4, 256, 512, 1, { 1, true, false } },
        { 90, H100, 4, 256, 10752, 1, { 1, true, true } },
        { 90, H100, 4, 256, 10751, 1, { 1, true, false } },
        { 80, A100, 4, 512, 16384, 1, { 1, true, false } },
        { 80, A100, 4, 768, 16384, 1, { 1, false, false } },
        { 80, A100, 4, 2560, 16384, 0, { 1, false, false } },
        { 89, CONSUMER, 4, 256, 16384, 1, { 1, true, false } },
        { 89, CONSUMER, 4, 768, 16384, 0, { 1, false, false } },
        { 100, H100, 4, 2560, 16384, 4, { 8, true, true } } };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        struct site s = { .streams = at[i].n, .width = at[i].width,
                          .tokens = at[i].tokens };
        struct room room = gpu_room_of(at[i].version,
                                       at[i].shared << 10);
        struct way_back got = gpu_way_back(room, &s);
        ck_assert_msg(gpu_blocks_forward(room, at[i].n, at[i].width)
                          == at[i].forward
                      && got.blocks == at[i].want.blocks
                      && got.tile == at[i].want.tile
                      && got.phi == at[i].want.phi,
                      "%zu: forward %u, back %u, %d, %d", i,
                      gpu_blocks_forward(room, at[i].n, at[i].width),
                      got.blocks, got.tile, got.phi);
    }
}
END_TEST

/* fails if the tile of a wide model is not cut, or cut so that it does
   not fit */
START_TEST(gpu_crossings_at_once_take_wide_models)
{
    both_open("bf16");
    cross_both_ways(sites_with(4, 3, 2560), 0);
    cross_both_ways(sites_with(2, 2, 2560), 0);
    cross_both_ways(sites_with(8, 2, 1024), 0);
    cross_back_as_the_cpu(sites_with(4, 3, 2560),
                          (struct way_back){ 8, true, true });
    cross_back_as_the_cpu(sites_with(4, 3, 2560),
                          (struct way_back){ 1, false, false });
}
END_TEST

/* fails if a second time finds what the first has left, or does not add
   to it */
START_TEST(gpu_crossings_back_repeat_and_accumulate_to_the_bit)
{
    struct sites b = sites_with(4, 37, 64);
    struct site from, to;
    both_open("bf16");
    for (int phi = 0; phi < 2; phi++) {
        struct way_back way = { 2, true, phi == 1 };
        if (!fits(&b.to, way))
            return;
        cross_and_back(&from, &to, &b, way);
        struct array sums[] = {
            to.dphi, to.dgain, to.dalpha, to.dbias };
        real *dx = both_fetch(GPU, from.dstream);
        real *first[4];
        for (int k = 0; k < 4; k++)
            device_zero(&two[GPU], sums[k]);
        for (int again = 0; again < 2; again++) {
            gpu_cross_back_at_once(&two[GPU], &from, &to, way,
                device_scratch(&two[GPU], gpu_cross_work(&to, way)
                                              * sizeof(float)));
            assert_same(both_fetch(GPU, from.dstream), dx,
                        37 * 64 * b.to.streams);
            for (int k = 0; k < 4; k++) {
                size_t count = sums[k].rows * sums[k].columns;
                real *now = both_fetch(GPU, sums[k]);
                for (size_t i = 0; again == 1 && i < count; i++)
                    first[k][i] *= 2;
                if (again == 1)
                    assert_same(now, first[k], count);
                first[k] = now;
            }
        }
    }
}
END_TEST

static void scale(struct array a, size_t first, size_t rows, real by)
{
    real *x = (real *)a.at + first * a.columns;
    for (size_t i = 0; i < rows * a.columns; i++)
        x[i] *= by;
}

/* fails if a token of zeros or one that is nearly so divides by its
   length, or by another epsilon back than there; or if sixteen tokens
   share what is one's */
START_TEST(gpu_crossings_at_once_stand_tokens_without_length)
{
    static const real by[] = { 0, 1e-4f };
    struct sites b = sites_with((size_t)2 << _i, 21, 64);
    both_open("bf16");
    for (size_t k = 0; k < 2; k++) {
        scale(b.from.stream, 3 + 14 * k, 1, by[k]);
        scale(b.from.answer, 3 + 14 * k, 1, by[k]);
    }
    cross_both_ways(b, 1);
    cross_back_as_the_cpu(b, (struct way_back){ 1, true, true });
}
END_TEST

/* fails if the number of iterations is another's */
START_TEST(gpu_crossings_at_once_iterate_as_often_as_they_are_told)
{
    static const size_t iterations[] = { 1, 3, 64 };
    struct sites b = sites_with((size_t)2 << _i % 3, 5, 64);
    both_open("bf16");
    b.from.layout.iterations = iterations[_i / 3];
    b.to.layout.iterations = iterations[_i / 3];
    cross_both_ways(b, 1);
    cross_back_as_the_cpu(b, (struct way_back){ 1, true, false });
}
END_TEST

/* fails if a gradient overflows, is cut or is added to a constant: of
   4096 times as large a gradient all is 4096 times as large */
START_TEST(gpu_crossings_back_are_linear_to_the_bit)
{
    struct sites b = sites_with((size_t)2 << _i, 40, 64);
    struct way_back way = { 1, true, true };
    struct site from[2], to[2];
    both_open("bf16");
    if (!fits(&b.to, way))
        return;
    scale(b.to.dgain, 0, 1, 0);
    scale(b.to.dphi, 0, b.to.dphi.rows, 0);
    scale(b.to.dalpha, 0, 1, 0);
    scale(b.to.dbias, 0, 1, 0);
    for (int k = 0; k < 2; k++) {
        cross_and_back(&from[k], &to[k], &b, way);
        scale(b.to.dstream, 0, 40, 4096);
        scale(b.to.dnormed, 0, 40, 4096);
        scale(b.to.dcoefficients, 0, 40, 4096);
    }
    struct array got[][2] = {
        { from[0].dstream, from[1].dstream },
        { from[0].danswer, from[1].danswer },
        { to[0].dphi, to[1].dphi }, { to[0].dgain, to[1].dgain },
        { to[0].dalpha, to[1].dalpha }, { to[0].dbias, to[1].dbias } };
    for (size_t a = 0; a < sizeof got / sizeof *got; a++) {
        size_t count = got[a][0].rows * got[a][0].columns;
        real *want = both_fetch(GPU, got[a][0]);
        for (size_t i = 0; i < count; i++)
            want[i] *= 4096;
        assert_same(both_fetch(GPU, got[a][1]), want, count);
    }
}
END_TEST

/* fails if it takes a site that it computes wrongly */
START_TEST(gpu_crossings_at_once_leave_the_rest_to_others)
{
    both_open("bf16");
    struct sites b = sites_with(4, 5, 100);
    struct site from = on_device(GPU, &b.from);
    struct site to = on_device(GPU, &b.to);
    ck_assert(!gpu_cross_at_once(&two[GPU], &from, &to, 0));
    b = sites_with(4, 5, 64);
    from = on_device(GPU, &b.from);
    to = on_device(GPU, &b.to);
    ck_assert(!gpu_cross_at_once(&two[GPU], &from, &to, 16));
    struct site beside = to;
    beside.normed.at = (uint16_t *)to.normed.at + 1;
    ck_assert(!gpu_cross_at_once(&two[GPU], &from, &beside, 0));
    to.exit = true;
    ck_assert(!gpu_cross_at_once(&two[GPU], &from, &to, 0));
    b = sites_with(3, 5, 64);
    from = on_device(GPU, &b.from);
    to = on_device(GPU, &b.to);
    ck_assert(!gpu_cross_at_once(&two[GPU], &from, &to, 0));
}
END_TEST
/* of a model of layers; of two sequences of so many tokens */
static const real *gradients_lazily(size_t *count, size_t n,
                                    size_t lazy, size_t layers,
                                    size_t length)
{
    enum { LONGEST = 160, WORDS = 13 };
    static token id[2 * LONGEST + 1];
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    struct model m;
    strcpy(c.connection, "mhc");
    c.streams = n, c.layers = layers, c.width = 24, c.heads = 2;
    c.hidden = 16, c.context = length, c.vocabulary = WORDS;
    c.lazy = lazy;
    ck_assert_msg(model_open(&m, &c, &two[GPU], 2, TRAINING, 0,
                             &why), "%s", why.text);
    *count = m.parameters.count;
    real *w = test_reals(*count);
    fill_normal(w, *count, 9, 0.3);
    for (size_t i = 0; i <= 2 * length; i++)
        id[i] = (token)random_below(3, 0, i, WORDS);
    device_upload(m.device, m.weights, w);
    model_copy_weights(&m);
    model_forward(&m, id, id + 1);
    model_backward(&m, 1);
    device_download(m.device, w, m.gradients);
    model_close(&m);
    return w;
}

/* fails if a lane's channels are made from another token, answer or
   row, or rounded elsewhere; where phi's gradient is apart, too */
START_TEST(gpu_streams_made_again_are_those_that_were_kept)
{
    static const struct { size_t n, lazy, layers, length; } at[] = {
        { 2, 4, 4, 20 }, { 4, 4, 4, 20 }, { 8, 4, 4, 20 },
        { 2, 8, 4, 20 }, { 4, 8, 4, 20 }, { 8, 8, 4, 20 },
        { 4, 4, 2, 160 }, { 8, 4, 2, 160 } };
    size_t n = at[_i].n, layers = at[_i].layers, count;
    size_t length = at[_i].length;
    both_open("bf16");
    struct site s = { .streams = n, .width = 24,
                      .tokens = 2 * length };
    ck_assert(gpu_way_back(gpu_room_for_tiles(&two[GPU]), &s).phi
              == (length < 160));
    const real *want = gradients_lazily(&count, n, 0, layers, length);
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)want[i]));
    ck_assert(most > 1e-3 && isfinite(most));
    assert_same(gradients_lazily(&count, n, at[_i].lazy, layers,
                                 length), want, count);
}
END_TEST
/* all bytes of an array of the gpu */
static const real *bytes_of(struct array a)
{
    a.columns = array_bytes(a) / sizeof(real);
    a.rows = 1, a.role = EXACT, a.format = F32;
    return both_fetch(GPU, a);
}

/* there and back, by kernels that leave images and by ones of their
   own, with so many blocks */
static void leave_both_ways(struct sites b, unsigned blocks,
                            unsigned back)
{
    struct room room = gpu_room_for_tiles(&two[GPU]);
    struct site from[2], to[2];
    bool eight = two[GPU].format[STREAM] == E4M3;
    struct way_back way = { back, back > 1, back > 1 };
    if (two[GPU].format[OPERAND] != IMAGES
        || (!eight && !gpu_way_fits(room, &b.to, way)))
        return;
    b.to.normed.role = b.from.danswer.role = OPERAND;
    for (int k = 0; k < 2; k++) {
        struct device *d = &two[GPU];
        d->eight.apart = k == 1;
        from[k] = on_device(GPU, &b.from);
        to[k] = on_device(GPU, &b.to);
        // Cross with streams in eight bits, there and back
        if (eight) {
            ck_assert(gpu_cross_eight(d, &from[k], &to[k], blocks));
            ck_assert(gpu_cross_back_eight(d, &from[k], &to[k], back));
            continue;
        }
        ck_assert(gpu_cross_at_once(d, &from[k], &to[k], blocks));
        float *work = device_scratch(d, gpu_cross_work(&to[k], way)
                                        * sizeof(float));
        gpu_cross_back_at_once(d, &from[k], &to[k], way, work);
    }
    ck_assert(gpu_has_images(&two[GPU], to[0].normed));
    size_t words = array_bytes(to[0].normed) / sizeof(real);
    ck_assert_int_eq(memcmp(bytes_of(to[0].normed),
                            bytes_of(to[1].normed), 4 * words), 0);
    ck_assert_int_eq(memcmp(bytes_of(from[0].danswer),
                            bytes_of(from[1].danswer), 4 * words), 0);
}

/* fails if a square becomes images before all its parts are there, by
   nobody, or twice, or shared memory is used that is not free: tokens,
   width, blocks there and back; 640 by 2 cuts a square, 128 by 8 has
   eight blocks for one */
START_TEST(gpu_crossings_leave_images)
{
    static const size_t sizes[][4] = { { 128, 128, 1, 1 },
        { 256, 256, 2, 2 }, { 128, 640, 2, 4 }, { 128, 128, 8, 8 },
        { 384, 128, 1, 2 } };
    const size_t *s = sizes[_i / 3];
    both_open("fp8");
    leave_both_ways(sites_with((size_t)2 << _i % 3, s[0], s[1]),
                    (unsigned)s[2], (unsigned)s[3]);
}
END_TEST
/* fails if a stream is stored otherwise than on the cpu, or goes on
   otherwise than it was stored */
START_TEST(gpu_boundaries_with_streams_in_eight_bits_round_once)
{
    static const char *const ways[] = { "fp8-streams",
        "fp8-streams-stochastic", "fp8-streams-mean" };
    follow_boundaries(ways[_i % 3], connections[_i / 3]);
}
END_TEST
static struct sites eight_sites(const char *way, size_t n,
                                size_t tokens, size_t width)
{
    both_open(way);
    for (int d = 0; d < 2; d++) {
        two[d].eight.streams = n;
        device_place(&two[d], 5, 2, 64);
    }
    struct sites b = sites_with(n, tokens, width);
    b.from.stream.place = 6, b.from.dstream.place = 7;
    b.to.stream.place = 8, b.to.dstream.place = 9;
    return b;
}

/* fails if a scale is taken from other channels than 128 of a stream,
   a number is drawn for another place, or a tile, a slice or an edge is
   wrong */
static void cross_eight(struct sites b, unsigned blocks)
{
    size_t tokens = b.to.tokens, K = b.rows / tokens;
    struct site from = on_device(GPU, &b.from);
    struct site one = on_device(GPU, &b.to);
    if (gpu_room_for_tiles(&two[GPU]).blocks < 8)
        return;                 /* before 9.0 */
    struct site six = on_device(GPU, &b.to);
    struct site again = on_device(GPU, &b.to);
    six.apart = true;
    device_cross(&two[GPU], &from, &six);
    ck_assert(gpu_cross_eight(&two[GPU], &from, &one, blocks));
    same_numbers(one.stream, six.stream);
    ck_assert(compare_arrays(stderr, "coefficients",
                             both_fetch(GPU, one.coefficients),
                             both_fetch(GPU, six.coefficients),
                             (const size_t[]){ tokens, K }, 2, 2e-5));
    near_numbers("normed", one.normed, six.normed, 2);
    assert_close(both_fetch(GPU, one.inverse_rms),
                 both_fetch(GPU, six.inverse_rms), tokens, 1e-3);
    device_copy(&two[GPU], again.stream, one.stream);
    ck_assert(gpu_cross_eight(&two[GPU], NULL, &again, blocks));
    same_numbers(one.coefficients, again.coefficients);
    same_numbers(one.normed, again.normed);
    near_numbers("input", again.input, six.input, 1);
}

/* tokens, width, blocks */
static const size_t eight_sizes[][3] = { { 1, 128, 1 }, { 16, 256, 2 },
    { 33, 384, 1 }, { 19, 256, 1 }, { 37, 512, 4 } };
enum { EIGHT_SIZES = sizeof eight_sizes / sizeof *eight_sizes };

START_TEST(gpu_crossings_at_once_in_eight_bits_are_the_unfused_ones)
{
    const size_t *s = eight_sizes[_i / 4];
    cross_eight(eight_sites(_i % 2 ? "fp8-streams-stochastic"
                                   : "fp8-streams",
                            (size_t)2 << _i / 2 % 2, s[0], s[1]),
                (unsigned)s[2]);
}
END_TEST

/* how many numbers of eight bits are not those that are wanted: each by
   a step at most */
static size_t steps_off(const char *name, struct array a,
                        struct array b)
{
    size_t count = a.rows * a.columns, off = 0;
    const real *got = both_fetch(GPU, a), *want = both_fetch(GPU, b);
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)want[i]));
    for (size_t i = 0; i < count; i++) {
        double g = (double)got[i], w = (double)want[i];
        off += got[i] != want[i];
        ck_assert_msg(fabs(g - w) <= fmax(fabs(g), fabs(w)) / 8
                                     + most / 65536,
                      "%s: %zu is %g, not %g", name, i, g, w);
    }
    return off;
}

/* fails if a stream is made again otherwise than it was stored, a
   gradient is rounded by another scale, or a sum lacks a part */
static void back_eight(struct sites b, unsigned blocks)
{
    struct site from[2], to[2], it = on_device(GPU, &b.to);
    struct room room = gpu_room_for_tiles(&two[GPU]);
    if (room.blocks < 8)
        return;                 /* before 9.0 */
    if (b.to.streams * (b.to.width / blocks) > 1024) {
        ck_assert(!gpu_cross_back_eight(&two[GPU], &it, &it, blocks));
        return;                 /* they do not fit the chip */
    }
    size_t n = b.to.streams, tokens = b.to.tokens, off;
    for (int k = 0; k < 2; k++) {
        from[k] = on_device(GPU, &b.from);
        to[k] = on_device(GPU, &b.to);
        to[k].apart = true;
        device_cross(&two[GPU], &from[k], &to[k]);
    }
    ck_assert(gpu_cross_back_eight(&two[GPU], &from[1], &to[1],
                                   blocks));
    device_cross_backward(&two[GPU], &from[0], &to[0]);
    #define BOTH_WAYS(site, name) \
        assert_close(both_fetch(GPU, site[1].name), \
                     both_fetch(GPU, site[0].name), \
                     site[0].name.rows * site[0].name.columns, 1e-3)
    BOTH_WAYS(to, dphi);
    BOTH_WAYS(to, dgain);
    BOTH_WAYS(to, dalpha);
    BOTH_WAYS(to, dbias);
    near_numbers("danswer", from[1].danswer, from[0].danswer, 1);
    off = steps_off("dstream", from[1].dstream, from[0].dstream);
    ck_assert_uint_le(off, 2 + tokens * n * b.to.width / 200);
    size_t K = layout_row(&b.to.layout), raw = layout_raw(&b.to.layout);
    const real *got = both_fetch(GPU, from[1].dcoefficients);
    const real *want = both_fetch(GPU, from[0].dcoefficients);
    for (size_t t = 0; t < tokens; t++)
        assert_close(got + t * K + n, want + t * K + n, raw - n, 1e-3);
}

START_TEST(gpu_crossings_back_in_eight_bits_are_the_unfused_ones)
{
    const size_t *s = eight_sizes[_i / 4];
    back_eight(eight_sites(_i % 2 ? "fp8-streams-stochastic"
                                  : "fp8-streams",
                           (size_t)2 << _i / 2 % 2, s[0], s[1]),
               (unsigned)s[2]);
}
END_TEST

/* fails if a wide model's tile is not cut */
START_TEST(gpu_crossings_in_eight_bits_take_wide_models)
{
    struct sites b = eight_sites("fp8-streams-stochastic", 4, 3, 2048);
    struct site to = on_device(GPU, &b.to);
    if (gpu_room_for_tiles(&two[GPU]).blocks < 8)
        return;
    ck_assert_uint_eq(gpu_blocks_eight(&two[GPU], &to, false, 0), 4);
    ck_assert_uint_eq(gpu_blocks_eight(&two[GPU], &to, true, 0), 8);
    cross_eight(b, 4);
    back_eight(b, 8);
}
END_TEST

/* as gpu_crossings_leave_images */
START_TEST(gpu_crossings_in_eight_bits_leave_images)
{
    static const size_t sizes[][4] = { { 128, 128, 1, 1 },
        { 256, 512, 2, 4 }, { 128, 1024, 4, 8 }, { 384, 256, 1, 2 } };
    const size_t *s = sizes[_i / 2];
    leave_both_ways(eight_sites(_i % 3 ? "fp8-streams"
                                       : "fp8-streams-stochastic",
                                (size_t)2 << _i % 2, s[0], s[1]),
                    (unsigned)s[2], (unsigned)s[3]);
}
END_TEST

Suite *gpu_sixteen_suite(void);
Suite *gpu_sixteen_suite(void)
{
    Suite *s = suite_create("gpu_sixteen");
    TCase *c = tcase_create("gpu_sixteen");
    int kinds = 0;
    while (connections[kinds] != NULL)
        kinds++;
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_test(c, gpu_rounds_to_the_bits_of_the_cpu);
    tcase_add_test(c, gpu_words_in_sixteen_bits_are_the_cpus);
    tcase_add_test(c, gpu_gate_in_sixteen_bits_is_rounded_once);
    tcase_add_loop_test(c,
        gpu_products_of_integers_in_sixteen_bits_are_exact, 0, 5);
    tcase_add_loop_test(c,
        gpu_products_in_sixteen_bits_are_rounded_once, 0, 5);
    tcase_add_test(c, gpu_attention_in_sixteen_bits_is_the_cpus);
    tcase_add_test(c, gpu_step_rounds_the_master);
    tcase_add_loop_test(c,
        gpu_boundaries_in_sixteen_bits_round_where_they_store, 0,
        kinds);
    tcase_add_loop_test(c, gpu_entries_in_sixteen_bits_are_the_cpus, 0,
                        kinds);
    // Add the tests of a crossing at once
    tcase_add_loop_test(c, gpu_crossings_at_once_are_the_unfused_ones, 0,
                        24);
    tcase_add_loop_test(c, gpu_crossings_back_at_once_are_the_cpus, 0, 27);
    tcase_add_loop_test(c, gpu_crossings_back_change_no_bit_by_what_is_kept,
                        0, 3);
    tcase_add_loop_test(c,
        gpu_crossings_at_once_stand_tokens_without_length, 0, 3);
    tcase_add_loop_test(c,
        gpu_crossings_at_once_iterate_as_often_as_they_are_told, 0, 9);
    tcase_add_loop_test(c, gpu_crossings_back_are_linear_to_the_bit, 0, 3);
    tcase_add_test(c, gpu_crossings_back_keep_what_fits_and_pays);
    tcase_add_test(c, gpu_crossings_back_repeat_and_accumulate_to_the_bit);
    tcase_add_test(c, gpu_crossings_at_once_take_wide_models);
    tcase_add_test(c, gpu_crossings_at_once_leave_the_rest_to_others);
    tcase_add_loop_test(c, gpu_streams_made_again_are_those_that_were_kept,
                        0, 8);
    tcase_add_loop_test(c, gpu_crossings_leave_images, 0, 15);
    tcase_add_loop_test(c, gpu_crossings_in_eight_bits_leave_images, 0, 8);
    tcase_add_loop_test(c,
        gpu_crossings_at_once_in_eight_bits_are_the_unfused_ones, 0,
        4 * EIGHT_SIZES);
    tcase_add_loop_test(c,
        gpu_crossings_back_in_eight_bits_are_the_unfused_ones, 0,
        4 * EIGHT_SIZES);
    tcase_add_test(c, gpu_crossings_in_eight_bits_take_wide_models);
    tcase_add_loop_test(c,
        gpu_boundaries_with_streams_in_eight_bits_round_once, 0,
        3 * kinds);
    return s;
}
