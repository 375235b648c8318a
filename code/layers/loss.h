#ifndef LOSS_H
#define LOSS_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* Cross-entropy, in nats. logits, dlogits [tokens][vocabulary]; each,
   lse, target [tokens]; every target is below vocabulary */
/* lse[t] = ln of the sum of exp(logits[t][v]) over v;
   each[t] = lse[t] - logits[t][target[t]] */
void loss_forward(real *each, real *lse, const real *logits,
                  const token *target, size_t tokens,
                  size_t vocabulary);
/* dlogits = scale * (softmax - onehot); dlogits may be logits */
void loss_backward(real *dlogits, const real *logits, const real *lse,
                   const token *target, real scale, size_t tokens,
                   size_t vocabulary);
LANGUAGE_C_END
#endif
