#ifndef MATMUL_VERSIONS_H
#define MATMUL_VERSIONS_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* y = x w^T, on the gpu, by earlier versions of its product */
void matmul_version1(struct device *d, struct array y, struct array x,
                     struct array w);
void matmul_version2(struct device *d, struct array y, struct array x,
                     struct array w);
LANGUAGE_C_END
#endif
