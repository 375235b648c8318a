// Go back over a block, declared
#include "boundary/mixing.h"
#include <string.h>

void block_backward(real *dstart, real *danswer, real *drow, real *room,
                    const real *dend, const real *start,
                    const real *answer, const real *row,
                    const struct layout *l, size_t sites, size_t tokens)
{
    (void)dstart, (void)danswer, (void)drow, (void)room, (void)dend;
    (void)start, (void)answer, (void)row, (void)l, (void)sites;
    (void)tokens;
}
