#ifndef EMULATOR_KERNELS_H
#define EMULATOR_KERNELS_H
#include "ground/language.h"
#include <stdbool.h>
#include <stddef.h>

/* Each runs a kernel or two and brings back what they gave. */
struct emulator_kernels {
    void (*shuffles)(int *out);         /* 10 x 32 */
    void (*shuffle_doubles)(double *out);       /* 32 */
    void (*votes)(unsigned *out);       /* 5 x 40 */
    void (*reductions)(int *out);       /* 9 x 32 */
    void (*barriers)(int *out);         /* 4 x 96 */
    void (*indices)(int *out);          /* 12 blocks of 24 */
    void (*block_sums)(float *out, int blocks);
    void (*dynamic)(int *out, size_t bytes);    /* 2: status, last */
    void (*atomics)(int *out);          /* 10 */
    void (*vectors)(float *out);        /* 64 */
    void (*pipeline)(int *out);         /* 64 + 64 + 64 */
    void (*arguments)(double *out);     /* 5 */
    void (*streams)(int *out);          /* 4 */
    void (*events)(float *ms);          /* 2 */
    void (*errors)(int *out, const char **names);       /* 6, 3 */
    void (*memory)(int *out);           /* 5 */
    void (*poison)(float *out);         /* 3 */
    void (*columns)(int pitch);
    void (*strided)(int stride);
};
LANGUAGE_C_BEGIN
extern const struct emulator_kernels emulator_kernels
    __attribute__((weak));
LANGUAGE_C_END
#endif
