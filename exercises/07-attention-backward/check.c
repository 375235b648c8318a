#include "layers/reference.h"
#include "support/lab.h"

// The mistakes that the check of attention knows
static const struct { enum mistake mistake; const char *saying; }
mistakes[] = {
    { NO_D, "the gradient without D: ds = p dp" },
    { NO_SCALE, "the gradient without the factor 1/sqrt(head_size)" },
    { NO_MASK, "the gradient without the causal mask" },
    { SWAPPED, "the gradient with dq and dk exchanged" },
};

// Check one shape
static void check(const char *what, struct attention_shape s,
                  double spread)
{
    size_t count = qkv_count(&s);
    size_t shape[] = { s.sequences, s.length, 3, width_of(&s) };
    real *qkv = test_reals(count), *want = test_reals(count);
    real *got = test_reals(count), *dout = test_reals(out_count(&s));
    real *out = test_reals(out_count(&s));
    real *lse = test_reals(lse_count(&s));
    char name[80];
    fill_normal(qkv, count, 1, spread);
    fill_normal(dout, out_count(&s), 2, 1);
    reference_forward(out, lse, qkv, &s);
    lab_input("dout", dout, out_count(&s) * sizeof *dout);
    lab_input("out", out, out_count(&s) * sizeof *out);
    lab_input("lse", lse, lse_count(&s) * sizeof *lse);
    lab_input("qkv", qkv, count * sizeof *qkv);
    lab_unset(got, count);
    s.tile = 1;
    s.lent = 2 * s.length;
    lab_call(attention_backward(got, dout, out, lse, qkv, &s,
                                test_unset(s.lent)));
    reference_backward(want, dout, qkv, &s, NONE);
    snprintf(name, sizeof name, "dqkv, %s", what);
    if (lab_compare(name, got, want, shape, 4,
                    spread > 1 ? 1e-3 : 1e-4))
        return;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        reference_backward(want, dout, qkv, &s, mistakes[i].mistake);
        lab_mistake(mistakes[i].saying, want);
    }
}

int main(void)
{
    lab_begin("The backward pass of attention");
    lab_axes("btpc");
    struct attention_shape s = { .sequences = 1, .length = 1,
                                 .heads = 1, .head_size = 2 };
    check("one position", s, 1);
    s.length = 3;
    check("three positions", s, 1);
    s.heads = 3;
    s.head_size = 4;
    check("three heads", s, 1);
    s.sequences = 2;
    check("two sequences", s, 1);
    s.length = 70;
    check("seventy positions", s, 1);
    check("scores beyond 100", s, 6);
    for (size_t k = 0; k < 3; k++) {
        s.sequences = lab_size(4 * k, 2, 3);
        s.length = lab_size(4 * k + 1, 129, 160);
        s.heads = lab_size(4 * k + 2, 4, 7);
        s.head_size = lab_size(4 * k + 3, 5, 40);
        check("any shape", s, 1);
    }
    s = (struct attention_shape){ .sequences = 1, .heads = 1,
        .length = lab_size(12, 513, 600), .head_size = 2 };
    check("many positions", s, 1);
    s.length = 5;
    s.heads = 2;
    s.head_size = lab_size(13, 257, 300);
    check("large heads", s, 1);
    return lab_end();
}
