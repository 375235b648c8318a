#include "boundary/boundary.h"
#include "model/kinds.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include <string.h>

START_TEST(connections_are_found_by_their_names)
{
    for (size_t i = 0; connections[i] != NULL; i++) {
        const struct connection *k = connections[i];
        ck_assert_ptr_eq(connection_find(k->name), k);
        ck_assert(k->most_streams >= 1 && strlen(k->summary) > 0);
        ck_assert(strlen(k->name) < 32);
    }
    ck_assert_ptr_eq(connection_find("residual"), &residual);
    ck_assert(connection_coefficients(&residual, 1) == 0);
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

START_TEST(the_residual_crosses_at_once_as_apart_bit_for_bit)
{
    struct site from[3], to[3];
    for (size_t k = 0; k < 3; k++) {
        from[k] = site_of(3, 100);
        to[k] = site_of(4, 200);
        to[k].exit = _i;
        to[k].apart = k == 0;
        if (k == 2)
            fill_normal(to[k].dstream, MUCH, 7, 1);
        boundary_cross(&from[k], &to[k]);
        boundary_cross_backward(&from[k], &to[k]);
    }
    assert_same(to[1].stream, to[0].stream, MUCH);
    assert_same(to[1].inverse_rms, to[0].inverse_rms, T);
    assert_same(to[1].normed, to[0].normed, MUCH);
    assert_same(to[1].dgain, to[0].dgain, C);
    assert_same(from[1].dstream, from[0].dstream, MUCH);
    assert_same(from[1].danswer, from[0].danswer, MUCH);
    assert_same(from[0].danswer, from[0].dstream, MUCH);
    ck_assert(compare_bits(NULL, "", from[2].dstream, from[1].dstream,
                           MUCH) == _i);
}
END_TEST

// The suite of the boundary
Suite *boundary_suite(void);
Suite *boundary_suite(void)
{
    Suite *s = suite_create("boundary");
    TCase *c = tcase_create("residual");
    suite_add_tcase(s, c);
    tcase_add_test(c, connections_are_found_by_their_names);
    tcase_add_loop_test(c,
        the_residual_crosses_at_once_as_apart_bit_for_bit, 0, 2);
    return s;
}
