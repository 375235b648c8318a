#ifndef SUM_H
#define SUM_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* In double, over SLICES slices: the same bits for any number of
   threads. */
double sum_of(const real *x, size_t count);
double sum_of_squares(const real *x, size_t count);
LANGUAGE_C_END
#endif
