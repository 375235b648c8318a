#ifndef LAB_GPU_H
#define LAB_GPU_H
#include "support/lab.h"
LANGUAGE_C_BEGIN
/* lab_begin, for answers that run in the emulator */
void lab_gpu_begin(const char *title);
/* As lab_call; order is "forward", "reverse" or "random:7": of blocks,
   warps and lanes. */
#define lab_gpu_call(order, ...) \
    do { \
        lab_gpu_before(order); \
        lab_call(lab_gpu_order(order); __VA_ARGS__; lab_gpu_end()); \
    } while (0)
/* In it: device memory with the numbers of this array. When the answer
   is back, the array has the device's numbers; so inputs are seen to
   be only read. */
#define lab_gpu(host, count) lab_gpu_named(#host, host, count)
/* device memory that nobody has written */
float *lab_gpu_scratch(size_t count);
// More of labs on the gpu
/* In a call: how many launches, copies, graphs made ready and launched
   there were so far, as a number of an array of one */
void lab_gpu_calls(real *calls);

float *lab_gpu_named(const char *name, const float *host, size_t count);
void lab_gpu_before(const char *order);
void lab_gpu_order(const char *order);
void lab_gpu_end(void);
LANGUAGE_C_END
#endif
