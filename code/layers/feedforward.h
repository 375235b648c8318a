#ifndef FEEDFORWARD_H
#define FEEDFORWARD_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* SwiGLU (Shazeer 2020), what stands between its products; all arrays
   [count] */
/* hidden = silu(gate) * up */
void feedforward_forward(real *hidden, const real *gate,
                         const real *up, size_t count);
/* in place is allowed: dgate may be gate, dup may be up */
void feedforward_backward(real *dgate, real *dup, const real *dhidden,
                          const real *gate, const real *up,
                          size_t count);
LANGUAGE_C_END
#endif
