#ifndef HOPPER_VERSIONS_H
#define HOPPER_VERSIONS_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* c [M][N] = a [M][K] b [N][K]^T: c F32, a and b BF16, with rows of
   multiples of 16 bytes; NULL where no gpu is linked */
__attribute__((weak)) bool hopper_version1(struct device *d,
                                           struct array c,
                                           struct array a,
                                           struct array b);
LANGUAGE_C_END
#endif
