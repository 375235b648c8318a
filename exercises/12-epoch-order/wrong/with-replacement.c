/* expect: some of them never come, so others come twice */
#include "corpus/batches.h"
#include "ground/random.h"

void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch)
{
    uint64_t stream = random_stream("lab") + epoch;
    for (size_t i = 0; i < windows; i++)
        order[i] = random_below(seed, stream, i, windows);
}
