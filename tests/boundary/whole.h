#ifndef WHOLE_H
#define WHOLE_H
#include "model/model.h"
/* A model for TRAINING of two layers, width 8, with n streams, as
   initialised; with its two sequences of five tokens. To be closed. */
struct model whole_open(const struct connection *k, size_t streams,
                        size_t block);
/* goes to a random point, the same for the same names and shapes */
void whole_scatter(struct model *m);
/* forward, and gradients += ; the loss */
double whole_run(struct model *m);
/* the logits of all ten tokens, after a forward of its own; as long as
   the test */
const real *whole_logits(struct model *m);
#ifdef REAL_IS_DOUBLE
/* Every parameter of such a model, scattered, against central
   differences, relative to the largest gradient of its group: phi,
   alpha and bias each split into pre, post and res, each sublayer
   apart. `zero`: names like "sublayer.0.mhc.phi.res", NULL at the end,
   whose gradients must vanish by theory: <= 1e-12 of the largest. */
void assert_gradients_of(const struct connection *k, size_t streams,
                         const char *const zero[]);
#endif
#endif
