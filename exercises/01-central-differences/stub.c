#include "support/difference.h"

struct difference difference_check(double (*f)(void *context),
                                   void *context, real *x,
                                   const real *gradient, size_t count)
{
    struct difference d = { 0, 0, 0 };
    (void)f;
    (void)context;
    (void)x;
    (void)gradient;
    (void)count;
    return d;
}
