#ifndef MATMUL_VERSIONS_H
#define MATMUL_VERSIONS_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* y = x w^T, on the gpu, by earlier versions of its product; NULL
   where the program was linked without a gpu */
typedef void version(struct device *d, struct array y, struct array x,
                     struct array w);
__attribute__((weak)) version matmul_version1, matmul_version2;
LANGUAGE_C_END
#endif
