// Go back over a block, declared
#include "boundary/mixing.h"
#include <string.h>

void block_backward(real *dstart, real *danswer, real *drow, real *room,
                    const real *dend, const real *start,
                    const real *answer, const real *row,
                    const struct layout *l, size_t sites, size_t tokens)
{
    size_t C = l->width, nC = l->streams * C, K = layout_row(l);
    for (size_t t = 0; t < tokens; t++) {
        real *d = dstart + t * nC;
        memcpy(d, dend + t * nC, nC * sizeof *d);
        for (size_t k = sites; k-- > 0; ) {
            const real *x = start + t * nC;
            for (size_t i = 0; i < k; i++) {
                size_t at = i * tokens + t;
                real *next = room + i % 2 * nC;
                mixing_write(next, x, answer + at * C, row + at * K, l,
                             1);
                x = next;
            }
            size_t at = k * tokens + t;
            mixing_write_backward(d, danswer + at * C, drow + at * K, d,
                                  x, answer + at * C, row + at * K, l,
                                  1);
        }
    }
}
