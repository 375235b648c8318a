#ifndef NORM_H
#define NORM_H
#include "ground/real.h"

#define NORM_EPSILON 1e-6   /* added to the mean square, in the root */

LANGUAGE_C_BEGIN
/* RMSNorm (Zhang and Sennrich 2019). x, out, dx, dout [rows][width];
   gain, dgain [width]; inverse_rms [rows] */
/* out = gain * x / rms(x), row by row; inverse_rms = 1 / rms(x) */
void norm_forward(real *out, real *inverse_rms, const real *x,
                  const real *gain, size_t rows, size_t width);
/* dx = or, if add, dx +=; dgain += */
void norm_backward(real *dx, real *dgain, const real *dout,
                   const real *x, const real *inverse_rms,
                   const real *gain, size_t rows, size_t width,
                   bool add);
LANGUAGE_C_END
#endif
