/* expect: neither start nor in room */
// Go back over a block, declared
#include "boundary/mixing.h"
#include <string.h>

void block_backward(real *dstart, real *danswer, real *drow, real *room,
                    const real *dend, const real *start,
                    const real *answer, const real *row,
                    const struct layout *l, size_t sites, size_t tokens)
{
    real kept[7][24];
    size_t C = l->width, nC = l->streams * C, K = layout_row(l);
    (void)room;
    for (size_t t = 0; t < tokens; t++) {
        real *d = dstart + t * nC;
        memcpy(d, dend + t * nC, nC * sizeof *d);
        memcpy(kept[0], start + t * nC, nC * sizeof *d);
        for (size_t k = 0; k < sites; k++) {
            size_t at = k * tokens + t;
            mixing_write(kept[k + 1], kept[k], answer + at * C,
                         row + at * K, l, 1);
        }
        for (size_t k = sites; k-- > 0; ) {
            size_t at = k * tokens + t;
            mixing_write_backward(d, danswer + at * C, drow + at * K, d,
                                  kept[k], answer + at * C,
                                  row + at * K, l, 1);
        }
    }
}
