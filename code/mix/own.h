#ifndef OWN_H
#define OWN_H
#include <stddef.h>
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* MIX_OWN: a matrix of your own. Here, the identity. */
size_t own_logits(size_t n);
/* matrix [count][n][n] from logits [count][own_logits(n)] */
void own_forward(real *matrix, const real *logits, size_t count,
                 size_t n);
/* dlogits = */
void own_backward(real *dlogits, const real *dmatrix,
                  const real *logits, size_t count, size_t n);
LANGUAGE_C_END
#endif
