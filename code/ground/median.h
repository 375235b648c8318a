#ifndef MEDIAN_H
#define MEDIAN_H
#include <stddef.h>
#include "ground/language.h"

LANGUAGE_C_BEGIN
/* the middle one of x, or the mean of the middle two; NaN of none.
   Leaves x in ascending order. */
double median(double *x, size_t count);
LANGUAGE_C_END
#endif
