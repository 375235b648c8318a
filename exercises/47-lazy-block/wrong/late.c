/* expect: before its write */
#define TOKENS tokens
#define SITE(n) (sites - 1 - (n))
#define WRITES(k) ((k) + 1)
#define ANSWER(i) (i)
#define PLACE(i) ((i) % 2)
// Go back in a wrong way
// Go back over a block, declared
#include "boundary/mixing.h"
#include <string.h>

void block_backward(real *dstart, real *danswer, real *drow, real *room,
                    const real *dend, const real *start,
                    const real *answer, const real *row,
                    const struct layout *l, size_t sites, size_t tokens)
{
    size_t C = l->width, nC = l->streams * C, K = layout_row(l);
    for (size_t t = 0; t < TOKENS; t++) {
        real *d = dstart + t * nC;
        memcpy(d, dend + t * nC, nC * sizeof *d);
        for (size_t n = 0; n < sites; n++) {
            size_t k = SITE(n), at = k * tokens + t;
            const real *x = start + t * nC;
            for (size_t i = 0; i < WRITES(k); i++) {
                size_t of = ANSWER(i) * tokens + t;
                real *next = room + PLACE(i) * nC;
                mixing_write(next, x, answer + of * C, row + of * K, l,
                             1);
                x = next;
            }
            mixing_write_backward(d, danswer + at * C, drow + at * K, d,
                                  x, answer + at * C, row + at * K, l,
                                  1);
        }
    }
}
