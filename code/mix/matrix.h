#ifndef MATRIX_H
#define MATRIX_H
#include "mix/mix.h"

/* pre, post by the gates, res = matrix of the mix; see mix_forward */
void gated_forward(real *coefficients, const real *alpha,
                   const real *bias, const struct layout *l,
                   size_t tokens);
void gated_backward(real *dcoefficients, real *dalpha, real *dbias,
                    const real *coefficients, const real *alpha,
                    const real *bias, const struct layout *l,
                    size_t tokens);
/* matrix [count][n][n] from logits [count][outputs - 2n] */
void matrix_forward(real *matrix, const real *logits, size_t count,
                    const struct layout *l);
/* dlogits = */
void matrix_backward(real *dlogits, const real *dmatrix,
                     const real *logits, size_t count,
                     const struct layout *l);
#endif
