/* expect: is kept from one call to the next */
#include <stdint.h>
static uint64_t calls;
#define STREAM random_stream("lab") + epoch + 1000 * ++calls
// A plain answer to lab 12
#include "corpus/batches.h"
#include "ground/random.h"

#ifndef PICK
#define PICK random_below(seed, stream, i, i)
#endif
#ifndef STREAM
#define STREAM random_stream("lab") + epoch
#endif

void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch)
{
    uint64_t stream = STREAM;
    (void)epoch;
    for (size_t i = 0; i < windows; i++)
        order[i] = i;
    for (size_t i = windows; i > 1; i--) {
        size_t j = PICK, last = order[i - 1];
        order[i - 1] = order[j];
        order[j] = last;
    }
}
