#ifndef GATES_H
#define GATES_H
#include "mix/mix.h"

LANGUAGE_C_BEGIN
/* What mixes with one norm (parts = 1) share. With z = inverse_rms raw,
   the outputs are, in this order, pre [n], post [n], and outputs - 2n
   for the mix; bias is in the same order. Serial. */
/* pre = sigmoid(alpha[0] z + bias), + epsilon for MIX_RELEASED;
   post = 2 sigmoid(alpha[1] z + bias) */
void gates_forward(real *coefficients, const real *alpha,
                   const real *bias, const struct layout *l,
                   size_t tokens);
/* the first 2n of raw of dcoefficients = gradient of z;
   dalpha [2], dbias [2n] += */
void gates_backward(real *dcoefficients, real *dalpha, real *dbias,
                    const real *coefficients, const real *alpha,
                    const struct layout *l, size_t tokens);
/* logits [tokens][outputs - 2n] = alpha[2] z + bias */
void mix_logits(real *logits, const real *coefficients,
                const real *alpha, const real *bias,
                const struct layout *l, size_t tokens);
/* the rest of raw of dcoefficients = gradient of z;
   dalpha[2], the rest of dbias += */
void mix_logits_backward(real *dcoefficients, real *dalpha, real *dbias,
                         const real *dlogits, const real *coefficients,
                         const real *alpha, const struct layout *l,
                         size_t tokens);
LANGUAGE_C_END
#endif
