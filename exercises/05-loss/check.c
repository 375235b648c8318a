#include "loss/loss.h"
#include "support/fill.h"
#include "support/lab.h"
#include <string.h>

enum { TOKENS = 4, VOCABULARY = 37, COUNT = TOKENS * VOCABULARY };
static const token target[TOKENS] = { 36, 0, 17, 5 };
static const size_t shape[2] = { TOKENS, VOCABULARY };

// The loss and its gradient in double
static void right_losses(real *each, real *lse, const real *logits)
{
    for (size_t t = 0; t < TOKENS; t++, logits += VOCABULARY) {
        double most = (double)logits[0], sum = 0;
        for (size_t v = 1; v < VOCABULARY; v++)
            most = fmax(most, (double)logits[v]);
        for (size_t v = 0; v < VOCABULARY; v++)
            sum += exp((double)logits[v] - most);
        lse[t] = (real)(most + log(sum));
        each[t] = (real)(most + log(sum) - (double)logits[target[t]]);
    }
}

/* with the one at index one[t] */
static void right_gradient(real *d, const real *logits, const real *lse,
                           const token *one, double scale)
{
    for (size_t i = 0; i < COUNT; i++) {
        size_t t = i / VOCABULARY;
        double p = exp((double)logits[i] - (double)lse[t]);
        d[i] = (real)(scale * (p - (i % VOCABULARY == (size_t)one[t])));
    }
}

// Check losses
static void check_losses(const char *what, const char *what_lse,
                         double scale, real shift)
{
    static real logits[COUNT];
    real each[TOKENS], lse[TOKENS];
    real want[TOKENS], want_lse[TOKENS], mistaken[TOKENS], mean = 0;
    fill_normal(logits, COUNT, 1, scale);
    for (size_t i = 0; i < COUNT; i++)
        logits[i] += shift;
    lab_input("logits", logits, sizeof logits);
    lab_input("target", target, sizeof target);
    lab_unset(each, TOKENS);
    lab_unset(lse, TOKENS);
    lab_call(loss_forward(each, lse, logits, target, TOKENS,
                          VOCABULARY));
    right_losses(want, want_lse, logits);
    lab_axes("t");
    // See whether something overflowed
    bool finite = true;
    for (size_t t = 0; t < TOKENS; t++)
        finite = finite && isfinite(each[t]) && isfinite(lse[t]);
    lab_true("all losses are finite", finite, "each[0] is %g, lse[0] is "
             "%g: an exponential overflowed, or a probability became 0. Is "
             "the largest logit subtracted first, and is the loss computed "
             "without forming p?", (double)each[0], (double)lse[0]);
    if (!lab_compare(what, each, want, shape, 1, 1e-5)) {
        // Recognise a loss
        for (size_t t = 0; t < TOKENS; t++)
            mean += want[t] / TOKENS;
        for (size_t t = 0; t < TOKENS; t++)
            mistaken[t] = mean;
        lab_mistake("the mean in place of each token's loss", mistaken);
        for (size_t t = 0; t < TOKENS; t++)
            mistaken[t] = want[t] / (real)log(2);
        lab_mistake("bits, not nats", mistaken);
        for (size_t t = 0; t < TOKENS; t++)
            mistaken[t] = want_lse[t];
        lab_mistake("a loss without the target's logit", mistaken);
        for (size_t t = 0; t < TOKENS; t++)
            mistaken[t] = -want[t];
        lab_mistake("a loss with its sign turned", mistaken);
    }
    if (!lab_compare(what_lse, lse, want_lse, shape, 1, 1e-5)) {
        for (size_t t = 0; t < TOKENS; t++)
            mistaken[t] = (real)exp((double)want_lse[t]);
        lab_mistake("the sum, not its logarithm", mistaken);
    }
}

// Check gradients
static void check_gradients(void)
{
    static real logits[COUNT], d[COUNT], want[COUNT], mistaken[COUNT];
    real each[TOKENS], lse[TOKENS];
    const double scale = 0.375;
    fill_normal(logits, COUNT, 2, 2);
    right_losses(each, lse, logits);
    lab_input("logits", logits, sizeof logits);
    lab_input("lse", lse, sizeof lse);
    lab_input("target", target, sizeof target);
    lab_unset(d, COUNT);
    lab_call(loss_backward(d, logits, lse, target, (real)scale, TOKENS,
                           VOCABULARY));
    right_gradient(want, logits, lse, target, scale);
    lab_axes("tv");
    if (!lab_compare("dlogits", d, want, shape, 2, 1e-5)) {
        // Recognise a gradient of the loss
        static const token by_row[TOKENS] = { 0, 1, 2, 3 };
        static const token none[TOKENS] = { -1, -1, -1, -1 };
        right_gradient(mistaken, logits, lse, target, 1);
        lab_mistake("a gradient without the scale", mistaken);
        right_gradient(mistaken, logits, lse, target, scale / TOKENS);
        lab_mistake("a mean over the tokens: the caller's scale says that "
                    "already", mistaken);
        right_gradient(mistaken, logits, lse, target, -scale);
        lab_mistake("a gradient with its sign turned", mistaken);
        right_gradient(mistaken, logits, lse, by_row, scale);
        lab_mistake("a one at index t, not at target[t]", mistaken);
        right_gradient(mistaken, logits, lse, none, scale);
        lab_mistake("the softmax alone, with no one subtracted", mistaken);
        for (size_t t = 0; t < TOKENS; t++)
            mistaken[t * VOCABULARY + (size_t)target[t]] -= 1;
        lab_mistake("1 subtracted where scale should be", mistaken);
    }
    lab_input("lse", lse, sizeof lse);
    lab_input("target", target, sizeof target);
    lab_start(mistaken, logits, COUNT);
    lab_call(loss_backward(mistaken, mistaken, lse, target, (real)scale,
                           TOKENS, VOCABULARY));
    if (!lab_compare("dlogits, in place of the logits", mistaken, d,
                     shape, 2, 1e-6))
        lab_true("in place", false, "the answer changes when dlogits "
                 "is logits: something is read after it was "
                 "overwritten");
}

int main(void)
{
    lab_begin("Lab 05: cross-entropy");
    check_losses("each, small logits", "lse, small logits", 2, 0);
    check_losses("each, logits around 10000",
                 "lse, logits around 10000", 5000, 0);
    check_losses("each, logits below -10000",
                 "lse, logits below -10000", 500, -15000);
    check_gradients();
    return lab_end();
}
