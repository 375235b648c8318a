#include "support/cpu.h"
#include "boundary/mixing.h"
#include "boundary/unfold.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include "whole.h"
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// Tests of the operations
enum { T = 2, C = 3, MOST = MIX_STREAMS };
enum { ROW = 2 * MOST + MOST * MOST, ALL = T * MOST * C };

static struct trial {
    struct layout layout;
    real stream[ALL], answer[T * C], row[T * ROW];
    real dinput[T * C], dnext[ALL];
} o;

// The objective of reading and writing
static double by_definition(void)
{
    size_t n = o.layout.streams;
    double sum = 0;
    for (size_t t = 0; t < T; t++)
        for (size_t c = 0; c < C; c++) {
            const real *k = o.row + t * (2 * n + n * n);
            const real *x = o.stream + t * n * C + c;
            const real *d = o.dnext + t * n * C + c;
            for (size_t j = 0; j < n; j++)
                sum += o.dinput[t * C + c] * k[j] * x[j * C];
            for (size_t i = 0; i < n; i++) {
                sum += d[i * C] * k[n + i] * o.answer[t * C + c];
                for (size_t j = 0; j < n; j++)
                    sum += d[i * C] * k[2 * n + i * n + j] * x[j * C];
            }
        }
    return sum;
}

static double objective(bool defined)
{
    real input[T * C], next[ALL];
    double sum = 0;
    if (defined)
        return by_definition();
    mixing_read(input, o.stream, o.row, &o.layout, T);
    mixing_write(next, o.stream, o.answer, o.row, &o.layout, T);
    for (size_t i = 0; i < T * C; i++)
        sum += o.dinput[i] * input[i];
    for (size_t i = 0; i < T * o.layout.streams * C; i++)
        sum += o.dnext[i] * next[i];
    return sum;
}

// Differences of one
static void assert_slopes(real *x, const real *slope, size_t count)
{
    double base = objective(false);
    for (size_t i = 0; i < count; i++) {
        x[i] += 1;
        double up = objective(false);
        ck_assert_msg(up - base == (double)slope[i], "%zu: %g, not %g",
                      i, (double)slope[i], up - base);
        x[i] -= 1;
    }
}

/* fails if the matrix is transposed on the way back, or reading
   backward overwrites what it should add to */
START_TEST(reading_and_writing_keep_their_word_and_so_does_the_way_back)
{
    real dstream[ALL], danswer[T * C], drow[T * ROW];
    size_t n = (size_t)_i;
    o.layout = layout_of(MIX_STATIC, n, C, 1);
    size_t row = layout_row(&o.layout);
    fill_integers(o.stream, ALL, 1, 9);
    fill_integers(o.answer, T * C, 2, 9);
    fill_integers(o.row, T * ROW, 3, 5);
    fill_integers(o.dinput, T * C, 4, 9);
    fill_integers(o.dnext, ALL, 5, 9);
    ck_assert(objective(true) == objective(false));
    mixing_write_backward(dstream, danswer, drow, o.dnext, o.stream,
                          o.answer, o.row, &o.layout, T);
    mixing_read_backward(dstream, drow, o.dinput, o.stream, o.row,
                         &o.layout, T);
    assert_slopes(o.stream, dstream, T * n * C);
    assert_slopes(o.answer, danswer, T * C);
    assert_slopes(o.row, drow, T * row);
}
END_TEST

// Tests of entering and leaving
/* fails if the scale is left out at the exit, or its way back
   overwrites the gradient of the streams */
START_TEST(a_vector_enters_every_stream_and_the_sum_leaves)
{
    size_t n = (size_t)_i;
    struct layout l = { .streams = n, .width = C };
    real vector[T * C], stream[ALL], out[T * C], d[T * C], more[ALL];
    fill_integers(vector, T * C, 1, 9);
    fill_integers(d, T * C, 2, 9);
    mixing_expand(stream, vector, &l, T);
    memcpy(more, stream, sizeof more);
    mixing_collapse_backward(more, d, 2, &l, T);
    for (size_t i = 0; i < T * n * C; i++) {
        size_t from = i / C / n * C + i % C;
        ck_assert(stream[i] == vector[from]);
        ck_assert(more[i] == stream[i] + 2 * d[from]);
        stream[i] += (real)(i / C % n);
    }
    mixing_collapse(out, stream, (real)0.5, &l, T);
    mixing_expand_backward(d, stream, &l, T);
    for (size_t i = 0; i < T * C; i++) {
        double sum = (double)n * vector[i] + (double)(n * (n - 1)) / 2;
        ck_assert(2 * out[i] == sum && d[i] == sum);
    }
}
END_TEST

// The two streams of the text
/* fails if row and column of the mixing matrix are exchanged */
START_TEST(the_two_streams_of_the_text)
{
    struct layout l = { .streams = 2, .width = 2 };
    const real x[] = { 1, 2, 3, 0 }, y[] = { 1, -1 };
    const real row[] = { 1, 0.5, 1, 2, 1, 0.5, 0, 1 };
    const real dinput[] = { 2, 0 }, dnext[] = { 1, 0, 0, 1 };
    real input[2], next[4], dx[4], dy[2], drow[8];
    mixing_read(input, x, row, &l, 1);
    mixing_write(next, x, y, row, &l, 1);
    mixing_write_backward(dx, dy, drow, dnext, x, y, row, &l, 1);
    mixing_read_backward(dx, drow, dinput, x, row, &l, 1);
    assert_same(input, ((real[]){ 2.5, 2 }), 2);
    assert_same(next, ((real[]){ 3.5, 1, 5, -2 }), 4);
    assert_same(dx, ((real[]){ 3, 0, 1.5, 1 }), 4);
    assert_same(dy, ((real[]){ 1, 2 }), 2);
    assert_same(drow, ((real[]){ 2, 6, 1, -1, 1, 3, 2, 0 }), 8);
}
END_TEST

// Tests of the coefficients
enum { TOKENS = 130, WIDTH = 19, ALL_STREAMS = TOKENS * MOST * WIDTH,
       PHI = (MOST + 2) * WIDTH, ROWS = TOKENS * (2 * ROW + MOST) };

static struct { real *stream, *phi, *alpha, *bias, *rows; } given;

static struct layout give(const struct connection *k, size_t n)
{
    struct { real **at; size_t count; double scale; } all[] = {
        { &given.stream, ALL_STREAMS, 3 }, { &given.phi, PHI, 0.3 },
        { &given.alpha, MIX_SCALES, 1 }, { &given.bias, ROW, 1 },
        { &given.rows, ROWS, 0 } };
    for (size_t i = 0; i < 5; i++) {
        *all[i].at = test_reals(all[i].count);
        fill_normal(*all[i].at, all[i].count, 10 + i, all[i].scale);
    }
    return layout_of(k->mix, n, WIDTH, 1);
}

// The update in the notation of the HC paper
static double rate(size_t t, size_t j, size_t k, size_t n)
{
    const real *h = given.stream + (t * n + j) * WIDTH;
    double squares = 0, sum = 0;
    for (size_t c = 0; c < WIDTH; c++) {
        squares += (double)h[c] * (double)h[c] / WIDTH;
        sum += (double)h[c] * (double)given.phi[k * WIDTH + c];
    }
    return tanh(sum / sqrt(squares + 1e-6));
}

/* fails if the scale of hc for mixing is not the one for reading, or
   epsilon stands outside the root */
START_TEST(dynamic_coefficients_are_those_of_the_papers)
{
    const struct connection *k = _i % 2 == 0 ? &hc : &hc_three;
    size_t n = (size_t)_i / 2 + 1;
    struct layout l = give(k, n);
    real *got = given.rows, want[ROW];
    double a = (double)given.alpha[0], b = (double)given.alpha[1];
    double r = k == &hc ? a : (double)given.alpha[2];
    mixing_coefficients(got, given.stream, given.phi, given.alpha,
                        given.bias, &l, TOKENS);
    for (size_t t = 0; t < TOKENS; t += 43) {
        for (size_t j = 0; j < n; j++) {
            want[j] = (real)(a * rate(t, j, 0, n) + given.bias[j]);
            want[n + j] = (real)(b * rate(t, j, 1, n)
                                 + given.bias[n + j]);
            for (size_t i = 0; i < n; i++)   /* A_r[j][i] */
                want[2 * n + i * n + j] =
                    (real)(r * rate(t, j, 2 + i, n)
                           + given.bias[2 * n + i * n + j]);
        }
        assert_close(got + t * layout_row(&l), want, 2 * n + n * n,
                     1e3 * REAL_EPSILON);
    }
}
END_TEST

// A token depends on itself
/* fails if the coefficients or the root of the first token of a tile
   are used for all its tokens */
START_TEST(coefficients_and_gradients_of_a_token_depend_on_it_alone)
{
    const struct connection *k = &hc_three;
    size_t n = (size_t)_i;
    struct layout l = give(k, n);
    size_t K = layout_row(&l), x = n * WIDTH;
    real *row = test_reals(K), *drows = test_reals(ROWS);
    real *work = test_reals(mixing_work(&l));
    real *sum[2], *d[2];
    enum { SUM = PHI + MIX_SCALES + ROW };
    for (size_t i = 0; i < 2; i++)
        sum[i] = test_reals(SUM), d[i] = test_reals(ALL_STREAMS);
    mixing_coefficients(given.rows, given.stream, given.phi,
                        given.alpha, given.bias, &l, TOKENS);
    for (size_t t = 0; t < TOKENS; t++) {
        mixing_coefficients(row, given.stream + t * x, given.phi,
                            given.alpha, given.bias, &l, 1);
        assert_same(row, given.rows + t * K, K);
    }
    // Go back for all tokens at once, and one by one
    for (size_t i = 0; i < 2; i++) {
        size_t step = i == 0 ? TOKENS : 1;
        fill_normal(drows, ROWS, 7, 1);
        for (size_t t = 0; t < TOKENS; t += step)
            mixing_coefficients_backward(
                d[i] + t * x, sum[i], sum[i] + PHI,
                sum[i] + PHI + MIX_SCALES, drows + t * K, work,
                given.stream + t * x, given.rows + t * K, given.phi,
                given.alpha, given.bias, &l, step);
    }
    assert_same(d[1], d[0], TOKENS * x);
    assert_close(sum[1], sum[0], SUM, 1e4 * REAL_EPSILON);
}
END_TEST

// Threads change no bit of the coefficients
/* fails if the slices of the tokens depend on the number of threads */
START_TEST(threads_change_no_bit_of_loss_or_gradients)
{
    struct model m[2];
    double loss[2];
    for (int i = 0; i < 2; i++) {
        omp_set_num_threads(i == 0 ? 1 : 3);
        m[i] = whole_open(&hc, 4, i == 0 ? 0 : 2);
        whole_scatter(&m[i]);
        loss[i] = whole_run(&m[i]);
    }
    ck_assert(loss[0] == loss[1]);
    assert_same(reals(m[1].gradients), reals(m[0].gradients),
                m[0].parameters.count);
    model_close(&m[0]);
    model_close(&m[1]);
}
END_TEST

// Tests at the size that people train
enum { MANY = 1031, WIDE = 192, FOUR = 4, ENTRIES = 24,
       VECTORS = MANY * WIDE, STREAMS = FOUR * VECTORS };

/* MANY whole numbers, or zeros if seed is 0 */
static real *integers(size_t count, uint64_t seed)
{
    real *x = test_reals(count);
    if (seed > 0)
        fill_integers(x, count, seed, 5);
    return x;
}

/* fails if tokens are lost, or taken twice, where threads share a
   number of them that no block divides */
START_TEST(reading_and_writing_are_exact_for_any_token)
{
    struct layout l = layout_of(MIX_STATIC, FOUR, WIDE, 1);
    real *x = integers(STREAMS, 1), *y = integers(VECTORS, 2);
    real *dnext = integers(STREAMS, 3), *dread = integers(VECTORS, 4);
    real *row = integers(MANY * ENTRIES, 5), *to[2][7];
    const size_t count[] = { VECTORS, STREAMS, STREAMS, VECTORS,
                             MANY * ENTRIES, VECTORS, STREAMS };
    for (size_t i = 0; i < 14; i++)
        to[i / 7][i % 7] = integers(count[i % 7], 0);
    // Read, write and go back by plain loops
    for (size_t at = 0; at < VECTORS; at++) {
        size_t t = at / WIDE, first = t * FOUR * WIDE + at % WIDE;
        const real *k = row + t * ENTRIES, *res = k + 2 * FOUR;
        real *dk = to[0][4] + t * ENTRIES, *dres = dk + 2 * FOUR;
        for (size_t i = 0; i < FOUR; i++) {
            size_t own = first + i * WIDE;
            to[0][0][at] += k[i] * x[own];
            to[0][1][own] += k[FOUR + i] * y[at];
            to[0][2][own] += k[i] * dread[at];
            to[0][3][at] += k[FOUR + i] * dnext[own];
            to[0][5][at] += 2 * x[own];
            to[0][6][own] += 4 * y[at];
            dk[i] += dread[at] * x[own];
            dk[FOUR + i] += dnext[own] * y[at];
            for (size_t j = 0; j < FOUR; j++) {
                size_t other = first + j * WIDE;
                to[0][1][own] += res[i * FOUR + j] * x[other];
                to[0][2][other] += res[i * FOUR + j] * dnext[own];
                dres[i * FOUR + j] += dnext[own] * x[other];
            }
        }
    }
    real **got = to[1];
    mixing_read(got[0], x, row, &l, MANY);
    mixing_write(got[1], x, y, row, &l, MANY);
    mixing_write_backward(got[2], got[3], got[4], dnext, x, y, row, &l,
                          MANY);
    mixing_read_backward(got[2], got[4], dread, x, row, &l, MANY);
    mixing_collapse(got[5], x, 2, &l, MANY);
    mixing_expand(got[6], y, &l, MANY);
    mixing_collapse_backward(got[6], y, 3, &l, MANY);
    for (size_t i = 0; i < 7; i++)
        assert_close(to[1][i], to[0][i], count[i], 0);
    mixing_expand_backward(got[5], x, &l, MANY);
    for (size_t i = 0; i < VECTORS; i++)
        ck_assert(2 * got[5][i] == to[0][5][i]);
}
END_TEST
// A coefficient and its slopes
struct slopes {
    size_t scale;       /* which of alpha */
    double value, z, alpha, bias;
};

static struct slopes coefficient(const struct layout *l, size_t e,
                                 double z, const real *alpha,
                                 const real *bias)
{
    size_t n = l->streams, of = e < 2 * n ? e / n : 2;
    double a = (double)alpha[of], b = (double)bias[e], u = tanh(z);
    // A gate and its slopes
    if (l->mix == MIX_IDENTITY) {
        double factor = of == 0 ? 1 : 2, s = 1 / (1 + exp(-a * z - b));
        double slope = factor * s * (1 - s);
        return (struct slopes){ of, factor * s, a * slope, z * slope,
                                slope };
    }
    return (struct slopes){ of, a * u + b, a * (1 - u * u), u, 1 };
}

static const enum mix at_size[] = {
    MIX_TANH_THREE,
    // More mixes at that size
    MIX_IDENTITY,
};
enum { AT_SIZE = sizeof at_size / sizeof at_size[0] };

/* fails if the last tokens of a slice, fewer than a block, are
   projected wrongly */
START_TEST(coefficients_of_any_token_agree_with_plain_loops)
{
    struct layout l = layout_of(at_size[_i], FOUR, WIDE, 1);
    size_t K = layout_row(&l), m = l.outputs, N = layout_inputs(&l);
    real *x = test_reals(STREAMS), *phi = test_reals(m * N);
    real *rows = test_reals(MANY * K), *drows = test_reals(MANY * K);
    real *work = test_reals(mixing_work(&l)), bias[ENTRIES];
    const real alpha[] = { (real)0.7, (real)-0.4, (real)1.1 };
    size_t sums[] = { m * N, MIX_SCALES, ENTRIES, STREAMS, MANY * K };
    real *to[2][5];
    for (size_t i = 0; i < 10; i++)
        to[i / 5][i % 5] = test_reals(sums[i % 5]);
    fill_normal(x, STREAMS, 1, 2);
    fill_normal(phi, m * N, 2, 1 / sqrt((double)N));
    fill_normal(bias, ENTRIES, 3, 1);
    fill_normal(drows, MANY * K, 4, 1);
    // Find coefficients and go back by plain loops in double
    double *d = (double *)test_reals(2 * (m * N + ENTRIES + MIX_SCALES));
    double *dalpha = d + m * N, *dbias = dalpha + MIX_SCALES;
    for (size_t i = 0; i < MANY * l.parts; i++) {
        const real *in = x + i * N;
        double square = 0, along = 0, r, dx[FOUR * WIDE] = { 0 };
        for (size_t c = 0; c < N; c++)
            square += (double)in[c] * (double)in[c] / (double)N;
        r = 1 / sqrt(square + 1e-6);
        for (size_t k = 0; k < m; k++) {
            size_t e = k * l.parts + i % l.parts, at = i / l.parts * K + e;
            double z = 0, given = (double)drows[at];
            for (size_t c = 0; c < N; c++)
                z += r * (double)in[c] * (double)phi[k * N + c];
            struct slopes s = coefficient(&l, e, z, alpha, bias);
            double dz = given * s.z;
            for (size_t c = 0; c < N; c++) {
                d[k * N + c] += r * dz * (double)in[c];
                dx[c] += r * dz * (double)phi[k * N + c];
            }
            to[0][4][at] = (real)s.value;
            dalpha[s.scale] += s.alpha * given;
            dbias[e] += s.bias * given;
            along += dz * z * r * r / (double)N;
        }
        for (size_t c = 0; c < N; c++)
            to[0][3][i * N + c] = (real)(dx[c] - along * (double)in[c]);
    }
    for (size_t i = 0; i < m * N; i++)
        to[0][0][i] = (real)d[i];
    for (size_t i = 0; i < MIX_SCALES; i++)
        to[0][1][i] = (real)dalpha[i];
    for (size_t i = 0; i < ENTRIES; i++)
        to[0][2][i] = (real)dbias[i];
    mixing_coefficients(rows, x, phi, alpha, bias, &l, MANY);
    mixing_coefficients_backward(to[1][3], to[1][0], to[1][1], to[1][2],
        drows, work, x, rows, phi, alpha, bias, &l, MANY);
    memcpy(to[1][4], rows, MANY * K * sizeof *rows);
    for (size_t i = 0; i < MANY * K; i++)
        if (i % K >= l.parts * m)
            to[1][4][i] = 0;
    for (size_t i = 0; i < 5; i++)
        assert_close(to[1][i], to[0][i], sums[i], 1e3 * REAL_EPSILON);
}
END_TEST

// Tests of the kinds
static const struct connection *const kinds[] = {
    &hc_static, &hc, &hc_three
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

#ifdef REAL_IS_DOUBLE
/* fails if a term is missing on the way back, such as the part along
   x in the gradient of the streams */
START_TEST(every_gradient_is_right_for_any_streams)
{
    static const size_t streams[] = { 1, 2, 4, 8 };
    assert_gradients_of(kinds[_i / 4], streams[_i % 4], NULL);
}
END_TEST
#endif

// Remember the streams of a model
enum { SITES = 5, SEEN = 10 * 8 };

struct seen { real x[SITES][SEEN]; size_t unequal; };

static void look(void *context, const struct site *s)
{
    struct seen *seen = context;
    size_t n = s->streams, all = n * s->width;
    real *x = seen->x[s->index];
    for (size_t i = 0; i < s->tokens * all; i++) {
        size_t at = i / all * s->width + i % s->width;
        if (i % all < s->width)
            x[at] = reals(s->stream)[i];
        seen->unequal += memcmp(&x[at], &reals(s->stream)[i],
                                sizeof *x) != 0;
    }
}

static struct model watched(const struct connection *k, size_t streams,
                            struct seen *seen)
{
    struct model m = whole_open(k, streams, 0);
    whole_scatter(&m);
    m.watch.forward = look;
    m.watch.context = seen;
    seen->unequal = 0;
    return m;
}

// The residual network as a special case
/* pre 1/n, post 1, res I, or the values that HC starts with */
static void become_residual(struct model *m, bool start)
{
    size_t n = m->configuration.streams;
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        bool bias = strstr(p->name, ".bias") != NULL;
        for (size_t j = 0; j < p->count; j++)
            if (bias || strstr(p->name, ".alpha") != NULL)
                reals(m->weights)[p->offset + j] =
                    bias ? parameter_start(p, 1, 0, j) : 0;
        for (size_t j = 0; bias && !start && j < n; j++)
            reals(m->weights)[p->offset + j] = 1 / (real)n;
    }
}

/* fails if the streams are added one by one at the exit and not in
   pairs, or a coefficient starts wrong */
START_TEST(the_residual_network_is_a_special_case_bit_for_bit)
{
    static struct seen want, got;
    struct connection k = *kinds[_i / 8 % KINDS];
    size_t n = (size_t)_i % 8 + 1;
    bool start = _i >= 8 * KINDS, power = (n & (n - 1)) == 0;
    struct model plain = watched(&residual, 1, &want);
    const real *logits = whole_logits(&plain);
    for (int mean = 0; mean < 2 && (power || start); mean++) {
        k.mean = mean;
        struct model m = watched(&k, n, &got);
        become_residual(&m, start);
        const real *ours = whole_logits(&m);
        ck_assert_uint_eq(got.unequal, 0);
        // Compare the streams
        bool exact = start || n < 8;
        if (exact)
            assert_same(got.x[0], want.x[0], SITES * SEEN);
        else
            assert_close(got.x[0], want.x[0], SITES * SEEN, 1e-5);
        // Compare what leaves
        if (mean && power && exact)
            assert_same(ours, logits, 110);
        else
            assert_close(ours, logits, 110, 1e-4);
        if (!mean && power && exact)
            for (size_t i = 0; i < SEEN; i++)
                ck_assert(m.tape.list[m.at.input].copies == SITES &&
                          reals(tape_at(&m.tape, m.at.input, SITES - 1))[i]
                          == (real)n * want.x[SITES - 1][i]);
        model_close(&m);
    }
    model_close(&plain);
}
END_TEST

// What a kind did not declare
static void expect_addresses(void *context, const struct site *s)
{
    const bool *phi = context;
    bool has = *phi && !s->exit;
    ck_assert((s->phi.at != NULL) == has
              && (s->dphi.at != NULL) == has);
    ck_assert((s->alpha.at != NULL) == has
              && (s->dalpha.at != NULL) == has);
    ck_assert((s->bias.at != NULL) == !s->exit);
    ck_assert((s->dbias.at != NULL) == !s->exit);
}

static void expect_no_gradient(void *context, const struct site *s)
{
    (void)context;
    ck_assert_ptr_null(s->dphi.at);
    ck_assert_ptr_null(s->dalpha.at);
    ck_assert_ptr_null(s->dbias.at);
    ck_assert_ptr_null(s->dgain.at);
}

/* fails if a parameter that a kind lacks is taken for the first one
   of the model */
START_TEST(what_was_not_declared_has_no_address)
{
    bool phi = kinds[_i] != &hc_static;
    struct model m = whole_open(kinds[_i], 2, 0), judge;
    struct message message = { 0, "" };
    m.watch.forward = m.watch.backward = expect_addresses;
    m.watch.context = &phi;
    whole_logits(&m);
    model_backward(&m, 1);
    // Without training there are no gradients
    ck_assert(model_plan(&judge, &m.architecture, &m.configuration,
                         &cpu, m.sequences, INFERENCE, 0, &message)
              && model_allocate(&judge, &message));
    model_initialise(&judge);
    judge.watch.forward = expect_no_gradient;
    whole_logits(&judge);
    model_close(&judge);
    model_close(&m);
}
END_TEST

// Names, shapes and decay
/* fails if bias or alpha decays, or phi does not */
START_TEST(parameters_of_a_kind_have_these_names_shapes_and_decay)
{
    static const struct {
        const char *name;
        size_t rows, columns, in[KINDS];    /* 0: not there */
        bool decay;
        double at[8];       /* the first elements of sublayer 3 */
    } want[] = {
        { "phi", 4, 8, { 0, 1, 1 }, true, { 0 } },
        { "alpha", 1, 2, { 0, 1, 0 }, false, { .01, .01, .01 } },
        { "alpha", 1, 3, { 0, 0, 1 }, false, { .01, .01, .01 } },
        { "bias", 1, 8, { 1, 1, 1 }, false,
          { 0, 1, 1, 1, 1, 0, 0, 1 } },
    };
    const struct connection *k = kinds[_i];
    struct model m = whole_open(k, 2, 0);
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        snprintf(name, sizeof name, "sublayer.3.%s.%s", k->name,
                 want[i].name);
        const struct parameter *p = parameter_find(&m.parameters, name);
        if (want[i].in[_i] == 0)
            continue;
        ck_assert(p->rows == want[i].rows);
        ck_assert(p->columns == want[i].columns);
        ck_assert(p->decay == want[i].decay);
        for (size_t j = 0; j < 8 && j < p->count; j++)
            ck_assert(reals(m.weights)[p->offset + j]
                      == (real)want[i].at[j]);
    }
    if (_i == 0)
        ck_assert_ptr_null(parameter_find(&m.parameters,
                                          "sublayer.3.hc-static.phi"));
    model_close(&m);
}
END_TEST

// Kinds and numbers that are refused
static const struct {
    const char *connection, *streams, *iterations, *reason;
} refused[] = {
    { "hyper", "4", "20",
      "connection: there is no kind 'hyper', but residual, hc" },
    { "hc", "9", "20",
      "streams: the hc connection takes 8 at most, not 9" },
    { "hc-static", "65", "20", "streams: 65 is not between 1 and 64" },
    { "hc", "0", "20", "streams: 0 is not between 1 and 64" },
    { "hc", "4", "0", "iterations: 0 is not between 1 and 100" },
    { "hc", "4", "101", "iterations: 101 is not between 1 and 100" },
    { "residual", "2", "20",
      "streams: the residual connection takes 1 at most, not 2" },
};
enum { REFUSED = sizeof refused / sizeof refused[0] };

/* fails if more streams than a kind can take are let in */
START_TEST(kinds_and_numbers_that_cannot_be_are_refused)
{
    struct configuration c = configuration_default();
    struct architecture a;
    struct message m = { 0, "" };
    ck_assert(!configuration_set(&c, "connection",
                                 refused[_i].connection, &m)
              || !configuration_set(&c, "streams", refused[_i].streams,
                                    &m)
              || !configuration_set(&c, "iterations",
                                    refused[_i].iterations, &m)
              || !architecture_find(&a, &c, &m));
    ck_assert_int_eq(m.status, EX_USAGE);
    const char *reason = refused[_i].reason;
    ck_assert_msg(strncmp(m.text, reason, strlen(reason)) == 0, "%s",
                  m.text);
}
END_TEST

// What is read is a sum of answers
enum { TALLY = 10, ROOM = TALLY * 8 };

static struct parts {
    real row[TALLY][SITES][3 + 3 + 9], answer[SITES][ROOM],
         input[SITES][ROOM];
} parts;

static void gather(void *context, const struct site *s)
{
    size_t K = mix_row(s->layout.mix, 3);
    (void)context;
    memcpy(parts.input[s->index], reals(s->input), sizeof *parts.input);
    for (size_t t = 0; t < TALLY; t++)
        for (size_t k = 0; k < 15; k++)
            parts.row[t][s->index][k] =
                s->exit ? 1 : reals(s->coefficients)[t * K + k];
    for (size_t i = 0; s->index == 0 && i < ROOM; i++)
        parts.answer[0][i] = reals(s->stream)[i / 8 * 24 + i % 8];
    if (!s->exit)
        memcpy(parts.answer[s->index + 1], reals(s->answer),
               sizeof *parts.answer);
}

/* fails if an answer is weighted after its mixing matrix, not before */
START_TEST(what_is_read_is_the_sum_of_answers_that_unfold_says)
{
    struct model m = whole_open(&hc, 3, 0);
    static real map[SITES * SITES], want[SITES][ROOM];
    whole_scatter(&m);
    m.watch.forward = gather;
    whole_run(&m);
    for (size_t i = 0; i < SITES * ROOM; i++) {
        size_t k = i / ROOM, at = i % ROOM;
        unfold(map, parts.row[at / 8][0], SITES, 3);
        for (size_t j = 0; j < SITES; j++)
            want[k][at] += map[k * SITES + j] * parts.answer[j][at];
    }
    assert_close(parts.input[0], want[0], SITES * ROOM,
                 1e4 * REAL_EPSILON);
    model_close(&m);
}
END_TEST

/* fails if the mixing matrices are multiplied in the wrong order */
START_TEST(unfolding_is_right_at_any_depth)
{
    enum { DEEP = 25, EACH = 2 * 4 + 16 };
    static real row[DEEP][EACH], map[DEEP * DEEP], want[DEEP * DEEP];
    fill_normal(row[0], DEEP * EACH, 1, 0.5);
    for (size_t j = 0; j < DEEP; j++) {
        double x[4] = { j == 0, j == 0, j == 0, j == 0 }, next[4];
        for (size_t k = 0; k < DEEP; k++) {
            double read = 0;
            for (size_t i = 0; i < 4; i++) {
                read += (double)row[k][i] * x[i];
                next[i] = k + 1 == j ? (double)row[k][4 + i] : 0;
                for (size_t f = 0; f < 4; f++)
                    next[i] += (double)row[k][8 + i * 4 + f] * x[f];
            }
            memcpy(x, next, sizeof x);
            want[k * DEEP + j] = (real)read;
        }
    }
    unfold(map, row[0], DEEP, 4);
    for (size_t k = 0; k < DEEP; k++)
        assert_close(map + k * DEEP, want + k * DEEP, DEEP,
                     1e4 * REAL_EPSILON);
}
END_TEST

// The suite of mixing
Suite *mixing_suite(void);
Suite *mixing_suite(void)
{
    Suite *s = suite_create("mixing");
    TCase *c = tcase_create("mixing");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c,
        reading_and_writing_keep_their_word_and_so_does_the_way_back,
        1, MOST + 1);
    tcase_add_loop_test(c,
        a_vector_enters_every_stream_and_the_sum_leaves, 1, MOST + 1);
    tcase_add_test(c, the_two_streams_of_the_text);
    tcase_add_loop_test(c, dynamic_coefficients_are_those_of_the_papers,
                        0, 2 * MOST);
    tcase_add_loop_test(c,
        coefficients_and_gradients_of_a_token_depend_on_it_alone,
        1, MOST + 1);
    tcase_add_test(c, threads_change_no_bit_of_loss_or_gradients);
    tcase_add_loop_test(c,
        the_residual_network_is_a_special_case_bit_for_bit, 0,
        16 * KINDS);
    tcase_add_loop_test(c, what_was_not_declared_has_no_address, 0,
                        KINDS);
    tcase_add_loop_test(c,
        parameters_of_a_kind_have_these_names_shapes_and_decay, 0,
        KINDS);
    tcase_add_loop_test(c, kinds_and_numbers_that_cannot_be_are_refused,
                        0, REFUSED);
    tcase_add_test(c,
        what_is_read_is_the_sum_of_answers_that_unfold_says);
    tcase_add_test(c, unfolding_is_right_at_any_depth);
    tcase_add_test(c, reading_and_writing_are_exact_for_any_token);
    tcase_add_loop_test(c,
        coefficients_of_any_token_agree_with_plain_loops, 0, AT_SIZE);
#ifdef REAL_IS_DOUBLE
    tcase_add_loop_test(c, every_gradient_is_right_for_any_streams,
                        0, 4 * KINDS);
#endif
    return s;
}
