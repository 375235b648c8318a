#ifndef TENSOR_H
#define TENSOR_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* The products of device/device.h on the gpu, in bf16: sums in floats,
   in an order that the shapes decide, and each result rounded once. x
   and w in bf16; dy too, or in floats, which are rounded on their way
   in; y and dx in either; dw in floats. */
void sixteen_gpu_product(struct device *d, struct array y,
                         struct array x, struct array w);
void sixteen_gpu_product_input(struct device *d, struct array dx,
                               struct array dy, struct array w,
                               bool add);
void sixteen_gpu_product_weight(struct device *d, struct array dw,
                                struct array dy, struct array x);
LANGUAGE_C_END
#endif
