#ifndef KINDS_H
#define KINDS_H
#include "model/model.h"
/* Connections and sublayers that the program does not have; they run
   on the cpu only. */

/* n streams; what is read, written and mixed is computed from the
   streams for each token:
   c = tanh(phi x + b), in the order pre [n], post [n], res [n][n];
   input = pre x; next = res x + post^T answer; leaves by a learned
   sum */
extern const struct connection mixing;
/* the same, and the residual, crossing one token after the other */
extern const struct connection mixing_by_token, residual_by_token;
/* the residual without its fused cross */
extern const struct connection residual_unfused;
/* y = sum of two experts e: g_e W2_e tanh(W1_e x), g = softmax(G x) */
extern const struct sublayer mixture;
#endif
