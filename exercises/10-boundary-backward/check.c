#include "boundary/boundary.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/lab.h"
#include <math.h>
#include <string.h>

enum { T = 12, N = 4, C = 40, ONE = T * C, ALL = T * N * C,
       ROW = 2 * N + N * N + N * (N + 2) + N };
static size_t tokens, streams, width;   /* T, N and C at most */

// What should come back, kind by kind
enum mistake { NONE, NO_READING, RUBBISH, LOST, READS };

static const char *const sayings[] = { "",
    "a stream without what reading gives back",
    "an exit that did not start at zero",
    "a stream that lost what came back through the next write",
    "an exit that read and did not leave" };

static void through_norm(double *dinput, const struct site *s)
{
    const size_t n = s->width;
    for (size_t t = 0; t < s->tokens; t++) {
        const real *x = reals(s->input) + t * n, *dy = reals(s->dnormed)
            + t * n;
        double along = 0, r = (double)reals(s->inverse_rms)[t];
        for (size_t c = 0; c < n; c++)
            along += (double)reals(s->gain)[c] * (double)dy[c]
                * (double)x[c];
        along *= r * r / (double)n;
        for (size_t c = 0; c < n; c++)
            dinput[t * n + c] = r
                * ((double)reals(s->gain)[c] * (double)dy[c]
                                     - (double)x[c] * along);
    }
}

/* d [T][n][C], from what was held before */
static void reference(real *d, const struct site *to, const real *held,
                      enum mistake mistake)
{
    size_t n = to->streams, c = to->width, K = layout_row(&to->layout);
    double dinput[ONE];
    bool zero = to->exit ? mistake != RUBBISH : mistake == LOST;
    bool leaves = to->exit && mistake != READS;
    through_norm(dinput, to);
    for (size_t i = 0; i < to->tokens * n * c; i++) {
        size_t t = i / (n * c);
        double by = to->layout.mix == MIX_NONE ? 1
            : !leaves
                ? (double)reals(to->coefficients)[t * K + i / c % n]
            : to->mean ? 1 / (double)n : 1;
        d[i] = (real)((zero ? 0 : (double)held[i])
                      + (mistake == NO_READING ? 0
                         : by * dinput[t * c + i % c]));
    }
}

// Two sites of a lab
static real held[ALL], sums[ROW * N * C];
static real added[ALL];         /* to dstream, by the coefficients */

static struct site site_of(enum mix mix, bool mean, bool exit,
                           uint64_t seed)
{
    size_t n = mix == MIX_NONE ? 1 : streams;
    struct site s = { .device = &cpu, .tokens = tokens, .width = width,
                      .streams = n, .exit = exit, .mean = mean,
                      .layout = layout_of(mix, n, width, 1) };
    struct array *all[] = { &s.stream, &s.input, &s.inverse_rms,
        &s.normed, &s.answer, &s.coefficients, &s.dstream,
        &s.dcoefficients, &s.dinput, &s.dnormed, &s.danswer, &s.dgain,
        &s.phi, &s.alpha, &s.bias, &s.dphi, &s.dalpha, &s.dbias,
        &s.gain };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        *all[i] = test_array(EXACT, 1, ROW * N * C, seed + i, 1);
    if (mix == MIX_NONE) {
        s.input = s.stream;
        s.dinput = s.dstream;
    }
    return s;
}

static void draw_sizes(void)
{
    static uint64_t which;
    tokens = lab_size(which++, 2, T);
    streams = lab_size(which++, 2, N);
    width = lab_size(which++, 5, C);
    fill_normal(held, ALL, 1000 + which, 1);
    fill_normal(sums, ROW * N * C, 2000 + which, 1);
}

/* what a site gives the answer, and what it adds to */
static void declare(const struct site *s)
{
    const struct layout *l = &s->layout;
    const size_t one = tokens * width, K = layout_row(l);
    const size_t own = s->exit || l->mix == MIX_NONE ? 0 : 1;
    lab_input("a site", s, sizeof *s);
    lab_input("input", reals(s->input), one * sizeof(real));
    lab_input("inverse_rms", reals(s->inverse_rms),
              tokens * sizeof(real));
    lab_input("dnormed", reals(s->dnormed), one * sizeof(real));
    lab_input("gain", reals(s->gain), width * sizeof(real));
    lab_start(reals(s->dgain), sums, width);
    lab_start(reals(s->dstream), held, one * s->streams);
    lab_start(reals(s->dphi), sums, own * l->outputs
              * layout_inputs(l));
    lab_start(reals(s->dalpha), sums, own * 3);
    lab_start(reals(s->dbias), sums, own
              * mix_biases(l->mix, l->streams));
    if (l->mix != MIX_NONE) {
        lab_start(reals(s->dcoefficients), sums, tokens * K);
        lab_unset(reals(s->dinput), one);
    }
}

// Check an arrival
static void compare_sums(const char *what, const struct site *s)
{
    real want[C];
    char name[120];
    for (size_t c = 0; c < width; c++) {
        double sum = (double)sums[c];
        for (size_t t = 0; t < tokens; t++)
            sum += (double)reals(s->dnormed)[t * width + c]
                 * (double)reals(s->input)[t * width + c]
                 * (double)reals(s->inverse_rms)[t];
        want[c] = (real)sum;
    }
    snprintf(name, sizeof name, "dgain, %s", what);
    lab_axes("c");
    lab_compare(name, reals(s->dgain), want, &width, 1, 1e-4);
}

/* the gradient of pre, and what the coefficients add, by the book */
static void compare_coefficients(const char *what, const struct site *s,
                                 real *dstream)
{
    const struct layout *l = &s->layout;
    const size_t K = layout_row(l), n = l->streams;
    const size_t biases = mix_biases(l->mix, n);
    const size_t phi = l->outputs * layout_inputs(l);
    static real row[T * ROW], dphi[ROW * N * C], dalpha[3], dbias[ROW];
    double dinput[ONE];
    char name[120];
    real *work = test_reals(mixing_work(l));
    memcpy(row, sums, sizeof row);
    memcpy(dphi, sums, sizeof dphi);
    memcpy(dalpha, sums, sizeof dalpha);
    memcpy(dbias, sums, sizeof dbias);
    through_norm(dinput, s);
    for (size_t i = 0; i < tokens * n; i++) {
        double sum = 0;
        for (size_t c = 0; c < width; c++)
            sum += dinput[i / n * width + c]
                 * (double)reals(s->stream)[i * width + c];
        row[i / n * K + i % n] = (real)sum;
    }
    snprintf(name, sizeof name, "dbias, %s", what);
    mixing_coefficients_backward(
        dstream, dphi, dalpha, dbias, row, work, reals(s->stream),
        reals(s->coefficients), reals(s->phi), reals(s->alpha),
            reals(s->bias), l, tokens);
    lab_axes("k");
    lab_compare(name, reals(s->dbias), dbias, &biases, 1, 1e-3);
    if (phi == 0)
        return;
    snprintf(name, sizeof name, "dphi, %s", what);
    lab_compare(name, reals(s->dphi), dphi, &phi, 1, 1e-3);
    snprintf(name, sizeof name, "dalpha, %s", what);
    lab_compare(name, reals(s->dalpha), dalpha, (size_t[]){ 3 }, 1,
                1e-3);
}

static void compare_stream(const char *what, const real *got,
                           const struct site *s)
{
    size_t shape[3] = { tokens, s->streams, width };
    real want[ALL];
    char name[120];
    snprintf(name, sizeof name, "dstream, %s", what);
    lab_axes("tic");
    reference(want, s, held, NONE);
    for (size_t i = 0; i < tokens * s->streams * width; i++)
        want[i] += added[i];
    if (lab_compare(name, got, want, shape, 3, 1e-3))
        return;
    for (int m = NO_READING; m <= READS; m++) {
        reference(want, s, held, (enum mistake)m);
        for (size_t i = 0; i < tokens * s->streams * width; i++)
            want[i] += m == NO_READING ? 0 : added[i];
        lab_mistake(sayings[m], want);
    }
}

static void compare_arrival(const char *what, const struct site *s,
                            const real *dstream)
{
    real want[ONE];
    double dinput[ONE];
    char name[120];
    bool coefficients = s->layout.mix != MIX_NONE && !s->exit;
    memset(added, 0, sizeof added);
    compare_sums(what, s);
    if (coefficients)
        compare_coefficients(what, s, added);
    through_norm(dinput, s);
    for (size_t i = 0; i < tokens * width; i++)
        want[i] = (real)dinput[i];
    snprintf(name, sizeof name, "dinput, %s", what);
    lab_axes("tc");
    if (s->layout.mix != MIX_NONE)
        lab_compare(name, reals(s->dinput), want,
                    (size_t[]){ tokens, width },
                    2, 1e-4);
    compare_stream(what, dstream, s);
}

static void check_arrival(const char *what, enum mix mix, bool mean,
                          bool exit)
{
    draw_sizes();
    struct site s = site_of(mix, mean, exit, 300);
    char name[120];
    declare(&s);
    lab_call(boundary_arrive_backward(&cpu, &s));
    snprintf(name, sizeof name, "%s, arriving", what);
    if (!exit)
        compare_arrival(name, &s, reals(s.dstream));
    else {
        real alone[ALL];        /* what is held counts here */
        for (size_t i = 0; i < tokens * s.streams * width; i++)
            alone[i] = reals(s.dstream)[i] - held[i];
        compare_arrival(name, &s, alone);
    }
}

// Check a crossing back
static void write_back(real *dstream, real *danswer, real *row,
                       const struct site *from, const struct site *to,
                       bool reading)
{
    real back[ALL];
    size_t all = tokens * to->streams * width;
    memcpy(row, sums, sizeof(real) * T * ROW);
    reference(back, to, held, reading ? NONE : NO_READING);
    for (size_t i = 0; reading && i < all; i++)
        back[i] += added[i];
    if (from->layout.mix == MIX_NONE) {
        memcpy(dstream, back, sizeof(real) * all);
        memcpy(danswer, back, sizeof(real) * all);
        return;
    }
    mixing_write_backward(dstream, danswer, row, back,
                          reals(from->stream),
                          reals(from->answer),
                              reals(from->coefficients),
                          &from->layout, tokens);
}

static void check(const char *what, enum mix mix, bool mean, bool exit)
{
    draw_sizes();
    struct site from = site_of(mix, mean, false, 100);
    struct site to = site_of(mix, mean, exit, 200);
    const size_t n = to.streams, K = layout_row(&from.layout);
    to.index = 1;
    lab_input("from", &from, sizeof from);
    declare(&to);
    lab_unset(reals(from.dstream), tokens * n * width);
    lab_unset(reals(from.danswer), tokens * width);
    if (mix != MIX_NONE)
        lab_start(reals(from.dcoefficients), sums, tokens * K);
    lab_call(boundary_cross_backward(&cpu, &from, &to));
    compare_arrival(what, &to, reals(to.dstream));
    // Compare what came back through the write
    real dstream[ALL], danswer[ONE];
    static real row[T * ROW];
    char name[120];
    write_back(dstream, danswer, row, &from, &to, true);
    snprintf(name, sizeof name, "dcoefficients before, %s", what);
    lab_axes("tk");
    if (mix != MIX_NONE)
        lab_compare(name, reals(from.dcoefficients), row,
                    (size_t[]){ tokens, K }, 2, 1e-3);
    snprintf(name, sizeof name, "dstream before, %s", what);
    lab_axes("tic");
    lab_compare(name, reals(from.dstream), dstream,
                (size_t[]){ tokens, n, width }, 3, 1e-3);
    snprintf(name, sizeof name, "danswer, %s", what);
    lab_axes("tc");
    if (!lab_compare(name, reals(from.danswer), danswer,
                     (size_t[]){ tokens, width }, 2, 1e-3)) {
        write_back(dstream, danswer, row, &from, &to, false);
        lab_mistake(sayings[NO_READING], danswer);
    }
}

int main(void)
{
    static const struct { const char *name; enum mix mix; bool mean; }
    kind[] = { { "one stream", MIX_NONE, false },
               { "several streams", MIX_STATIC, false },
               { "streams that leave by their mean", MIX_STATIC, true },
               { "projected streams", MIX_TANH_THREE, false } };
    lab_begin("Lab 10: back over a boundary of any kind");
    for (size_t k = 0; k < 4; k++)
        for (int exit = 0; exit < 2; exit++) {
            char name[80];
            snprintf(name, sizeof name, "%s%s", kind[k].name,
                     exit ? ", at the exit" : "");
            check_arrival(name, kind[k].mix, kind[k].mean, exit);
            check(name, kind[k].mix, kind[k].mean, exit);
        }
    return lab_end();
}
