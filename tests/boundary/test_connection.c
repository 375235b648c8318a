#include "boundary/connection.h"
#include "boundary/residual.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include <string.h>

// What is called, and in which order
static char calls[32];
static real numbers[8][4];

static void note(char call)
{
    calls[strlen(calls)] = call;
}

static void note_read(const struct site *s) { (void)s; note('r'); }
static void note_leave(const struct site *s) { (void)s; note('l'); }
static void back_leave(const struct site *s) { (void)s; note('L'); }

static void back_read(const struct site *s)
{
    (void)s;
    note(numbers[0][0] == 0 && numbers[0][3] == 0 &&
         numbers[1][0] == 0 && numbers[1][1] == 0 &&
         numbers[1][2] == 9 ? '0' : 'R');
}

static void note_write(real *next, const struct site *s)
{
    (void)next;
    (void)s;
    note('w');
}

static void back_write(const struct site *s, const real *dnext)
{
    (void)s;
    note(dnext == numbers[0] ? 'W' : '?');
}

static void note_cross(const struct site *from, const struct site *to)
{
    note(from->exit || to->index == 0 ? '?' : 'x');
}

static void back_cross(const struct site *from, const struct site *to)
{
    note(from->exit || to->index == 0 ? '?' : 'X');
}

static void note_norm(real *out, real *r, const real *x,
                      const real *gain, size_t rows, size_t width)
{
    (void)out; (void)r; (void)x; (void)gain;
    note(rows == 1 && width == 2 ? 'n' : '?');
}

static void back_norm(real *dx, real *dgain, const real *dout,
                      const real *x, const real *r, const real *gain,
                      size_t rows, size_t width, bool add)
{
    (void)dx; (void)dgain; (void)dout; (void)x; (void)r; (void)gain;
    note(rows != 1 || width != 2 ? '?' : add ? '+' : 'N');
}

static size_t two(const struct connection *k, size_t streams)
{
    (void)k;
    return streams;
}

// Tests of the order
static const char *cross_and_back(const struct connection *k, bool exit)
{
    struct device d = cpu;
    d.norm = (struct norm){ note_norm, back_norm };
    struct site from = { .device = &d, .tokens = 1, .streams = 2,
                         .width = 2, .dstream = numbers[2] };
    struct site to = from;
    to.index = 1;
    to.exit = exit;
    to.dstream = numbers[0];
    to.dcoefficients = numbers[1];
    for (size_t i = 0; i < 8; i++)
        numbers[i / 4][i % 4] = 9;
    memset(calls, 0, sizeof calls);
    connection_cross(k, &from, &to);
    connection_cross_backward(k, &from, &to);
    return calls;
}

#define HALVES .coefficients = two, .read = note_read, \
    .read_backward = back_read, .write = note_write, \
    .write_backward = back_write

START_TEST(a_boundary_is_crossed_by_halves_or_at_once)
{
    const struct connection halves = { HALVES };
    const struct connection left = { HALVES, .leave = note_leave,
        .leave_backward = back_leave };
    const struct connection fused = { HALVES, .cross = note_cross,
        .cross_backward = back_cross };
    const struct connection both = { HALVES, .leave = note_leave,
        .leave_backward = back_leave, .cross = note_cross,
        .cross_backward = back_cross };
    const struct connection bare = { .write = note_write,
        .write_backward = back_write };
    ck_assert_str_eq(cross_and_back(&halves, false), "wrnNRW");
    ck_assert_str_eq(cross_and_back(&halves, true), "wrnN0W");
    ck_assert_str_eq(cross_and_back(&left, false), "wrnNRW");
    ck_assert_str_eq(cross_and_back(&left, true), "wlnNLW");
    ck_assert_str_eq(cross_and_back(&fused, false), "xX");
    ck_assert_str_eq(cross_and_back(&fused, true), "xX");
    ck_assert(numbers[0][0] == 0 && numbers[0][3] == 0);
    ck_assert_str_eq(cross_and_back(&both, false), "xX");
    ck_assert(numbers[0][0] == 9 && numbers[1][0] == 9);
    ck_assert_str_eq(cross_and_back(&both, true), "wlnNLW");
    ck_assert_str_eq(cross_and_back(&bare, false), "wn+W");
    ck_assert_str_eq(cross_and_back(&bare, true), "wn+W");
}
END_TEST

START_TEST(connections_are_found_by_their_names)
{
    for (size_t i = 0; connections[i] != NULL; i++) {
        const struct connection *k = connections[i];
        ck_assert_ptr_eq(connection_find(k->name), k);
        ck_assert(k->most_streams >= 1 && strlen(k->summary) > 0);
        ck_assert(strlen(k->name) < 32);
    }
    ck_assert_ptr_eq(connection_find("residual"), &residual);
    ck_assert_ptr_null(connection_find("residua"));
    ck_assert_ptr_null(connection_find(""));
}
END_TEST

// Tests of the residual at a boundary
enum { T = 5, C = 7, MUCH = T * C };

static struct site site_of(size_t index, uint64_t seed)
{
    struct site s = { .device = &cpu, .index = index, .tokens = T,
                      .streams = 1, .width = C };
    real **arrays[] = { &s.stream, &s.inverse_rms, &s.normed, &s.answer,
                        &s.dstream, &s.dnormed, &s.danswer, &s.dgain };
    for (size_t i = 0; i < 8; i++) {
        *arrays[i] = test_reals(MUCH);
        fill_normal(*arrays[i], MUCH, seed + i, 1);
    }
    real *gain = test_reals(C);
    fill_normal(gain, C, seed + 9, 1);
    s.gain = gain;
    s.input = s.stream;
    s.dinput = s.dstream;
    return s;
}

START_TEST(the_residual_crosses_at_once_as_by_halves_bit_for_bit)
{
    struct connection halves = residual;
    struct site from[2], to[2];
    halves.cross = NULL;
    for (size_t k = 0; k < 2; k++) {
        const struct connection *kind = k == 0 ? &halves : &residual;
        from[k] = site_of(3, 100);
        to[k] = site_of(4, 200);
        to[k].exit = _i;
        connection_cross(kind, &from[k], &to[k]);
        connection_cross_backward(kind, &from[k], &to[k]);
    }
    ck_assert_ptr_nonnull(residual.cross);
    assert_same(to[1].stream, to[0].stream, MUCH);
    assert_same(to[1].inverse_rms, to[0].inverse_rms, T);
    assert_same(to[1].normed, to[0].normed, MUCH);
    assert_same(to[1].dgain, to[0].dgain, C);
    assert_same(from[1].dstream, from[0].dstream, MUCH);
    assert_same(from[1].danswer, from[0].danswer, MUCH);
    assert_same(from[0].danswer, from[0].dstream, MUCH);
}
END_TEST

// The suite of the connections
Suite *connection_suite(void);
Suite *connection_suite(void)
{
    Suite *s = suite_create("connection");
    TCase *c = tcase_create("boundary");
    suite_add_tcase(s, c);
    tcase_add_test(c, a_boundary_is_crossed_by_halves_or_at_once);
    tcase_add_test(c, connections_are_found_by_their_names);
    tcase_add_loop_test(c,
        the_residual_crosses_at_once_as_by_halves_bit_for_bit, 0, 2);
    return s;
}
