#include "layers/reference.h"
#include "support/lab.h"

enum rotation_mistake { RIGHT, INTERLEAVED, OTHER_WAY, VALUES_TOO,
                        FROM_ZERO, EVERY_ROW, QUERIES_ONLY,
                        FIRST_HEAD, FIRST_SEQUENCE, IN_PLACE, KINDS };

static const char *const sayings[KINDS] = {
    [INTERLEAVED] = "pairs of neighbours, 2i with 2i + 1, in place of "
                    "i with i + head_size/2",
    [OTHER_WAY] = "a rotation the other way: the sign of the sine",
    [VALUES_TOO] = "a rotation of the values too",
    [FROM_ZERO] = "positions counted from 0, not from first",
    [EVERY_ROW] = "a rotation of the rows before first, too",
    [QUERIES_ONLY] = "a rotation of the queries alone",
    [FIRST_HEAD] = "a rotation of the first head alone",
    [FIRST_SEQUENCE] = "a rotation of the first sequence alone",
    [IN_PLACE] = "x[i + half] made of an x[i] that is already new",
};

// Rotate by the formula
static real *cosine, *sine;     /* tables, of any numbers */

static void formula(real *x, const struct attention_shape *s,
                    double direction, enum rotation_mistake mistake)
{
    size_t half = s->head_size / 2;
    size_t parts = mistake == VALUES_TOO ? 3
                 : mistake == QUERIES_ONLY ? 1 : 2;
    size_t heads = mistake == FIRST_HEAD ? 1 : s->heads;
    size_t sequences = mistake == FIRST_SEQUENCE ? 1 : s->sequences;
    direction *= mistake == OTHER_WAY ? -1 : 1;
    for (size_t b = 0; b < sequences; b++)
    for (size_t p = mistake == EVERY_ROW ? 0 : s->first;
         p < s->first + s->length; p++)
    for (size_t part = 0; part < parts; part++)
    for (size_t h = 0; h < heads; h++)
    for (size_t i = 0; i < half; i++) {
        size_t from = mistake == FROM_ZERO ? s->first : 0;
        double co = (double)cosine[(p - from) * half + i];
        double si = direction * (double)sine[(p - from) * half + i];
        bool apart = mistake != INTERLEAVED;
        real *a = x + part_at(s, b, p, part, h) + (apart ? i : 2 * i);
        real *c = a + (apart ? half : 1);
        double u = (double)*a, v = (double)*c;
        *a = (real)(u * co - v * si);
        u = mistake == IN_PLACE ? (double)*a : u;
        *c = (real)(u * si + v * co);
    }
}

// Compare with the formula and its mistakes
static void compare(const char *what, const real *got, const real *x,
                    const struct attention_shape *s, double direction)
{
    size_t count = qkv_count(s);
    size_t shape[] = { s->sequences, s->first + s->length, 3,
                       width_of(s) };
    real *want = test_reals(count);
    memcpy(want, x, count * sizeof *x);
    formula(want, s, direction, RIGHT);
    if (lab_compare(what, got, want, shape, 4, 1e-5))
        return;
    for (int m = RIGHT + 1; m < KINDS; m++) {
        memcpy(want, x, count * sizeof *x);
        formula(want, s, direction, (enum rotation_mistake)m);
        lab_mistake(sayings[m], want);
    }
}

// Check the rotation of one shape
static void check(const char *what, struct attention_shape s)
{
    size_t count = qkv_count(&s), half = s.head_size / 2;
    size_t positions = s.first + s.length;
    real *x = test_reals(count), *got = test_reals(count);
    char name[80];
    cosine = test_reals(positions * half);
    sine = test_reals(positions * half);
    fill_normal(cosine, positions * half, 2, 1);
    fill_normal(sine, positions * half, 3, 1);
    fill_normal(x, count, 1, 1);
    lab_input("cosine", cosine, positions * half * sizeof *cosine);
    lab_input("sine", sine, positions * half * sizeof *sine);
    lab_start(got, x, count);
    lab_call(attention_rotate(got, cosine, sine, &s));
    snprintf(name, sizeof name, "qkv, %s", what);
    compare(name, got, x, &s, 1);
    lab_input("cosine", cosine, positions * half * sizeof *cosine);
    lab_input("sine", sine, positions * half * sizeof *sine);
    lab_start(got, x, count);
    lab_call(attention_rotate_back(got, cosine, sine, &s));
    snprintf(name, sizeof name, "dqkv, %s, back", what);
    compare(name, got, x, &s, -1);
}

int main(void)
{
    lab_begin("Rotary position embedding, and back");
    lab_axes("btpc");
    struct attention_shape s = { .sequences = 1, .length = 6,
                                 .heads = 1, .head_size = 2 };
    check("one pair", s);
    s.head_size = 8;
    check("four pairs", s);
    s.heads = 3;
    check("three heads", s);
    s.sequences = 2;
    check("two sequences", s);
    s.first = 4;
    check("behind earlier rows", s);
    s.sequences = lab_size(1, 2, 4);
    s.first = lab_size(2, 1, 20);
    s.length = lab_size(3, 7, 90);
    s.heads = lab_size(4, 2, 6);
    s.head_size = 2 * lab_size(5, 5, 40);
    check("any shape", s);
    return lab_end();
}
