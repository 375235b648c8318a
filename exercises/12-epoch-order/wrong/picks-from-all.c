/* expect: like 27 equally likely paths to 6 orders */
#include "corpus/batches.h"
#include "ground/random.h"

void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch)
{
    uint64_t stream = random_stream("lab") + epoch;
    for (size_t i = 0; i < windows; i++)
        order[i] = i;
    for (size_t i = 0; i < windows; i++) {
        size_t j = random_below(seed, stream, i, windows);
        size_t last = order[i];
        order[i] = order[j];
        order[j] = last;
    }
}
