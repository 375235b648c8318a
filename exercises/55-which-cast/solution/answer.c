#include "support/casts.h"

size_t first_cast(const struct cast *cast, size_t count);

size_t first_cast(const struct cast *cast, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct cast *c = &cast[i];
        size_t blocks = (c->columns + 127) / 128;
        for (size_t k = 0; k < c->rows * c->columns; k++) {
            size_t row = k / c->columns;
            size_t block = row * blocks + k % c->columns / 128;
            double most = ldexp(448, c->exponent[block]);
            if (fabs((double)c->x[k]) > most)
                return i;
        }
    }
    return count;
}
