/* expect: it calls gain_product, which this lab does not offer */
#include <math.h>
#include <string.h>
#include "gain/gain.h"
#include "boundary/mixing.h"

// The gains along a chain
enum { SQUARE = MIX_STREAMS * MIX_STREAMS };

void gain_along(struct gain *composite, const double *mixing,
                size_t depth, size_t n)
{
    double so_far[SQUARE], next[SQUARE];
    size_t square = n * n, bytes = square * sizeof(double);
    for (size_t l = 0; l < depth; l++) {
        const double *h = mixing + l * square;
        if (l == 0)
            memcpy(next, h, bytes);
        else
            gain_product(next, h, so_far, n);
        composite[l] = gain_of(next, n);
        memcpy(so_far, next, bytes);
    }
    // The same from the end
    for (size_t l = depth; l-- > 0; ) {
        const double *h = mixing + l * square;
        if (l + 1 == depth)
            memcpy(next, h, bytes);
        else
            gain_product(next, so_far, h, n);
        struct gain g = gain_of(next, n);
        composite[l].backward = g.backward;
        composite[l].backward_least = g.backward_least;
        memcpy(so_far, next, bytes);
    }
}
