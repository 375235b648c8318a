#ifndef SINKHORN_H
#define SINKHORN_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* Sinkhorn-Knopp, eq. 9 of Xie et al. 2025. Arrays [count][n][n],
   n <= 8; 1 <= iterations <= 100; logits must be finite, or their
   matrix is NaN. Serial; each depends on its own logits alone. */

/* matrix = exp(logits), `iterations` times (columns, then rows)
   normalised; matrix may be logits */
void sinkhorn_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations);
/* dlogits = ; the iterates are computed again from the logits;
   dlogits may be dmatrix */
void sinkhorn_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations);
LANGUAGE_C_END
#endif
