/* expect: it was stopped by a sanitizer */
#include "support/difference.h"

struct difference difference_check(double (*f)(void *context),
                                   void *context, real *x,
                                   const real *gradient, size_t count)
{
    const double *start = (double *)context + count;
    const double *weight = start + count;
    struct difference d = { 0, 0, 0 };
    for (size_t i = 0; i < count; i++) {
        const double kept = x[i], h = 6e-6 * fmax(1, fabs(kept));
        x[i] = kept + h;
        f(context);
        x[i] = kept - h;
        f(context);
        x[i] = kept;
        double slope = weight[i] * start[i] * start[i];
        double error = fabs(slope - gradient[i]);
        if (isnan(error))
            error = INFINITY;
        if (error > d.worst) {
            d.worst = error;
            d.at = i;
        }
        d.largest = fmax(d.largest, fabs(slope));
    }
    if (d.worst > 0)
        d.worst /= d.largest;
    return d;
}
