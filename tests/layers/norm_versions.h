#ifndef NORM_VERSIONS_H
#define NORM_VERSIONS_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* gpu_norm_forward of layers/norm.cuh, by a thread and by a block for
   each row */
void norm_1_forward(struct device *d, float *out, float *inverse_rms,
                    const float *x, const float *gain, size_t rows,
                    size_t width);
void norm_2_forward(struct device *d, float *out, float *inverse_rms,
                    const float *x, const float *gain, size_t rows,
                    size_t width);
LANGUAGE_C_END
#endif
