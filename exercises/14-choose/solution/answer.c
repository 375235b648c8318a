#include <assert.h>
#include "sampling/choose.h"

// Say whether a logit is among the largest
static bool among_largest(const real *logits, size_t count, size_t j,
                          size_t k)
{
    size_t before = 0;
    for (size_t i = 0; i < count; i++)
        before += logits[i] > logits[j]
               || (i < j && logits[i] == logits[j]);
    return before < k;
}

// Choose
size_t choose(const real *logits, size_t count, double temperature,
              size_t top_k, double u, double *scratch)
{
    assert(count > 0 && u >= 0 && u < 1);
    size_t best = 0;
    for (size_t j = 1; j < count; j++)
        if (logits[j] > logits[best])
            best = j;
    if (temperature <= 0)
        return best;
    double total = 0;
    for (size_t j = 0; j < count; j++) {
        bool stays = top_k == 0
                  || among_largest(logits, count, j, top_k);
        double z = (double)logits[j] - (double)logits[best];
        scratch[j] = stays ? exp(z / temperature) : 0;
        total += scratch[j];
    }
    // Walk along the weights until u of their total is reached
    size_t j = 0;
    for (double sum = scratch[0]; sum <= u * total; sum += scratch[j])
        j++;
    return j;
}
