#ifndef COST_H
#define COST_H
#include "model/model.h"
/* Floating-point operations of one update on one token, forward and
   backward: products, attention, and reading, mixing and writing the
   streams. Norms, the gate, Sinkhorn and the optimizer are left out. */
double cost_of_token(const struct model *m);
/* of a whole run: an update on all tokens, times the steps; 0 if such
   a model cannot be */
double cost_of_run(const struct configuration *c);
#endif
