#include "layers/loss.h"
#include "support/fill.h"
#include "support/lab.h"
#include <string.h>

enum { TOKENS = 40, VOCABULARY = 3000, COUNT = TOKENS * VOCABULARY };
static size_t tokens = 4, vocabulary = 37;
static token target[TOKENS] = { 36, 0, 17, 5 };

static void draw_sizes(void)
{
    tokens = lab_size(1, 5, TOKENS);
    vocabulary = lab_size(2, 2049, VOCABULARY);
    for (size_t t = 0; t < tokens; t++)
        target[t] = (token)(t == 0 ? vocabulary - 1 : t == 1 ? 0
                            : lab_size(1 + t, 0, vocabulary - 1));
}

// The loss and its gradient in double
static void right_losses(real *each, real *lse, const real *logits)
{
    for (size_t t = 0; t < tokens; t++, logits += vocabulary) {
        double most = (double)logits[0], sum = 0;
        for (size_t v = 1; v < vocabulary; v++)
            most = fmax(most, (double)logits[v]);
        for (size_t v = 0; v < vocabulary; v++)
            sum += exp((double)logits[v] - most);
        lse[t] = (real)(most + log(sum));
        each[t] = (real)(most + log(sum) - (double)logits[target[t]]);
    }
}

/* with the one at index one[t] */
static void right_gradient(real *d, const real *logits, const real *lse,
                           const token *one, double scale)
{
    for (size_t i = 0; i < tokens * vocabulary; i++) {
        size_t t = i / vocabulary;
        double p = exp((double)logits[i] - (double)lse[t]);
        d[i] = (real)(scale * (p - (i % vocabulary == (size_t)one[t])));
    }
}

// Check losses
static void check_losses(const char *what, const char *what_lse,
                         double scale, real shift)
{
    static real logits[COUNT];
    real each[TOKENS], lse[TOKENS];
    real want[TOKENS], want_lse[TOKENS], mistaken[TOKENS], mean = 0;
    const size_t count = tokens * vocabulary;
    fill_normal(logits, count, 1, scale);
    for (size_t i = 0; i < count; i++)
        logits[i] = (real)fmax(-10000, fmin(10000, (double)logits[i]
                                                 + (double)shift));
    lab_input("logits", logits, count * sizeof *logits);
    lab_input("target", target, tokens * sizeof *target);
    lab_unset(each, tokens);
    lab_unset(lse, tokens);
    lab_call(loss_forward(each, lse, logits, target, tokens,
                          vocabulary));
    right_losses(want, want_lse, logits);
    lab_axes("t");
    // See whether something overflowed
    bool finite = true;
    for (size_t t = 0; t < tokens; t++)
        finite = finite && isfinite(each[t]) && isfinite(lse[t]);
    lab_true("all losses are finite", finite, "each[0] is %g, lse[0] is "
             "%g: an exponential overflowed, or a probability became 0. Is "
             "the largest logit subtracted first, and is the loss computed "
             "without forming p?", (double)each[0], (double)lse[0]);
    if (!lab_compare(what, each, want, &tokens, 1, 1e-5)) {
        // Recognise a loss
        for (size_t t = 0; t < tokens; t++)
            mean += want[t] / (real)tokens;
        for (size_t t = 0; t < tokens; t++)
            mistaken[t] = mean;
        lab_mistake("the mean in place of each token's loss", mistaken);
        for (size_t t = 0; t < tokens; t++)
            mistaken[t] = want[t] / (real)log(2);
        lab_mistake("bits, not nats", mistaken);
        for (size_t t = 0; t < tokens; t++)
            mistaken[t] = want_lse[t];
        lab_mistake("a loss without the target's logit", mistaken);
        for (size_t t = 0; t < tokens; t++)
            mistaken[t] = -want[t];
        lab_mistake("a loss with its sign turned", mistaken);
    }
    if (!lab_compare(what_lse, lse, want_lse, &tokens, 1, 1e-5)) {
        for (size_t t = 0; t < tokens; t++)
            mistaken[t] = (real)exp((double)want_lse[t]);
        lab_mistake("the sum, not its logarithm", mistaken);
    }
}

// Check gradients
/* row by row the logits lie around shift, 0 and -shift */
static void check_gradients(const char *what, const char *in_place,
                            double scale, double shift)
{
    static real logits[COUNT], d[COUNT], want[COUNT], mistaken[COUNT];
    real each[TOKENS], lse[TOKENS];
    const size_t shape[2] = { tokens, vocabulary };
    const size_t count = tokens * vocabulary;
    fill_normal(logits, count, 2, 2);
    for (size_t i = 0; i < count; i++)
        logits[i] += (real)(shift * (1 - (double)(i / vocabulary % 3)));
    right_losses(each, lse, logits);
    lab_input("logits", logits, count * sizeof *logits);
    lab_input("lse", lse, tokens * sizeof *lse);
    lab_input("target", target, tokens * sizeof *target);
    lab_unset(d, count);
    lab_call(loss_backward(d, logits, lse, target, (real)scale, tokens,
                           vocabulary));
    right_gradient(want, logits, lse, target, scale);
    lab_axes("tv");
    if (!lab_compare(what, d, want, shape, 2, 1e-5)) {
        // Recognise a gradient of the loss
        token by_row[TOKENS], none[TOKENS];
        for (size_t t = 0; t < tokens; t++) {
            by_row[t] = (token)t;
            none[t] = -1;
        }
        right_gradient(mistaken, logits, lse, target, 1);
        lab_mistake("a gradient without the scale", mistaken);
        right_gradient(mistaken, logits, lse, target, scale / (double)tokens);
        lab_mistake("a mean over the tokens: the caller's scale says that "
                    "already", mistaken);
        right_gradient(mistaken, logits, lse, target, -scale);
        lab_mistake("a gradient with its sign turned", mistaken);
        right_gradient(mistaken, logits, lse, by_row, scale);
        lab_mistake("a one at index t, not at target[t]", mistaken);
        right_gradient(mistaken, logits, lse, none, scale);
        lab_mistake("the softmax alone, with no one subtracted", mistaken);
        for (size_t t = 0; t < tokens; t++)
            mistaken[t * vocabulary + (size_t)target[t]] -= 1;
        lab_mistake("1 subtracted where scale should be", mistaken);
    }
    lab_input("lse", lse, tokens * sizeof *lse);
    lab_input("target", target, tokens * sizeof *target);
    lab_start(mistaken, logits, count);
    lab_call(loss_backward(mistaken, mistaken, lse, target, (real)scale,
                           tokens, vocabulary));
    if (!lab_compare(in_place, mistaken, d, shape, 2, 1e-6))
        lab_true("in place", false, "the answer changes when dlogits "
                 "is logits: something is read after it was "
                 "overwritten");
}

int main(void)
{
    lab_begin("Lab 05: cross-entropy");
    check_losses("each, small logits", "lse, small logits", 2, 0);
    check_gradients("dlogits, small logits",
                    "dlogits, small logits, in place", 0.375, 0);
    draw_sizes();
    check_losses("each, logits around 10000",
                 "lse, logits around 10000", 5000, 0);
    check_losses("each, logits down to -10000",
                 "lse, logits down to -10000", 300, -9500);
    check_gradients("dlogits, logits of 9000, 0 and -9000",
                    "dlogits, logits of 9000, 0 and -9000, in place",
                    -1.5, 9000);
    return lab_end();
}
