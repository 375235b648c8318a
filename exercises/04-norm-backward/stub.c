#include "layers/norm.h"
#include "ground/reduction.h"

void norm_backward(real *dx, real *dgain, const real *dout,
                   const real *x, const real *inverse_rms,
                   const real *gain, size_t rows, size_t width,
                   bool add)
{
    (void)dx; (void)dgain; (void)dout; (void)x; (void)inverse_rms;
    (void)gain; (void)rows; (void)width; (void)add;
}
