#ifndef CROSS_EIGHT_CUH
#define CROSS_EIGHT_CUH
#include "boundary/cross.cuh"

LANGUAGE_C_BEGIN
/* gpu_cross_at_once and its way back, with two or four streams in E4M3,
   to the nearest or by chance; widths of 128 a block; on GPUs of 9.0
   and later. By so many blocks; 0: as suits the GPU. False, and
   nothing is done: they do not take these. */
bool gpu_cross_eight(struct device *d, const struct site *from,
                     const struct site *to, unsigned blocks);
bool gpu_cross_back_eight(struct device *d, const struct site *from,
                          const struct site *to, unsigned blocks);
/* by so many blocks, forward or back; 0: it does not go */
unsigned gpu_blocks_eight(struct device *d, const struct site *to,
                          bool back, unsigned blocks);
/* bytes of shared memory on the way back */
size_t gpu_room_back_eight(size_t streams, size_t slice);
LANGUAGE_C_END
#endif
