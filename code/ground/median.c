#include <math.h>
#include <stdlib.h>
#include "ground/median.h"

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

double median(double *x, size_t count)
{
    qsort(x, count, sizeof *x, ascending);
    return count == 0 ? NAN : (x[(count - 1) / 2] + x[count / 2]) / 2;
}
