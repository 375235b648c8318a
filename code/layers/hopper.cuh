#ifndef LAYERS_HOPPER_CUH
#define LAYERS_HOPPER_CUH
#include "device/device.h"

LANGUAGE_C_BEGIN
/* c [M][N] = or, where add, += op(a) op(b)^T: k runs along the rows of
   a (then a is [M][K]) or down (a is [K][M]), and so for b; along and
   along, along and down, down and down. a, b BF16, c BF16 or F32, sums
   in single. False, and nothing is done, if this GPU, or arrays whose
   rows are no multiples of 16 bytes, are not for it. */
bool hopper_product(struct device *d, struct array c, struct array a,
                    struct array b, bool a_along, bool b_along,
                    bool add);
LANGUAGE_C_END
#endif
