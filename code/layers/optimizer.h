#ifndef OPTIMIZER_H
#define OPTIMIZER_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* One update of AdamW (Loshchilov and Hutter 2019). */
struct adamw {
    double rate, decay, beta1, beta2, epsilon;
    double scale;               /* of the gradient: see clip_scale */
    size_t step;                /* 1 at the first update */
};

/* moves weight, and first and second, its moments; each [count] */
void optimizer_step(real *weight, real *first, real *second,
                    const real *gradient, const struct adamw *a,
                    size_t count);

// Functions of the optimizer
/* what to multiply a gradient of this norm by: 1, or less if it is
   longer than clip; clip 0: never less */
double clip_scale(double norm, double clip);

// What a device must know of an update
/* the settings of an update, a row of doubles */
enum { ADAMW_RATE, ADAMW_DECAY, ADAMW_BETA1, ADAMW_BETA2, ADAMW_EPSILON,
       ADAMW_CLIP, ADAMW_STEP, ADAMW_NUMBERS };

/* `count` weights from number `first` on, and whether they decay */
struct segment { size_t first, count; bool decay; };
LANGUAGE_C_END
#endif
