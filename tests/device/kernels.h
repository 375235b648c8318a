#ifndef KERNELS_H
#define KERNELS_H
#include "device/device.h"

LANGUAGE_C_BEGIN
// Declarations of the kernels for tests
/* y = a + b, each [count] */
void kernels_add(struct device *d, float *y, const float *a,
                 const float *b, size_t count);
/* the same with `threads` in a block, however many */
void kernels_add_by(struct device *d, float *y, const float *a,
                    const float *b, size_t count, unsigned threads);
/* got [4][threads]: what each thread of a block has of x [2][threads]:
   block_sum of either row, one right after the other, then block_max
   of either. threads: 32, 128, 256 or 1024 */
void kernels_reduce(struct device *d, float *got, const float *x,
                    int threads);
/* uploads numbers from memory that the GPU fetches from by itself, and
   overwrites that memory at once */
void kernels_upload(struct device *d, struct array to,
                    const float *numbers);
LANGUAGE_C_END
#endif
