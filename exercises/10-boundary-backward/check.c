#include "boundary/connection.h"
#include "support/fill.h"
#include "support/lab.h"
#include <math.h>
#include <string.h>

enum { T = 12, N = 4, C = 40, ONE = T * C, ALL = T * N * C };
static size_t tokens, streams, width;   /* T, N and C at most */

// A device that is watched
static struct seen {
    size_t rounded, exact, norms;       /* zeros of a storage; calls */
    size_t steps, fused, zeros;         /* before the fused call */
} seen;

static void count(void *reply, const void *request)
{
    const struct seen *more = request;
    *(char *)reply = 0;
    seen.rounded += more->rounded;
    seen.exact += more->exact;
    seen.norms += more->norms;
    seen.steps += more->steps;
    seen.fused += more->fused;
    seen.zeros += more->zeros;
}

IN_CHILD
static void tell(struct seen more)
{
    char reply;
    lab_ask(&reply, &more);
}

IN_CHILD
static void watched_zero(real *x, size_t count, enum storage storage)
{
    tell(storage == ROUNDED ? (struct seen){ .rounded = count }
                            : (struct seen){ .exact = count });
    memset(x, 0, count * sizeof *x);
}

IN_CHILD
static void watched_norm(real *dx, real *dgain, const real *dout,
                         const real *x, const real *inverse_rms,
                         const real *gain, size_t rows, size_t c,
                         bool add)
{
    tell((struct seen){ .norms = 1 });
    cpu.norm.backward(dx, dgain, dout, x, inverse_rms, gain, rows, c,
                      add);
}

static struct device watched;

// A kind with several streams, and one with one
static const real reads[N] = { 0.75, -0.5, 0.25, 1.25 };
static const real leaves[N] = { 1, 2, 0.5, -1 };
static const real writes[N] = { 0.5, 1.5, -0.75, 0.25 };

IN_CHILD
static size_t numbers(const struct connection *k, size_t n)
{
    (void)k;
    return 2 * n + 1;
}

/* the last of a token's coefficients */
IN_CHILD
static size_t last_of(size_t t, size_t n)
{
    return (t + 1) * numbers(NULL, n) - 1;
}

IN_CHILD
static void add_back(const struct site *s, const real *by)
{
    const size_t n = s->streams, c = s->width;
    tell((struct seen){ .steps = 1 });
    for (size_t i = 0; i < s->tokens * n * c; i++)
        s->dstream[i] += by[i / c % n]
                       * s->dinput[i / c / n * c + i % c];
    if (s->connection->coefficients == NULL)
        return;
    for (size_t t = 0; t < s->tokens; t++)
        s->dstream[t * n * c] += s->dcoefficients[last_of(t, n)];
}

IN_CHILD static void read_none(const struct site *s) { (void)s; }
IN_CHILD
static void read_back(const struct site *s) { add_back(s, reads); }
IN_CHILD
static void leave_back(const struct site *s) { add_back(s, leaves); }

IN_CHILD
static void write_none(real *next, const struct site *s)
{
    (void)next;
    (void)s;
}

IN_CHILD
static void spread_back(const struct site *s, const real *dnext)
{
    const size_t n = s->streams, c = s->width;
    for (size_t i = 0; i < s->tokens * n * c; i++)
        s->dstream[i] = dnext[i];
    for (size_t i = 0; i < s->tokens * c; i++) {
        s->danswer[i] = 0;
        for (size_t k = 0; k < n; k++)
            s->danswer[i] += (n == 1 ? 1 : writes[k])
                           * dnext[(i / c * n + k) * c + i % c];
    }
}

IN_CHILD
static void write_back(const struct site *s, const real *dnext)
{
    tell((struct seen){ .steps = 1 });
    spread_back(s, dnext);
}

IN_CHILD
static void fused_back(const struct site *from, const struct site *to)
{
    const size_t n = to->streams;
    struct seen now = { .fused = 1 };
    (void)from;
    for (size_t i = 0; i < to->tokens * n * to->width; i++)
        now.zeros += to->dstream[i] == 0;
    for (size_t i = 0; i < to->tokens * numbers(NULL, n); i++)
        now.zeros += to->dcoefficients[i] == 0;
    tell(now);
}

static const struct connection several_streams = {
    .name = "several streams", .most_streams = N,
    .coefficients = numbers,
    .read = read_none, .read_backward = read_back, .leave = read_none,
    .leave_backward = leave_back, .write = write_none,
    .write_backward = write_back
};
static const struct connection one_stream = {
    .name = "one stream", .most_streams = 1, .write = write_none,
    .write_backward = write_back
};

// What should come back, kind by kind
enum mistake { NONE, NO_READING, NO_WRITE, RUBBISH, READS };

static const char *const sayings[] = { "",
    "a stream without what reading gives back",
    "a stream that lost what came back through the next write",
    "an exit that did not start at zero",
    "an exit that read and did not leave" };

static void through_norm(double *dinput, const struct site *s)
{
    const size_t n = s->width;
    for (size_t t = 0; t < s->tokens; t++) {
        const real *x = s->input + t * n, *dy = s->dnormed + t * n;
        double along = 0, r = (double)s->inverse_rms[t];
        for (size_t c = 0; c < n; c++)
            along += (double)s->gain[c] * (double)dy[c] * (double)x[c];
        along *= r * r / (double)n;
        for (size_t c = 0; c < n; c++)
            dinput[t * n + c] = r * ((double)s->gain[c] * (double)dy[c]
                                     - (double)x[c] * along);
    }
}

static void reference(real *d, const struct site *to, bool zeroed,
                      const real *held, const real *coefficients,
                      enum mistake mistake)
{
    size_t n = to->streams, c = to->width;
    double dinput[ONE];
    const struct connection *k = to->connection;
    const real *by = to->exit && k->leave != NULL && mistake != READS
                   ? leaves : reads;
    bool zero = (zeroed && mistake != RUBBISH) || mistake == NO_WRITE;
    through_norm(dinput, to);
    for (size_t i = 0; i < to->tokens * n * c; i++) {
        double back = dinput[i / c / n * c + i % c]
                    * (k->read == NULL ? 1 : (double)by[i / c % n]);
        if (k->coefficients != NULL && i % (n * c) == 0 && !zero)
            back += (double)coefficients[last_of(i / (n * c), n)];
        d[i] = (real)((zero ? 0 : (double)held[i])
                      + (mistake == NO_READING ? 0 : back));
    }
}

// Check a boundary
static void draw_sizes(void)
{
    static uint64_t which;
    tokens = lab_size(which++, 2, T);
    streams = lab_size(which++, 2, N);
    width = lab_size(which++, 5, C);
    seen = (struct seen){ 0 };
    lab_serve(count, 1, sizeof seen);
}

static struct site site(const struct connection *k, uint64_t seed)
{
    struct site s = { .device = &watched, .connection = k,
                      .tokens = tokens, .width = width,
                      .streams = k->most_streams == 1 ? 1 : streams };
    real **all[] = { &s.stream, &s.input, &s.inverse_rms, &s.normed,
                     &s.dstream, &s.dcoefficients, &s.dinput,
                     &s.dnormed, &s.danswer, &s.dgain };
    real *gain = test_reals(C);
    for (size_t i = 0; i < 10; i++) {
        *all[i] = test_reals(ALL);
        fill_normal(*all[i], ALL, seed + i, 1);
    }
    fill_normal(gain, C, seed + 10, 1);
    s.gain = gain;
    if (k->read == NULL) {
        s.input = s.stream;
        s.dinput = s.dstream;
    }
    return s;
}

/* what a site gives the answer, and what it adds to */
static void declare(const struct connection *k, const struct site *s,
                    const real *held)
{
    const size_t one = tokens * width;
    lab_input("input", s->input, one * sizeof(real));
    lab_input("inverse_rms", s->inverse_rms, tokens * sizeof(real));
    lab_input("dnormed", s->dnormed, one * sizeof(real));
    lab_input("gain", s->gain, width * sizeof(real));
    lab_start(s->dgain, held, width);
    lab_start(s->dstream, held, one * s->streams);
    lab_start(s->dcoefficients, held,
              tokens * numbers(NULL, s->streams));
    if (k->read != NULL)
        lab_unset(s->dinput, one);
}

static void compare_gain(const char *what, const struct site *s,
                         const real *held)
{
    real want[C];
    char name[80];
    for (size_t c = 0; c < width; c++) {
        double sum = (double)held[c];
        for (size_t t = 0; t < tokens; t++)
            sum += (double)s->dnormed[t * width + c]
                 * (double)s->input[t * width + c]
                 * (double)s->inverse_rms[t];
        want[c] = (real)sum;
    }
    snprintf(name, sizeof name, "dgain, %s", what);
    lab_axes("c");
    lab_compare(name, s->dgain, want, &width, 1, 1e-4);
}

static void compare_stream(const char *what, const real *got,
                           const struct site *s, const real *held,
                           bool zeroed)
{
    size_t shape[3] = { tokens, s->streams, width };
    real want[ALL];
    char name[80];
    snprintf(name, sizeof name, "dstream, %s", what);
    lab_axes("tic");
    reference(want, s, zeroed, held, held, NONE);
    if (lab_compare(name, got, want, shape, 3, 1e-4))
        return;
    for (int m = NO_READING; m <= READS; m++) {
        reference(want, s, zeroed, held, held, (enum mistake)m);
        lab_mistake(sayings[m], want);
    }
}

static void check_arrival(const char *what, const struct connection *k,
                          bool exit)
{
    draw_sizes();
    struct site s = site(k, 300);
    real held[ALL], want[ONE];
    double dinput[ONE];
    char name[80];
    fill_normal(held, ALL, 301, 1);
    s.exit = exit;
    declare(k, &s, held);
    lab_call(connection_arrive_backward(k, &s));
    compare_gain(what, &s, held);
    through_norm(dinput, &s);
    for (size_t i = 0; i < tokens * width; i++)
        want[i] = (real)dinput[i];
    snprintf(name, sizeof name, "dinput, %s", what);
    lab_axes("tc");
    if (k->read != NULL)
        lab_compare(name, s.dinput, want,
                    (size_t[]){ tokens, width }, 2, 1e-4);
    compare_stream(what, s.dstream, &s, held, false);
}

static void check_device(const char *what,
                         const struct connection *k,
                         const struct site *to)
{
    const size_t rounded = to->exit ? tokens * to->streams * width : 0;
    const size_t exact = to->exit && k->coefficients != NULL
                       ? tokens * numbers(NULL, to->streams) : 0;
    char name[80];
    snprintf(name, sizeof name, "the device works, %s", what);
    lab_true(name, seen.norms == 1 && seen.rounded >= rounded &&
             seen.exact == exact, "d->norm.backward was called %zu "
             "times, not once, or d->zero had %zu numbers ROUNDED and "
             "%zu EXACT, in place of %zu and %zu", seen.norms,
             seen.rounded, seen.exact, rounded, exact);
}

static void check(const char *what, const struct connection *k,
                  bool exit)
{
    draw_sizes();
    struct site from = site(k, 100), to = site(k, 200);
    real held[ALL], back[ALL], answer[ONE];
    char name[80];
    fill_normal(held, ALL, 201, 1);
    to.index = 1;
    to.exit = exit;
    declare(k, &to, held);
    lab_unset(from.dstream, tokens * from.streams * width);
    lab_unset(from.danswer, tokens * width);
    lab_call(connection_cross_backward(k, &from, &to));
    check_device(what, k, &to);
    compare_gain(what, &to, held);
    compare_stream(what, from.dstream, &to, held, exit);
    reference(back, &to, exit, held, held, NONE);
    struct site expected = { .tokens = tokens, .streams = to.streams,
                             .width = width, .dstream = held,
                             .danswer = answer };
    spread_back(&expected, back);
    snprintf(name, sizeof name, "danswer, %s", what);
    lab_axes("tc");
    lab_compare(name, from.danswer, answer,
                (size_t[]){ tokens, width }, 2, 1e-4);
}

// Check that a fused kind is used
static void cross_fused(const struct connection *k, bool exit)
{
    real held[ALL];
    draw_sizes();
    struct site from = site(k, 1), to = site(k, 2);
    fill_normal(held, ALL, 3, 1);
    to.exit = exit;
    declare(k, &to, held);
    lab_call(connection_cross_backward(k, &from, &to));
}

static void check_fused(void)
{
    struct connection fused = several_streams;
    fused.cross = fused_back;
    fused.cross_backward = fused_back;
    cross_fused(&fused, false);
    lab_true("a fused crossing is used, and nothing else",
             seen.fused == 1 && seen.steps + seen.norms == 0 &&
             seen.zeros == 0, seen.fused != 1
             ? "cross_backward was not called once" : seen.zeros > 0
             ? "what came back through the next write was zeroed"
             : "its steps were done, too");
    cross_fused(&fused, true);
    lab_true("but not at the exit of a kind that leaves",
             seen.fused == 0 && seen.steps == 2, seen.fused > 0
             ? "cross_backward was called there"
             : "the steps were not done");
    struct connection alone = one_stream;
    alone.cross = alone.cross_backward = fused_back;
    cross_fused(&alone, false);
    lab_true("nor is it missed by a kind with one stream",
             seen.fused == 1 && seen.steps + seen.norms == 0,
             seen.fused != 1 ? "cross_backward was not called once"
             : "its steps were done, too");
    cross_fused(&alone, true);
    lab_true("which starts at zero at the exit, too", seen.fused == 1 &&
             seen.zeros == tokens * width,
             seen.fused != 1 ? "cross_backward was not called once"
             : "dstream was not zeroed before");
    fused.leave = NULL;
    cross_fused(&fused, true);
    lab_true("it is at the exit of a kind that reads there",
             seen.fused == 1 && seen.steps + seen.norms == 0 &&
             seen.zeros == tokens * (streams * width +
                                     numbers(NULL, streams)),
             seen.fused != 1 ? "cross_backward was not called once"
             : seen.steps + seen.norms > 0 ? "its steps were done, too"
             : "dstream and dcoefficients were not zeroed before");
}

int main(void)
{
    lab_begin("Lab 10: back over a boundary of any kind");
    watched = cpu;
    watched.zero = watched_zero;
    watched.norm.backward = watched_norm;
    struct connection reading = several_streams;
    reading.leave = NULL;
    reading.leave_backward = NULL;
    struct connection single = several_streams, plain = reading;
    single.most_streams = 1;
    plain.coefficients = NULL;
    check_arrival("several streams, arriving", &several_streams, false);
    check_arrival("one stream, arriving", &one_stream, false);
    check_arrival("several streams, arriving at the exit",
                  &several_streams, true);
    check_arrival("several streams, read at the exit", &reading, true);
    check_arrival("one stream that is read", &single, false);
    check("several streams", &several_streams, false);
    check("one stream", &one_stream, false);
    check("several streams at the exit", &several_streams, true);
    check("one stream at the exit", &one_stream, true);
    check("a kind that reads at the exit", &reading, true);
    check("one stream that is read", &single, false);
    check("one stream that is read, at the exit", &single, true);
    check("a kind without coefficients", &plain, false);
    check("a kind without coefficients, at the exit", &plain, true);
    check_fused();
    return lab_end();
}
