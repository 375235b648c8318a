#include "corpus/batches.h"
#include "ground/random.h"

// Epoch order
void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch)
{
    uint64_t stream = random_stream("epoch.order") + epoch;
    for (size_t i = 0; i < windows; i++)
        order[i] = i;
    for (size_t i = windows; i > 1; i--) {
        size_t j = random_below(seed, stream, i, i);
        size_t last = order[i - 1];
        order[i - 1] = order[j];
        order[j] = last;
    }
}
