#include "feedforward/feedforward.h"
#include "support/fill.h"
#include "support/lab.h"
#include <string.h>

enum { COUNT = 300 };
static const size_t shape[1] = { COUNT };
static real gate[COUNT], up[COUNT], dh[COUNT], dgate[COUNT], dup[COUNT];
static real want[COUNT], mistaken[COUNT], first[COUNT], second[COUNT];

// Check the gradient of the gate
static void check_gate(void)
{
    static const char *const saying[] = {
        "a gradient without up",
        "silu'(g) = s: the second term of the product rule is missing",
        "silu'(g) = g s (1 - s): the first term is missing",
        "the gradient of the sigmoid alone, s (1 - s)",
        "a gradient without dhidden",
        "silu'(g) = s (1 - g (1 - s)): a sign is wrong",
    };
    enum { GUESSES = sizeof saying / sizeof saying[0] };
    real *guess[GUESSES];
    for (size_t k = 0; k < GUESSES; k++)
        guess[k] = test_reals(COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        double g = (double)gate[i], e = exp(-g), s = 1 / (1 + e);
        double d = (double)dh[i], u = (double)up[i];
        double slope = (1 + e + g * e) / ((1 + e) * (1 + e));
        want[i] = (real)(d * u * slope);
        guess[0][i] = (real)(d * slope);
        guess[1][i] = (real)(d * u * s);
        guess[2][i] = (real)(d * u * g * s * (1 - s));
        guess[3][i] = (real)(d * u * s * (1 - s));
        guess[4][i] = (real)(u * slope);
        guess[5][i] = (real)(d * u * s * (1 - g * (1 - s)));
    }
    if (!lab_compare("dgate", dgate, want, shape, 1, 1e-5))
        for (size_t k = 0; k < GUESSES; k++)
            lab_mistake(saying[k], guess[k]);
}

// Check the gradient of up
static void check_up(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        double g = (double)gate[i], d = (double)dh[i];
        want[i] = (real)(d * g / (1 + exp(-g)));
        mistaken[i] = (real)(d * g);
        first[i] = (real)(g / (1 + exp(-g)));
        second[i] = (real)(d / (1 + exp(-g)));
    }
    if (!lab_compare("dup", dup, want, shape, 1, 1e-5)) {
        lab_mistake("dhidden * gate, without the sigmoid", mistaken);
        lab_mistake("a gradient without dhidden", first);
        lab_mistake("the sigmoid in place of silu", second);
    }
}

// Check the gradients in place and far out
static void check_in_place(void)
{
    lab_input("dhidden", dh, sizeof dh);
    lab_start(first, gate, COUNT);
    lab_start(second, up, COUNT);
    lab_call(feedforward_backward(first, second, dh, first, second,
                                  COUNT));
    bool same = lab_compare("dgate, in place", first, dgate, shape, 1,
                            1e-6);
    same = lab_compare("dup, in place", second, dup, shape, 1, 1e-6)
           && same;
    lab_true("in place", same, "the answer changes when dgate is gate "
             "and dup is up: something is read after it was "
             "overwritten");
}

static void check_far_out(void)
{
    real far[] = { 1e4, -1e4 }, ones[] = { 1, 1 };
    real d_far[2], d_ones[2];
    const real right[] = { 1, 0 };
    static const size_t two[1] = { 2 };
    lab_unset(d_far, 2);
    lab_unset(d_ones, 2);
    lab_call(feedforward_backward(d_far, d_ones, ones, far, ones, 2));
    const real right_up[] = { 1e4, 0 };
    bool good = lab_compare("dgate, gates of 10000 and -10000", d_far,
                            right, two, 1, 1e-5);
    good = lab_compare("dup, gates of 10000 and -10000", d_ones,
                       right_up, two, 1, 1e-5) && good;
    if (!good)
        lab_true("far out", !isnan(d_far[0] + d_far[1])
                 && !isnan(d_ones[0] + d_ones[1]),
                 "a NaN: infinity divided by infinity, or times zero");
}

int main(void)
{
    lab_begin("Lab 06: the gradient of SwiGLU");
    fill_normal(gate, COUNT, 1, 2);
    fill_normal(up, COUNT, 2, 1);
    fill_normal(dh, COUNT, 3, 1);
    lab_input("dhidden", dh, sizeof dh);
    lab_input("gate", gate, sizeof gate);
    lab_input("up", up, sizeof up);
    lab_unset(dgate, COUNT);
    lab_unset(dup, COUNT);
    lab_call(feedforward_backward(dgate, dup, dh, gate, up, COUNT));
    lab_axes("i");
    check_gate();
    check_up();
    check_in_place();
    check_far_out();
    return lab_end();
}
