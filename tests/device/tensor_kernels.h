#ifndef TENSOR_KERNELS_H
#define TENSOR_KERNELS_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* Each instruction of device/tensor.cuh by one warp; registers lie as
   [lane][register], in the gpu's memory. */
/* sum [32][4] += a [32][4] b [32][2] */
void tensor_multiply(struct device *d, float *sum, const uint32_t *a,
                     const uint32_t *b, bool in_tf32);
/* r [32][4], of rows [32][8]; lane l points to row from[l] */
void tensor_load(struct device *d, uint32_t *r, const uint16_t *rows,
                 const uint32_t *from, bool turned);
/* got [2][count]: tf32 of each, and packed with the one after it; the
   last with 0 */
void tensor_round(struct device *d, uint32_t *got, const float *x,
                  size_t count);
LANGUAGE_C_END
#endif
