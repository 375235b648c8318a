#ifndef ABSORB_H
#define ABSORB_H
#include "ground/real.h"
/* rows [sites][2n + n n]: pre, post, res of one token at every site; of
   the last, the exit, pre alone. gates [sites][2n] = pre and post with
   which every site reads the same without a mix; post of the exit is 0.
   The products of the mixes must have inverses. n <= 8 */
void absorb(real *gates, const real *rows, size_t sites,
            size_t streams);
#endif
