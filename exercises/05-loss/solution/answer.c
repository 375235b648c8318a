#include "layers/loss.h"
#include "ground/reduction.h"

// Loss forward
static inline real weight(struct operands o, size_t v)
{
    return exponential(o.a[v] - *o.b);
}

void loss_forward(real *each, real *lse, const real *logits,
                  const token *target, size_t tokens,
                  size_t vocabulary)
{
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        const real *row = logits + t * vocabulary;
        real most = largest(row, vocabulary);
        struct operands o = { .a = row, .b = &most };
        real rest = (real)log((double)sum_in_lanes(weight, o,
                                                   vocabulary));
        lse[t] = most + rest;
        each[t] = rest + (most - row[target[t]]);
    }
}

// Loss backward
void loss_backward(real *dlogits, const real *logits, const real *lse,
                   const token *target, real scale, size_t tokens,
                   size_t vocabulary)
{
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        const real *row = logits + t * vocabulary;
        real *d = dlogits + t * vocabulary, sum = lse[t];
        #pragma omp simd
        for (size_t v = 0; v < vocabulary; v++)
            d[v] = scale * exponential(row[v] - sum);
        d[target[t]] -= scale;
    }
}
