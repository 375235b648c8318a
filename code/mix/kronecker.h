#ifndef KRONECKER_H
#define KRONECKER_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* Kronecker products of matrices [[p, q], [q, p]], p + q = 1; n = 1,
   2, 4 or 8. */
/* how many factors make a matrix of n: log2 n */
size_t kronecker_factors(size_t n);
/* matrix [count][n][n], the product of the factors, the first one
   outermost; p = sigmoid(logits [count][factors]), finite.
   `iterations` is not looked at. Serial. */
void kronecker_forward(real *matrix, const real *logits, size_t count,
                       size_t n, size_t iterations);
/* dlogits = */
void kronecker_backward(real *dlogits, const real *dmatrix,
                        const real *logits, size_t count, size_t n,
                        size_t iterations);
LANGUAGE_C_END
#endif
