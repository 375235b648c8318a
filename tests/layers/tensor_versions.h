#ifndef TENSOR_VERSIONS_H
#define TENSOR_VERSIONS_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* y = x w^T of bf16 into floats, on the gpu, by earlier versions of
   the product; NULL where the program was linked without a gpu */
typedef void tensor_version(struct device *d, struct array y,
                            struct array x, struct array w);
__attribute__((weak)) tensor_version tensor_version1, tensor_version2,
                                     tensor_version3;
LANGUAGE_C_END
#endif
