#ifndef UNFOLD_H
#define UNFOLD_H
#include "ground/real.h"
/* rows [sites][2n + n*n]: pre, post, res of one token at every site; of
   the last, the exit, pre alone. map [sites][sites] = the weights in
   what is read at site k (row k): of the vector that entered in column
   0, of answer j in column j + 1, 0 from column k + 1 on. n <= 8 */
void unfold(real *map, const real *rows, size_t sites, size_t streams);
#endif
