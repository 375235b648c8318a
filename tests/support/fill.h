#ifndef FILL_H
#define FILL_H
#include "ground/real.h"
/* normal numbers times scale; another seed, other numbers */
void fill_normal(real *x, size_t count, uint64_t seed, double scale);
/* integers from -most to most */
void fill_integers(real *x, size_t count, uint64_t seed, int most);
extern uint64_t fill_salt;      /* another one, all other numbers; 0 */
/* `count` zeros, or NaNs to see what is not written; never NULL. They
   last as long as the test; nobody need free them. */
real *test_reals(size_t count);
real *test_unset(size_t count);
#endif
