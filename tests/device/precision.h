#ifndef PRECISION_H
#define PRECISION_H
#include "model/kinds.h"
#include "ground/real.h"

enum { WHOLE_MOST = 1 << 14 };     /* parameters of such a model */
/* Its loss and gradients, in this precision on the cpu. Blocks of
   recomputation; crossed by one operation after the other; weights that
   were settled first, if that is not NULL. */
double whole_in(const char *precision, real *gradients,
                const struct connection *k, size_t block, bool apart,
                void (*settle)(real *, size_t));
/* They differ from those in single by roundings. Rounding the weights
   once shows how much one may move a gradient, at least 2^-8 of it. A
   number goes through 11 stores a sublayer, 44 in all: no element may
   be off by more than 44 times that, nor all together, since roundings
   go up and down, by more than three times its root. */
void assert_gradients_near_single(const char *precision,
                                  const struct connection *k);
/* nor does crossing by one operation after the other */
void assert_recomputing_changes_no_bit(const char *precision,
                                       const struct connection *k);
void assert_the_same_for_any_threads(const char *precision);
/* for twenty updates, by so much at the most, in nats */
void assert_training_follows_single(const char *precision, double most);
/* bit for bit, if it was saved and read; in single, too */
void assert_a_run_goes_on(const char *precision);
#endif
