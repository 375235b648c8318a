#ifndef GENERAL_CUH
#define GENERAL_CUH
#include "device/device.h"

/* The products of device/device.h in bf16, of any shape and alignment:
   what no faster kernel takes. A factor in floats is rounded; sums are
   floats, in the order of the columns or rows. */
void sixteen_general_product(struct device *d, struct array y,
                             struct array x, struct array w);
void sixteen_general_product_input(struct device *d, struct array dx,
                                   struct array dy, struct array w,
                                   bool add);
void sixteen_general_product_weight(struct device *d, struct array dw,
                                    struct array dy, struct array x);
#endif
