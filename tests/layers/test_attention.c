#include "layers/reference.h"
#include "ground/memory.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/suite.h"
#include <omp.h>
#include <string.h>

#define TOLERANCE (256 * (double)REAL_EPSILON)

// A run of attention
struct run {
    struct attention_shape s;
    real *qkv, *out, *lse, *dout, *dqkv;
};

static void unwritten(const real *x, size_t count)
{
    for (size_t i = count; i < 3 * count; i++)
        ck_assert(isnan(x[i]));
}

static void run_attention(struct run *r)
{
    size_t count = r->s.lent > 0 ? r->s.lent : attention_scratch(&r->s);
    real *scratch = test_unset(3 * count);
    attention_forward(r->out, r->lse, r->qkv, &r->s, scratch);
    if (r->s.first == 0)
        attention_backward(r->dqkv, r->dout, r->out, r->lse, r->qkv,
                           &r->s, scratch);
    unwritten(scratch, count);
    unwritten(r->out, out_count(&r->s));
    unwritten(r->lse, lse_count(&r->s));
    unwritten(r->dqkv, qkv_count(&r->s));
}

static struct run run_of(struct attention_shape s, double scale)
{
    struct run r = { .s = s };
    r.qkv = test_reals(3 * qkv_count(&s));
    r.dout = test_reals(3 * out_count(&s));
    r.out = test_unset(3 * out_count(&s));
    r.lse = test_unset(3 * lse_count(&s));
    r.dqkv = test_unset(3 * qkv_count(&s));
    fill_normal(r.qkv, qkv_count(&s), 1, scale);
    fill_normal(r.dout, out_count(&s), 2, 1);
    run_attention(&r);
    return r;
}

// Shapes for the tests
static const struct attention_shape shapes[] = {
    { .sequences = 1, .length = 1, .heads = 1, .head_size = 2 },
    { .sequences = 2, .length = 2, .heads = 3, .head_size = 1 },
    { .sequences = 3, .length = 17, .heads = 2, .head_size = 6 },
    { .sequences = 1, .length = 63, .heads = 2, .head_size = 5 },
    { .sequences = 2, .length = 64, .heads = 1, .head_size = 16 },
    { .sequences = 1, .length = 65, .heads = 3, .head_size = 4 },
    { .sequences = 1, .length = 130, .heads = 2, .head_size = 33 },
    { .sequences = 2, .length = 7, .heads = 2, .head_size = 8,
      .tile = 1 },
    { .sequences = 2, .length = 10, .heads = 3, .head_size = 4,
      .tile = 3 },
    { .sequences = 1, .length = 12, .heads = 1, .head_size = 4,
      .tile = 4 },
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

// Tests of attention
/* fails if the scale, D or the mask is left out of one of the passes */
START_TEST(three_positions_come_out_as_by_hand)
{
    const real a = (real)sqrt(2), two = (real)log(2);
    const real three = (real)log(3);
    real qkv[] = { a, 0, 0,     3, 6, 0,
                   a, 0, two,   0, 0, 6,
                   a, 0, three, 0, 6, 6 };
    const real out[] = { 6, 0, 2, 4, 4, 5 };
    const real lse[] = { 0, three, (real)log(6) };
    struct run r = run_of((struct attention_shape){
        .sequences = 1, .length = 3, .heads = 1, .head_size = 2 }, 1);
    memcpy(r.qkv, qkv, sizeof qkv);
    memset(r.dout, 0, 6 * sizeof(real));
    r.dout[4] = 1;
    run_attention(&r);
    assert_close(r.out, out, 6, TOLERANCE);
    assert_close(r.lse, lse, 3, TOLERANCE);
    // Compare the gradients with those by hand
    const real third = (real)(1. / 3), half = (real)0.5;
    const real dqkv[] = {
        0, 0, third, 0, third / 2, 0,
        0, 0, -4 * third, 0, third, 0,
        (real)((log(3) - log(2) * 4 / 3) / sqrt(2)), (real)sqrt(0.5),
        1, 0, half, 0 };
    assert_close(r.dqkv, dqkv, 18, TOLERANCE);
}
END_TEST

static void assert_defined(struct attention_shape s, double tolerance)
{
    struct run r = run_of(s, 1);
    size_t out_size = out_count(&r.s), lse_size = lse_count(&r.s);
    size_t qkv_size = qkv_count(&r.s);
    real *out = test_unset(out_size), *lse = test_unset(lse_size);
    real *dqkv = test_unset(qkv_size);
    reference_forward(out, lse, r.qkv, &r.s);
    assert_close(r.out, out, out_size, tolerance);
    assert_close(r.lse, lse, lse_size, tolerance);
    if (s.first > 0)
        return;
    reference_backward(dqkv, r.dout, r.qkv, &r.s, NONE);
    assert_close(r.dqkv, dqkv, qkv_size, tolerance);
}

/* fails if a short tile at the end loses
   rows, or begins at a wrong key */
START_TEST(attention_agrees_with_its_definition)
{
    assert_defined(shapes[_i], TOLERANCE);
}
END_TEST

/* fails if a head begins at a wrong place, from some length on */
START_TEST(attention_of_six_heads_agrees_at_any_length)
{
    static const struct attention_shape large[] = {
        { .sequences = 4, .length = 256, .heads = 6, .head_size = 32 },
        { .sequences = 1, .length = 1031, .heads = 6, .head_size = 16 },
        { .sequences = 1, .first = 255, .length = 1, .heads = 6,
          .head_size = 32 },
        { .sequences = 1, .first = 129, .length = 127, .heads = 6,
          .head_size = 32 },
    };
    assert_defined(large[_i], 4 * TOLERANCE);
}
END_TEST

#ifdef REAL_IS_DOUBLE
static double loss_of(void *context)
{
    struct run *r = context;
    real *scratch = test_reals(attention_scratch(&r->s));
    attention_forward(r->out, r->lse, r->qkv, &r->s, scratch);
    return dot(r->out, r->dout, out_count(&r->s));
}

/* fails if code and reference agree on
   gradients that are not the slope */
START_TEST(attention_backward_is_the_gradient)
{
    struct run r = run_of((struct attention_shape){ .sequences = 2,
        .length = 7, .heads = 2, .head_size = 4, .tile = 3 }, 1);
    assert_gradient(difference_check(loss_of, &r, r.qkv, r.dqkv,
                                     qkv_count(&r.s)));
}
END_TEST
#endif

/* fails if a later row changes an
   answer, or gets any gradient at all */
START_TEST(no_answer_depends_on_what_comes_later)
{
    struct attention_shape s = { .sequences = 1, .length = 70,
                                 .heads = 2, .head_size = 6 };
    struct run r = run_of(s, 1), changed = run_of(s, 1);
    static const size_t later[] = { 1, 2, 17, 63, 64, 65, 69 };
    size_t t = later[_i], width = width_of(&s);
    size_t rest = (s.length - t) * width;
    fill_normal(changed.qkv + 3 * t * width, 3 * rest, 3, 2);
    memset(changed.dout + t * width, 0, rest * sizeof(real));
    run_attention(&changed);
    assert_same(changed.out, r.out, t * width);
    assert_same(changed.lse, r.lse, t * s.heads);
    ck_assert(changed.out[t * width] != r.out[t * width]);
    for (size_t i = 3 * t * width; i < qkv_count(&s); i++)
        ck_assert(changed.dqkv[i] == 0);
}
END_TEST

/* fails if the probabilities of a row do not sum to one */
START_TEST(the_average_of_equal_values_is_that_value)
{
    struct run r = run_of(shapes[_i], 3);
    size_t width = width_of(&r.s);
    size_t rows = r.s.sequences * r.s.length;
    real *want = test_reals(out_count(&r.s));
    for (size_t t = 0; t < rows; t++)
        for (size_t c = 0; c < width; c++)
            want[t * width + c] = r.qkv[(3 * t + 2) * width + c] =
                (real)c + 1;
    run_attention(&r);
    assert_close(r.out, want, rows * width, TOLERANCE);
}
END_TEST

/* fails if the search for the largest score
   begins at 0, or nothing is subtracted */
START_TEST(extreme_scores_are_safe)
{
    struct attention_shape s = { .sequences = 1, .length = 5,
                                 .heads = 1, .head_size = 4 };
    struct run r = run_of(s, 1);
    for (size_t t = 0; t < 5; t++)
        for (size_t c = 0; c < 4; c++) {
            r.qkv[12 * t + c] = t == 3 ? -50 : 50;
            r.qkv[12 * t + 4 + c] = t == 2 ? 100 : -100;
        }
    run_attention(&r);
    static const size_t chosen[] = { 0, 0, 2, 0, 2 };
    // See that each position got what it was bound to choose
    for (size_t t = 0; t < 5; t++) {
        const real *got = r.out + 4 * t, *v = r.qkv + 8;
        real want[4];
        for (size_t c = 0; c < 4; c++)
            want[c] = t == 1 ? (v[c] + v[12 + c]) / 2 :
                      t == 3 ? (v[c] + v[12 + c] + v[36 + c]) / 3 :
                      v[12 * chosen[t] + c];
        assert_close(got, want, 4, TOLERANCE);
    }
    for (size_t i = 0; i < qkv_count(&s); i++)
        ck_assert(isfinite(r.dqkv[i]));
}
END_TEST

/* fails if earlier queries are read, or earlier keys left out */
START_TEST(earlier_rows_serve_as_the_cache)
{
    static const size_t firsts[] = { 1, 5, 64, 69 };
    struct attention_shape s = { .sequences = 1, .length = 70,
                                 .heads = 3, .head_size = 6 };
    struct run whole = run_of(s, 1);
    s.first = firsts[_i];
    s.length -= s.first;
    struct run part = run_of(s, 1);
    size_t width = width_of(&s);
    for (size_t t = 0; t < s.first; t++)
        for (size_t c = 0; c < width; c++)
            part.qkv[3 * t * width + c] = NAN;
    run_attention(&part);
    assert_close(part.out, whole.out + s.first * width,
                 out_count(&s), TOLERANCE);
    assert_close(part.lse, whole.lse + s.first * s.heads,
                 lse_count(&s), TOLERANCE);
}
END_TEST

/* fails if a sequence begins where its
   length without the earlier rows says */
START_TEST(every_sequence_has_its_own_cache)
{
    assert_defined((struct attention_shape){ .sequences = 3,
        .first = 4, .length = 5, .heads = 2, .head_size = 6,
        .tile = 2 }, TOLERANCE);
}
END_TEST

/* fails if two threads share their scratch, or split one head */
START_TEST(the_number_of_threads_changes_no_bit)
{
    struct attention_shape s = { .sequences = 3, .length = 70,
                                 .heads = 3, .head_size = 8 };
    omp_set_num_threads(1);
    size_t scratch = attention_scratch(&s);
    struct run one = run_of(s, 1);
    omp_set_num_threads(_i);
    ck_assert_uint_eq(attention_scratch(&s), (size_t)_i * scratch);
    struct run many = run_of(s, 1);
    assert_same(many.out, one.out, out_count(&s));
    assert_same(many.lse, one.lse, lse_count(&s));
    assert_same(many.dqkv, one.dqkv, qkv_count(&s));
}
END_TEST

/* fails if more threads work than there are shares of scratch */
START_TEST(no_thread_works_outside_the_scratch_that_was_lent)
{
    struct attention_shape s = { .sequences = 3, .length = 70,
                                 .heads = 3, .head_size = 8 };
    omp_set_num_threads(1);
    s.lent = attention_scratch(&s);
    struct run one = run_of(s, 1);
    omp_set_num_threads(4);
    struct run four = run_of(s, 1);
    assert_same(four.out, one.out, out_count(&s));
    assert_same(four.dqkv, one.dqkv, qkv_count(&s));
}
END_TEST

/* fails if the scratch grows with the square
   of the length, or with the heads */
START_TEST(scratch_is_two_tiles_and_no_square)
{
    struct attention_shape s = { .sequences = 8, .length = 1024,
                                 .heads = 6, .head_size = 64 };
    omp_set_num_threads(1);
    ck_assert_uint_eq(attention_scratch(&s), 2 * 64 * 1024);
    s.tile = 16;
    ck_assert_uint_eq(attention_scratch(&s), 2 * 16 * 1024);
    s.first = 1023;
    s.length = 1;
    ck_assert_uint_eq(attention_scratch(&s), 2 * 1024);
}
END_TEST

// Tests of the rotation
enum { POSITIONS = 20, ROOM = 24 };

static void tables(real **cosine, real **sine, size_t head_size)
{
    size_t count = POSITIONS * head_size / 2;
    *cosine = test_unset(5 * count);
    *sine = test_unset(5 * count);
    attention_rotation(*cosine, *sine, POSITIONS, head_size);
    for (size_t i = count; i < 5 * count; i++)
        ck_assert(isnan((*cosine)[i]) && isnan((*sine)[i]));
}

// A turned vector
static void turned(real *to, const real *x, size_t position,
                   size_t size)
{
    struct attention_shape s = { .sequences = 1, .first = position,
        .length = 1, .heads = 1, .head_size = size };
    real *cosine, *sine, *qkv = test_reals(qkv_count(&s));
    tables(&cosine, &sine, size);
    real *row = qkv + 3 * position * size;
    for (size_t part = 0; part < 3; part++)
        memcpy(row + part * size, x, size * sizeof *x);
    attention_rotate(qkv, cosine, sine, &s);
    assert_same(row + size, row, size);
    assert_same(row + 2 * size, x, size);
    memcpy(to, row, size * sizeof *to);
}

/* fails if the exponent is another one,
   or cosine and sine are exchanged */
START_TEST(the_angles_are_those_of_the_formula)
{
    real *cosine, *sine;
    tables(&cosine, &sine, 6);
    for (size_t p = 0; p < POSITIONS; p++)
        for (size_t i = 0; i < 3; i++) {
            double angle = (double)p / pow(10000, (double)i / 3);
            ck_assert(fabs((double)cosine[3 * p + i] - cos(angle))
                      <= REAL_EPSILON);
            ck_assert(fabs((double)sine[3 * p + i] - sin(angle))
                      <= REAL_EPSILON);
        }
}
END_TEST

/* fails if a row is turned by another's
   position, or by an angle in float */
START_TEST(rotation_is_the_formula_for_any_head_and_position)
{
    struct attention_shape s = { .sequences = 4, .first = _i ? 900 : 0,
        .length = _i ? 131 : 256, .heads = 6, .head_size = 32 };
    size_t rows = s.first + s.length, half = 16, count = qkv_count(&s);
    real *cosine = test_reals(rows * half), *qkv = test_reals(count);
    real *sine = test_reals(rows * half), *want = test_reals(count);
    fill_normal(qkv, count, 1, 1);
    memcpy(want, qkv, count * sizeof *qkv);
    for (size_t i = 0; i < 4 * s.length * 12 * half; i++) {
        size_t p = s.first + i / half / 12 % s.length, c = i % half;
        real *x = want + part_at(&s, i / half / 12 / s.length, p, 0,
                                 i / half % 12) + c;
        double angle = (double)p / pow(10000, (double)c / 16);
        double a = (double)x[0], b = (double)x[half];
        x[0] = (real)(a * cos(angle) - b * sin(angle));
        x[half] = (real)(a * sin(angle) + b * cos(angle));
    }
    attention_rotation(cosine, sine, rows, s.head_size);
    attention_rotate(qkv, cosine, sine, &s);
    assert_close(qkv, want, count, 32 * REAL_EPSILON + 1e-12);
    attention_rotate_back(qkv, cosine, sine, &s);
    fill_normal(want, count, 1, 1);
    assert_close(qkv, want, count, 32 * REAL_EPSILON + 1e-12);
}
END_TEST

/* fails if neighbours make a pair, channels 2i and 2i + 1 */
START_TEST(channel_i_turns_with_the_one_half_a_head_on)
{
    for (size_t i = 0; i < 3; i++) {
        real x[6] = { 0 }, y[6], want[6] = { 0 };
        double angle = 5 * pow(10000, -(double)i / 3);
        x[i] = 1;
        want[i] = (real)cos(angle);
        want[i + 3] = (real)sin(angle);
        turned(y, x, 5, 6);
        assert_close(y, want, 6, 2 * REAL_EPSILON);
        x[i] = 0;
        x[i + 3] = 1;
        want[i + 3] = want[i];
        want[i] = -(real)sin(angle);
        turned(y, x, 5, 6);
        assert_close(y, want, 6, 2 * REAL_EPSILON);
    }
}
END_TEST

/* fails if the angle is not proportional
   to the position, or lengths change */
START_TEST(scores_depend_on_the_distance_alone)
{
    real q[8], k[8], a[8], b[8];
    fill_normal(q, 8, 1, 1);
    fill_normal(k, 8, 2, 1);
    double length = sqrt(dot(q, q, 8) * dot(k, k, 8));
    for (size_t n = 0; n + 6 < POSITIONS; n++) {
        turned(a, q, 6, 8);
        turned(b, k, 0, 8);
        double near = dot(a, b, 8);
        turned(a, q, n + 6, 8);
        turned(b, k, n, 8);
        ck_assert(fabs(dot(a, b, 8) - near) < TOLERANCE * length);
        ck_assert(fabs(dot(q, k, 8) - near) > 0.01 * length);
        ck_assert(fabs(dot(a, a, 8) / dot(q, q, 8) - 1) < TOLERANCE);
    }
}
END_TEST

/* fails if values are turned, too, or the rows before first */
START_TEST(rotating_back_undoes_rotating_and_leaves_the_rest)
{
    struct attention_shape s = { .sequences = 3, .first = 4,
        .length = 5, .heads = 2, .head_size = 6 };
    size_t width = width_of(&s), count = ROOM * qkv_count(&s);
    real *x = test_reals(count), *y = test_reals(count);
    real *cosine, *sine;
    tables(&cosine, &sine, 6);
    fill_normal(x, count, 1, 1);
    memcpy(y, x, count * sizeof *x);
    attention_rotate(y, cosine, sine, &s);
    // See which vectors have moved
    for (size_t b = 0; b < s.sequences; b++)
        for (size_t p = 0; p < s.first + s.length; p++) {
            size_t row = part_at(&s, b, p, 0, 0);
            if (p < s.first)
                assert_same(y + row, x + row, 3 * width);
            assert_same(y + row + 2 * width, x + row + 2 * width, width);
            for (size_t c = 0; c < 2 * width && p >= s.first; c++)
                ck_assert(y[row + c] != x[row + c]);
        }
    assert_same(y + count / ROOM, x + count / ROOM,
                count - count / ROOM);
    attention_rotate_back(y, cosine, sine, &s);
    assert_close(y, x, count, 4 * REAL_EPSILON);
}
END_TEST

/* fails if attention_rotate_back turns forward once more */
START_TEST(rotating_back_is_the_transpose)
{
    struct attention_shape s = { .sequences = 2, .length = 9,
        .heads = 3, .head_size = 4 };
    size_t count = qkv_count(&s);
    real *x = test_reals(count), *y = test_reals(count);
    real *cosine, *sine;
    tables(&cosine, &sine, 4);
    fill_normal(x, count, 1, 1);
    fill_normal(y, count, 2, 1);
    real *turned_x = test_reals(count), *turned_y = test_reals(count);
    memcpy(turned_x, x, count * sizeof *x);
    memcpy(turned_y, y, count * sizeof *y);
    attention_rotate(turned_x, cosine, sine, &s);
    attention_rotate_back(turned_y, cosine, sine, &s);
    double size = sqrt(dot(x, x, count) * dot(y, y, count));
    double one = dot(turned_x, y, count);
    ck_assert(fabs(one - dot(x, turned_y, count)) < TOLERANCE * size);
    attention_rotate(y, cosine, sine, &s);
    ck_assert(fabs(one - dot(x, y, count)) > 0.01 * size);
}
END_TEST

Suite *attention_suite(void);
Suite *attention_suite(void)
{
    Suite *s = suite_create("attention");
    // Register the tests of attention
    TCase *c = tcase_create("softmax");
    suite_add_tcase(s, c);
    tcase_add_test(c, no_thread_works_outside_the_scratch_that_was_lent);
    tcase_add_test(c, scratch_is_two_tiles_and_no_square);
    tcase_add_test(c, three_positions_come_out_as_by_hand);
    tcase_add_loop_test(c, attention_agrees_with_its_definition,
                        0, SHAPES);
    #ifdef REAL_IS_DOUBLE
    tcase_add_test(c, attention_backward_is_the_gradient);
    #endif
    tcase_add_loop_test(c, no_answer_depends_on_what_comes_later, 0, 7);
    tcase_add_loop_test(c, the_average_of_equal_values_is_that_value,
                        0, SHAPES);
    tcase_add_test(c, extreme_scores_are_safe);
    tcase_add_loop_test(c, earlier_rows_serve_as_the_cache, 0, 4);
    tcase_add_test(c, every_sequence_has_its_own_cache);
    tcase_add_loop_test(c, the_number_of_threads_changes_no_bit, 2, 5);
    TCase *large = tcase_create("size");
    tcase_set_tags(large, "slow");
    suite_add_tcase(s, large);
    tcase_add_loop_test(large, attention_of_six_heads_agrees_at_any_length,
                        0, 4);
    TCase *r = tcase_create("rotation");
    suite_add_tcase(s, r);
    tcase_add_test(r, the_angles_are_those_of_the_formula);
    tcase_add_loop_test(r,
        rotation_is_the_formula_for_any_head_and_position, 0, 2);
    tcase_add_test(r, channel_i_turns_with_the_one_half_a_head_on);
    tcase_add_test(r, scores_depend_on_the_distance_alone);
    tcase_add_test(r, rotating_back_undoes_rotating_and_leaves_the_rest);
    tcase_add_test(r, rotating_back_is_the_transpose);
    return s;
}
