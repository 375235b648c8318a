#include "ground/random.h"
#include "layers/loss.h"
#include "support/fill.h"
#include <stdio.h>

enum { TOKENS = 1000, VOCABULARY = 256 };

// The loss by way of the probability
static float by_probability(const real *row, token target, real shift)
{
    float sum = 0;
    for (size_t v = 0; v < VOCABULARY; v++)
        sum += expf((float)(row[v] - shift));
    return -logf(expf((float)(row[target] - shift)) / sum);
}

// The loss in double
static double largest_of(const real *row)
{
    double most = (double)row[0];
    for (size_t v = 1; v < VOCABULARY; v++)
        most = fmax(most, (double)row[v]);
    return most;
}

static bool wrong(double loss, const real *row, token target)
{
    double most = largest_of(row), sum = 0;
    for (size_t v = 0; v < VOCABULARY; v++)
        sum += exp((double)row[v] - most);
    double right = most + log(sum) - (double)row[target];
    return !(fabs(loss - right) <= 1e-3 * (1 + right));
}

int main(void)
{
    enum { COUNT = TOKENS * VOCABULARY };
    real *normal = test_reals(COUNT), *logits = test_reals(COUNT);
    real each[TOKENS], lse[TOKENS];
    token target[TOKENS];
    fill_normal(normal, COUNT, 1, 1);
    for (size_t t = 0; t < TOKENS; t++)
        target[t] = (token)random_below(1, 2, t, VOCABULARY);
    puts("scale,as_written,largest_subtracted,log_sum_exp");
    for (double scale = 4; scale < 200; scale *= 1.1892071) {
        for (size_t i = 0; i < COUNT; i++)
            logits[i] = (real)(scale * (double)normal[i]);
        loss_forward(each, lse, logits, target, TOKENS, VOCABULARY);
        // Count the wrong losses and print their share
        int written = 0, subtracted = 0, ours = 0;
        for (size_t t = 0; t < TOKENS; t++) {
            const real *row = logits + t * VOCABULARY;
            real most = (real)largest_of(row);
            written += wrong((double)by_probability(row, target[t], 0), row,
                             target[t]);
            subtracted += wrong((double)by_probability(row, target[t], most),
                                row, target[t]);
            ours += wrong((double)each[t], row, target[t]);
        }
        printf("%.3f,%.1f,%.1f,%.1f\n", scale, 100.0 * written / TOKENS,
               100.0 * subtracted / TOKENS, 100.0 * ours / TOKENS);
    }
}
