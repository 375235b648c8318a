#include "connection/connection.h"
#include "support/fill.h"
#include "support/lab.h"
#include <math.h>
#include <string.h>

enum { T = 4, N = 2, C = 9, ONE = T * C, ALL = T * N * C };

// A kind with two streams, and one with one
static const real reads[N] = { 0.75, -0.5 }, leaves[N] = { 1, 2 };
static const real writes[N] = { 0.5, 1.5 };
static int used_fused;

IN_CHILD
static void add_back(const struct site *s, const real *by)
{
    for (size_t i = 0; i < ALL; i++)
        s->dstream[i] += by[i / C % N]
                       * s->dinput[i / C / N * C + i % C];
    for (size_t t = 0; t < T; t++)
        s->dstream[t * N * C] += s->dcoefficients[2 * t];
}

IN_CHILD static void read_two(const struct site *s) { (void)s; }
IN_CHILD
static void read_back(const struct site *s) { add_back(s, reads); }
IN_CHILD
static void leave_back(const struct site *s) { add_back(s, leaves); }
IN_CHILD
static size_t two_numbers(size_t streams) { return streams; }

IN_CHILD
static void write_two(real *next, const struct site *s)
{
    (void)next;
    (void)s;
}

IN_CHILD
static void write_back(const struct site *s, const real *dnext)
{
    for (size_t i = 0; i < T * s->streams * C; i++)
        s->dstream[i] = dnext[i];
    for (size_t i = 0; i < ONE; i++)
        s->danswer[i] = s->streams == 1 ? dnext[i]
            : writes[0] * dnext[i / C * N * C + i % C]
            + writes[1] * dnext[(i / C * N + 1) * C + i % C];
}

IN_CHILD
static void fused_back(const struct site *from, const struct site *to)
{
    (void)from;
    used_fused += !to->exit ? 1 : to->dstream[0] == 0 ? 10 : 100;
}

static const struct connection two_streams = {
    .name = "two streams", .most_streams = N,
    .coefficients = two_numbers,
    .read = read_two, .read_backward = read_back, .leave = read_two,
    .leave_backward = leave_back, .write = write_two,
    .write_backward = write_back
};
static const struct connection one_stream = {
    .name = "one stream", .most_streams = 1, .write = write_two,
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
    for (size_t t = 0; t < T; t++) {
        const real *x = s->input + t * C, *dy = s->dnormed + t * C;
        double along = 0, r = (double)s->inverse_rms[t];
        for (size_t c = 0; c < C; c++)
            along += (double)s->gain[c] * (double)dy[c] * (double)x[c];
        for (size_t c = 0; c < C; c++)
            dinput[t * C + c] = r * ((double)s->gain[c] * (double)dy[c]
                              - (double)x[c] * r * r * along / C);
    }
}

static bool leaving;            /* does the kind leave at the exit? */

static void reference(real *d, const struct site *to, bool zeroed,
                      const real *held, const real *coefficients,
                      enum mistake mistake)
{
    size_t n = to->streams;
    double dinput[ONE];
    const real *by = to->exit && leaving && mistake != READS ? leaves
                   : reads;
    bool zero = (zeroed && mistake != RUBBISH) || mistake == NO_WRITE;
    through_norm(dinput, to);
    for (size_t i = 0; i < T * n * C; i++) {
        double back = dinput[i / C / n * C + i % C]
                    * (n == 1 ? 1 : (double)by[i / C % n]);
        if (n > 1 && i % (n * C) == 0 && !zero)
            back += (double)coefficients[2 * (i / (n * C))];
        d[i] = (real)((zero ? 0 : (double)held[i])
                      + (mistake == NO_READING ? 0 : back));
    }
}

// Check a boundary
static struct site site(const struct connection *k, uint64_t seed)
{
    struct site s = { .device = &cpu, .tokens = T, .width = C,
                      .streams = k->most_streams };
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
    lab_input("input", s->input, ONE * sizeof(real));
    lab_input("inverse_rms", s->inverse_rms, T * sizeof(real));
    lab_input("dnormed", s->dnormed, ONE * sizeof(real));
    lab_input("gain", s->gain, C * sizeof(real));
    lab_start(s->dgain, held, C);
    lab_start(s->dstream, held, T * s->streams * C);
    lab_start(s->dcoefficients, held, 2 * T);
    if (k->read != NULL)
        lab_unset(s->dinput, ONE);
}

static void compare_gain(const char *what, const struct site *s,
                         const real *held)
{
    real want[C];
    char name[80];
    for (size_t c = 0; c < C; c++) {
        double sum = (double)held[c];
        for (size_t t = 0; t < T; t++)
            sum += (double)s->dnormed[t * C + c]
                 * (double)s->input[t * C + c]
                 * (double)s->inverse_rms[t];
        want[c] = (real)sum;
    }
    snprintf(name, sizeof name, "dgain, %s", what);
    lab_axes("c");
    lab_compare(name, s->dgain, want, (size_t[]){ C }, 1, 1e-4);
}

static void compare_stream(const char *what, const real *got,
                           const struct site *s, const real *held,
                           bool zeroed)
{
    size_t shape[3] = { T, s->streams, C };
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
    struct site s = site(k, 300);
    leaving = k->leave != NULL;
    real held[ALL], want[ONE];
    double dinput[ONE];
    char name[80];
    fill_normal(held, ALL, 301, 1);
    s.exit = exit;
    declare(k, &s, held);
    lab_call(connection_arrive_backward(k, &s));
    compare_gain(what, &s, held);
    through_norm(dinput, &s);
    for (size_t i = 0; i < ONE; i++)
        want[i] = (real)dinput[i];
    snprintf(name, sizeof name, "dinput, %s", what);
    lab_axes("tc");
    if (k->read != NULL)
        lab_compare(name, s.dinput, want, (size_t[]){ T, C }, 2, 1e-4);
    compare_stream(what, s.dstream, &s, held, false);
}

static void check(const char *what, const struct connection *k,
                  bool exit)
{
    struct site from = site(k, 100), to = site(k, 200);
    leaving = k->leave != NULL;
    real held[ALL], back[ALL], answer[ONE];
    char name[80];
    fill_normal(held, ALL, 201, 1);
    to.index = 1;
    to.exit = exit;
    declare(k, &to, held);
    lab_unset(from.dstream, T * from.streams * C);
    lab_unset(from.danswer, ONE);
    lab_call(connection_cross_backward(k, &from, &to));
    compare_gain(what, &to, held);
    compare_stream(what, from.dstream, &to, held, exit);
    reference(back, &to, exit, held, held, NONE);
    struct site expected = { .streams = to.streams, .dstream = held,
                             .danswer = answer };
    write_back(&expected, back);
    snprintf(name, sizeof name, "danswer, %s", what);
    lab_axes("tc");
    lab_compare(name, from.danswer, answer, (size_t[]){ T, C }, 2,
                1e-4);
}

// Check that a fused kind is used
#define CROSS_FUSED() \
    lab_output(&used_fused, sizeof used_fused); \
    lab_call(connection_cross_backward(&fused, &from, &to))

static void check_fused(void)
{
    struct connection fused = two_streams;
    struct site from = site(&fused, 1), to = site(&fused, 2);
    fused.cross = fused_back;
    fused.cross_backward = fused_back;
    CROSS_FUSED();
    lab_true("a fused crossing is used", used_fused == 1,
             "cross_backward was not called once");
    to.exit = true;
    CROSS_FUSED();
    lab_true("but not at the exit of a kind that leaves",
             used_fused == 1, "cross_backward was called there");
    fused.leave = NULL;
    CROSS_FUSED();
    lab_true("it is at the exit of a kind that reads there",
             used_fused == 11, used_fused > 11
             ? "dstream was not zeroed before"
             : "cross_backward was not called there");
}

int main(void)
{
    lab_begin("Lab 10: back over a boundary of any kind");
    check_arrival("two streams, arriving", &two_streams, false);
    check_arrival("one stream, arriving", &one_stream, false);
    check_arrival("two streams, arriving at the exit", &two_streams,
                  true);
    struct connection reading = two_streams;
    reading.leave = NULL;
    reading.leave_backward = NULL;
    check_arrival("two streams, read at the exit", &reading, true);
    check("two streams", &two_streams, false);
    check("one stream", &one_stream, false);
    check("two streams at the exit", &two_streams, true);
    check("one stream at the exit", &one_stream, true);
    check_fused();
    return lab_end();
}
