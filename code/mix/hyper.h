#ifndef HYPER_H
#define HYPER_H
#include "mix/mix.h"

LANGUAGE_C_BEGIN
/* Coefficients of Hyper-Connections; see mix_forward */
void static_forward(real *coefficients, const real *bias,
                    const struct layout *l, size_t tokens);
void static_backward(const real *dcoefficients, real *dbias,
                     const struct layout *l, size_t tokens);
void tanh_forward(real *coefficients, const real *alpha,
                  const real *bias, const struct layout *l,
                  size_t tokens);
void tanh_backward(real *dcoefficients, real *dalpha, real *dbias,
                   const real *coefficients, const real *alpha,
                   const struct layout *l, size_t tokens);
LANGUAGE_C_END
#endif
