/* expect: where are all the x kept? */
// A chain
#include "ground/real.h"

struct chain {
    real (*link)(void *context, size_t l, real x);
    real (*slope)(void *context, size_t l, real x);
    void *context;
};

real chain_backward(const struct chain *c, real x, size_t length,
                    size_t block, real *room)
{
    real kept[100], derivative = 1;
    (void)block, (void)room;
    for (size_t l = 0; l < length; l++) {
        kept[l] = x;
        x = c->link(c->context, l, x);
    }
    for (size_t l = length; l-- > 0; )
        derivative *= c->slope(c->context, l, kept[l]);
    return derivative;
}
