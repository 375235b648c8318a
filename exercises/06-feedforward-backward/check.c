#include "layers/feedforward.h"
#include "ground/random.h"
#include "support/fill.h"
#include "support/lab.h"
#include <string.h>

enum { MOST = 1300 };
static size_t count = 300;
static real gate[MOST], up[MOST], dh[MOST], dgate[MOST], dup[MOST];
static real want[MOST], mistaken[MOST], first[MOST], second[MOST];

// Check the gradient of the gate
static void check_gate(bool wide)
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
        guess[k] = test_reals(count);
    for (size_t i = 0; i < count; i++) {
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
    if (!lab_compare(wide ? "dgate, gates from -40 to 40" : "dgate",
                     dgate, want, &count, 1, 1e-5))
        for (size_t k = 0; k < GUESSES; k++)
            lab_mistake(saying[k], guess[k]);
}

// Check the gradient of up
static void check_up(bool wide)
{
    for (size_t i = 0; i < count; i++) {
        double g = (double)gate[i], d = (double)dh[i];
        want[i] = (real)(d * g / (1 + exp(-g)));
        mistaken[i] = (real)(d * g);
        first[i] = (real)(g / (1 + exp(-g)));
        second[i] = (real)(d / (1 + exp(-g)));
    }
    if (!lab_compare(wide ? "dup, gates from -40 to 40" : "dup", dup,
                     want, &count, 1, 1e-5)) {
        lab_mistake("dhidden * gate, without the sigmoid", mistaken);
        lab_mistake("a gradient without dhidden", first);
        lab_mistake("the sigmoid in place of silu", second);
    }
}

// Check the gradients in place and far out
static void check_in_place(void)
{
    lab_input("dhidden", dh, sizeof dh);
    lab_start(first, gate, count);
    lab_start(second, up, count);
    lab_call(feedforward_backward(first, second, dh, first, second,
                                  count));
    bool same = lab_compare("dgate, in place", first, dgate, &count, 1,
                            1e-6);
    same = lab_compare("dup, in place", second, dup, &count, 1, 1e-6)
           && same;
    lab_true("in place", same, "the answer changes when dgate is gate "
             "and dup is up: something is read after it was "
             "overwritten");
}

enum { FAR = 1024 };

static void check_far_out(void)
{
    static const size_t shape[1] = { FAR };
    real far[FAR], ones[FAR], d_far[FAR], d_ones[FAR];
    real right[FAR], right_up[FAR], sum = 0;
    for (size_t i = 0; i < FAR; i++) {
        double g = i < 32 ? 1e4 * pow(0.7, (double)(i / 2))
                          : 90 - 0.045 * (double)(i - 32);
        far[i] = (real)(i % 2 == 0 ? g : -g);
        ones[i] = 1;
        right[i] = far[i] > 0;
        right_up[i] = far[i] > 0 ? far[i] : 0;
    }
    lab_unset(d_far, FAR);
    lab_unset(d_ones, FAR);
    lab_call(feedforward_backward(d_far, d_ones, ones, far, ones, FAR));
    bool good = lab_compare("dgate, gates of 45 to 10000, either way",
                            d_far, right, shape, 1, 1e-5);
    good = lab_compare("dup, gates of 45 to 10000, either way", d_ones,
                       right_up, shape, 1, 1e-5) && good;
    for (size_t i = 0; i < FAR; i++)
        sum += d_far[i] + d_ones[i];
    if (!good)
        lab_true("far out", !isnan(sum),
                 "a NaN: infinity divided by infinity, or times zero");
}

// Check the gradients of small gates, or wide ones
static void check(bool wide)
{
    fill_normal(gate, count, 1, 2);
    fill_normal(up, count, 2, 1);
    fill_normal(dh, count, 3, 1);
    for (size_t i = 0; wide && i < count; i++) {
        double g = 80 * random_uniform(lab_seed(4), 0, i) - 40;
        gate[i] = (real)g;
        dh[i] *= (real)((1 + exp(-g)) / (1 + fabs(g)));
    }
    lab_input("dhidden", dh, sizeof dh);
    lab_input("gate", gate, sizeof gate);
    lab_input("up", up, sizeof up);
    lab_unset(dgate, count);
    lab_unset(dup, count);
    lab_call(feedforward_backward(dgate, dup, dh, gate, up, count));
    check_gate(wide);
    check_up(wide);
    check_in_place();
}

int main(void)
{
    lab_begin("Lab 06: the gradient of SwiGLU");
    lab_axes("i");
    check(false);
    count = lab_size(1, 1025, MOST);
    check(true);
    check_far_out();
    return lab_end();
}
