#include "corpus/batches.h"
#include "ground/random.h"

void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch)
{
    (void)seed; (void)epoch;
    for (size_t i = 0; i < windows; i++)
        order[i] = 0;
}
