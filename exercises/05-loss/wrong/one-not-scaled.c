/* expect: this looks like 1 subtracted where scale should be */
#define TIMES / scale
// A plain answer to lab 5
#include "layers/loss.h"

#ifndef SHIFT
#define SHIFT most
#endif
#ifndef LOSS
#define LOSS log((double)sum) - (double)(row[target[t]] - SHIFT)
#endif
#ifndef SCALE
#define SCALE scale
#endif
#ifndef ONE
#define ONE target[t]
#endif
#ifndef PREPARE
#define PREPARE
#endif
#ifndef TIMES
#define TIMES
#endif

void loss_forward(real *each, real *lse, const real *logits,
                  const token *target, size_t tokens,
                  size_t vocabulary)
{
    for (size_t t = 0; t < tokens; t++) {
        const real *row = logits + t * vocabulary;
        real most = row[0], sum = 0;
        for (size_t v = 1; v < vocabulary; v++)
            most = row[v] > most ? row[v] : most;
        for (size_t v = 0; v < vocabulary; v++)
            sum += exponential(row[v] - SHIFT);
        lse[t] = (real)((double)SHIFT + log((double)sum));
        each[t] = (real)(LOSS);
    }
}

void loss_backward(real *dlogits, const real *logits, const real *lse,
                   const token *target, real scale, size_t tokens,
                   size_t vocabulary)
{
    for (size_t t = 0; t < tokens; t++) {
        const real *row = logits + t * vocabulary;
        real *d = dlogits + t * vocabulary;
        PREPARE;
        for (size_t v = 0; v < vocabulary; v++)
            d[v] = SCALE * (exponential(row[v] - lse[t]) -
                            (v == (size_t)ONE) TIMES);
    }
    (void)scale; (void)target;
}
