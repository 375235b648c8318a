/* expect: came 0 to */
#include "corpus/batches.h"
#include "ground/random.h"

void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch)
{
    size_t shift = random_below(seed, random_stream("lab"), epoch,
                                windows);
    for (size_t i = 0; i < windows; i++)
        order[i] = (i + shift) % windows;
}
