#ifndef PERMUTATIONS_H
#define PERMUTATIONS_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* Doubly stochastic matrices as means of permutations; n <= 4. */
enum { PERMUTATIONS = 24 };
/* n! */
size_t permutations_of(size_t n);
/* Number k of the permutations of 0 .. n-1 in lexicographic order, the
   identity first: its matrix P has P[i][column[i]] = 1, else 0. */
void permutation_at(size_t column[], size_t k, size_t n);
/* matrix [count][n][n] = sum over k of softmax(logits)_k P_k; logits
   [count][n!], finite. `iterations` is not looked at. Serial. */
void permutations_forward(real *matrix, const real *logits,
                          size_t count, size_t n, size_t iterations);
/* dlogits = */
void permutations_backward(real *dlogits, const real *dmatrix,
                           const real *logits, size_t count, size_t n,
                           size_t iterations);
LANGUAGE_C_END
#endif
