#ifndef LAB_KERNELS_H
#define LAB_KERNELS_H
#include "ground/real.h"
LANGUAGE_C_BEGIN
/* All pointers but those said to be the host's are to the device's
   memory. No sizes, no launch; nothing waits for the device. */
// What CUDA labs define
/* lab 36: out = gain * x / rms(x), as norm_forward. x, out
   [rows][width]; gain [width]; inverse_rms [rows]; width >= 1 */
void rms_norm_by_warps(float *out, float *inverse_rms, const float *x,
                       const float *gain, size_t rows, size_t width);
/* lab 37: sums[r][c] = x[r][0] + ... + x[r][c]; [rows][width] */
void running_sums(float *sums, const float *x, size_t rows,
                  size_t width);
LANGUAGE_C_END
#endif
