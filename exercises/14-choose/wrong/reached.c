/* expect: top-k has left out; wanted 2 */
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
    double total = 0, sum = 0;
    for (size_t j = 0; j < count; j++) {
        double z = (double)logits[j] - (double)logits[best];
        scratch[j] = exp(z / temperature);
        // Leave out what is not among the largest
        size_t before = 0;
        for (size_t i = 0; i < count; i++)
            before += logits[i] > logits[j]
                   || (i < j && logits[i] == logits[j]);
        if (top_k > 0 && before >= top_k)
            scratch[j] = 0;
        total += scratch[j];
    }
    for (size_t j = 0; j < count; j++) {
        sum += scratch[j];
        if (sum >= u * total)
            return j;
    }
    return count - 1;
}
