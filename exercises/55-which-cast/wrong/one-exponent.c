/* expect: an exponent of its own */
#define BLOCK 0
// A search for a cast
#include "support/casts.h"
#ifndef SIZE
#define SIZE fabs((double)c->x[k])
#endif
#ifndef BLOCK
#define BLOCK row * blocks + k % c->columns / 128
#endif
#ifndef TOO_LARGE
#define TOO_LARGE size > most
#endif
#ifndef FOUND
#define FOUND return i
#endif

size_t first_cast(const struct cast *cast, size_t count);

size_t first_cast(const struct cast *cast, size_t count)
{
    size_t found = count;
    for (size_t i = 0; i < count; i++) {
        const struct cast *c = &cast[i];
        size_t blocks = (c->columns + 127) / 128;
        for (size_t k = 0; k < c->rows * c->columns; k++) {
            size_t row = k / c->columns;
            double most = ldexp(448, c->exponent[BLOCK]);
            double size = SIZE;
            (void)row, (void)blocks;
            if (TOO_LARGE)
                FOUND;
        }
    }
    return found;
}
