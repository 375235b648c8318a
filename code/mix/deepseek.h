#ifndef DEEPSEEK_H
#define DEEPSEEK_H
#include "ground/real.h"

#define DEEPSEEK_EPSILON ((real)1e-6)

LANGUAGE_C_BEGIN
/* The mix of DeepSeek-V4's published code. From logits [count][n][n],
   row = input stream: a softmax of the rows, + epsilon, the columns
   divided by their sums + epsilon, then (iterations - 1) times rows
   and columns. matrix is the transpose, row = output stream, as ours.
   n <= 8, iterations 1 .. 100; serial */
void deepseek_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations);
/* dlogits = */
void deepseek_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations);
LANGUAGE_C_END
#endif
