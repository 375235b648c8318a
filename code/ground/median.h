#ifndef MEDIAN_H
#define MEDIAN_H
#include <stddef.h>
/* the middle one of x, or the mean of the middle two; NaN of none.
   Leaves x in ascending order. */
double median(double *x, size_t count);
#endif
