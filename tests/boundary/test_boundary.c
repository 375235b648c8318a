#include "support/cpu.h"
#include "boundary/boundary.h"
#include "model/kinds.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include <string.h>

/* fails if the beginning of a name finds a kind */
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
    s.stream = test_array(STREAM, T, C, seed, 1);
    s.inverse_rms = test_array(EXACT, T, 1, seed + 1, 1);
    s.normed = test_array(ACTIVATION, T, C, seed + 2, 1);
    s.answer = test_array(ACTIVATION, T, C, seed + 3, 1);
    s.dstream = test_array(STREAM, T, C, seed + 4, 1);
    s.dnormed = test_array(GRADIENT, T, C, seed + 5, 1);
    s.danswer = test_array(GRADIENT, T, C, seed + 6, 1);
    s.dgain = test_array(MASTER, 1, C, seed + 7, 1);
    s.gain = test_array(MASTER, 1, C, seed + 9, 1);
    s.input = s.stream;
    s.dinput = s.dstream;
    return s;
}

/* fails if what stood in dstream at the exit is added to */
START_TEST(the_residual_crosses_at_once_as_apart_bit_for_bit)
{
    struct site from[3], to[3];
    for (size_t k = 0; k < 3; k++) {
        from[k] = site_of(3, 100);
        to[k] = site_of(4, 200);
        to[k].exit = _i;
        to[k].apart = k == 0;
        if (k == 2)
            fill_normal(reals(to[k].dstream), MUCH, 7, 1);
        device_cross(&cpu, &from[k], &to[k]);
        device_cross_backward(&cpu, &from[k], &to[k]);
    }
    assert_same(reals(to[1].stream), reals(to[0].stream), MUCH);
    assert_same(reals(to[1].inverse_rms), reals(to[0].inverse_rms), T);
    assert_same(reals(to[1].normed), reals(to[0].normed), MUCH);
    assert_same(reals(to[1].dgain), reals(to[0].dgain), C);
    assert_same(reals(from[1].dstream), reals(from[0].dstream), MUCH);
    assert_same(reals(from[1].danswer), reals(from[0].danswer), MUCH);
    assert_same(reals(from[0].danswer), reals(from[0].dstream), MUCH);
    ck_assert(compare_bits(NULL, "", reals(from[2].dstream),
                           reals(from[1].dstream),
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
