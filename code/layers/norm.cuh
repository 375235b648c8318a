#ifndef NORM_CUH
#define NORM_CUH
#include "device/device.h"
#include "device/kept.h"
#include "layers/norm.h"

KEPT_C_BEGIN
/* norm_forward and norm_backward of layers/norm.h, in float and in a
   gpu's memory: the same shapes. Any number of rows, 0 too. The bits
   depend on the shape, and on whether all arrays are aligned to 16
   bytes. */
void gpu_norm_forward(struct device *d, kept *out, float *inverse_rms,
                      const kept *x, const float *gain, size_t rows,
                      size_t width);
/* how many floats norm_backward wants to work in, on the gpu */
size_t gpu_norm_work(size_t rows, size_t width);
/* dx = or, if add, dx +=; dgain += */
void gpu_norm_backward(struct device *d, kept *dx, float *dgain,
                       float *work, const kept *dout, const kept *x,
                       const float *inverse_rms, const float *gain,
                       size_t rows, size_t width, bool add);
KEPT_C_END
#endif
