/* expect: FAIL x, put back */
#include "support/difference.h"

struct difference difference_check(double (*f)(void *context),
                                   void *context, real *x,
                                   const real *gradient, size_t count)
{
    struct difference d = { 0, 0, 0 };
    for (size_t i = 0; i < count; i++) {
        const double h = cbrt(REAL_EPSILON) * fmax(1, fabs(x[i]));
        x[i] += h;
        double above = f(context);
        x[i] -= 2 * h;
        double below = f(context);
        x[i] += h;
        double slope = (above - below) / (2 * h);
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
