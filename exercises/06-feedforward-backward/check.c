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
    };
    real *guess[4];
    for (size_t k = 0; k < 4; k++)
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
    }
    if (!lab_compare("dgate", dgate, want, shape, 1, 1e-5))
        for (size_t k = 0; k < 4; k++)
            lab_mistake(saying[k], guess[k]);
}

// Check the gradient of up
static void check_up(void)
{
    for (size_t i = 0; i < COUNT; i++) {
        double g = (double)gate[i], d = (double)dh[i];
        want[i] = (real)(d * g / (1 + exp(-g)));
        mistaken[i] = (real)(d * g);
    }
    if (!lab_compare("dup", dup, want, shape, 1, 1e-5))
        lab_mistake("dhidden * gate, without the sigmoid", mistaken);
}

// Check the gradients in place and far out
static void check_in_place(void)
{
    memcpy(first, gate, sizeof gate);
    memcpy(second, up, sizeof up);
    feedforward_backward(first, second, dh, first, second, COUNT);
    bool same = lab_compare("dgate in place", first, dgate, shape, 1,
                            1e-6);
    same = lab_compare("dup in place", second, dup, shape, 1, 1e-6)
           && same;
    lab_true("in place", same, "the answer changes when dgate is gate "
             "and dup is up: something is read after it was "
             "overwritten");
}

static void check_far_out(void)
{
    real far[] = { 1e4, -1e4 }, ones[] = { 1, 1 };
    real d_far[] = { -1, -1 }, d_ones[] = { -1, -1 };
    const real right[] = { 1, 0 };
    static const size_t two[1] = { 2 };
    feedforward_backward(d_far, d_ones, ones, far, ones, 2);
    if (!lab_compare("dgate at gates of 10000 and -10000", d_far, right,
                     two, 1, 1e-5))
        lab_true("far out", !isnan(d_far[0]) && !isnan(d_far[1]),
                 "a NaN: infinity divided by infinity, or times zero");
}

int main(void)
{
    lab_begin("Lab 06: the gradient of SwiGLU");
    fill_normal(gate, COUNT, 1, 2);
    fill_normal(up, COUNT, 2, 1);
    fill_normal(dh, COUNT, 3, 1);
    feedforward_backward(dgate, dup, dh, gate, up, COUNT);
    check_gate();
    check_up();
    check_in_place();
    check_far_out();
    return lab_end();
}
