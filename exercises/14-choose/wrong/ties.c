/* expect: this looks like more than top-k bytes */
#include "sampling/choose.h"

size_t choose(const real *logits, size_t count, double temperature,
              size_t top_k, double u, double *scratch)
{
    // Find the largest logit, as in a wrong answer
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (logits[i] > logits[best])
            best = i;
    if (temperature <= 0)
        return best;
    double total = 0;
    for (size_t j = 0; j < count; j++) {
        size_t larger = 0;
        for (size_t i = 0; i < count; i++)
            larger += logits[i] > logits[j];
        double z = (double)logits[j] - (double)logits[best];
        scratch[j] = top_k > 0 && larger >= top_k
                   ? 0 : exp(z / temperature);
        total += scratch[j];
    }
    // Walk along the weights until u of their total is reached
    size_t j = 0;
    for (double sum = scratch[0]; sum <= u * total; sum += scratch[j])
        j++;
    return j;
}
