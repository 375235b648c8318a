#ifndef EIGHT_KERNELS_H
#define EIGHT_KERNELS_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* pair [count], in a gpu's memory: the codes of the float with the bits
   first + i, and of its negative, by e4m3_pair */
__attribute__((weak)) void eight_codes(struct device *d, uint16_t *pair,
                                       uint32_t first, size_t count);
LANGUAGE_C_END
#endif
