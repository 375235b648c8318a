#ifndef LAYERS_EIGHT_H
#define LAYERS_EIGHT_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* The products of device/device.h on the gpu, of images in E4M3: on
   9.0 from codes, elsewhere from images in bf16. What has the role
   EXACT is multiplied in bf16. */
void eight_gpu_product(struct device *d, struct array y, struct array x,
                       struct array w);
void eight_gpu_product_input(struct device *d, struct array dx,
                             struct array dy, struct array w, bool add);
void eight_gpu_product_weight(struct device *d, struct array dw,
                              struct array dy, struct array x);
LANGUAGE_C_END
#endif
