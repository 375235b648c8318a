#ifndef OPTIMIZER_H
#define OPTIMIZER_H
#include "ground/real.h"

/* One update of AdamW [loshchilov2019]. */
struct adamw {
    double rate, decay, beta1, beta2, epsilon;
    double scale;               /* of the gradient: see clip_scale */
    size_t step;                /* 1 at the first update */
};

struct optimizer {
    /* in an order that does not depend on the number of threads */
    double (*sum_of_squares)(const real *x, size_t count);
    /* moves weight, and first and second, its moments; each [count] */
    void (*step)(real *weight, real *first, real *second,
                 const real *gradient, const struct adamw *a,
                 size_t count);
};

void optimizer_step(real *weight, real *first, real *second,
                    const real *gradient, const struct adamw *a,
                    size_t count);

// Functions of the optimizer
/* what to multiply a gradient of this norm by: 1, or less if it is
   longer than clip; clip 0: never less */
double clip_scale(double norm, double clip);

#endif
