#ifndef CHOOSE_H
#define CHOOSE_H
#include "ground/real.h"
/* One of 0 .. count-1, drawn from softmax(logits / temperature) among
   the top_k largest logits (0: all). temperature 0: the largest logit,
   the first of them if there are several. u: random, in [0, 1).
   scratch [count]. */
size_t choose(const real *logits, size_t count, double temperature,
              size_t top_k, double u, double *scratch);
#endif
