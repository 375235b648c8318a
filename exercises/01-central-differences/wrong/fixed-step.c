/* expect: at x = 1e+06 the step should be 6.0 */
#include "support/difference.h"

struct difference difference_check(double (*f)(void *context),
                                   void *context, real *x,
                                   const real *gradient, size_t count)
{
    struct difference d = { 0, 0, 0 };
    const double h = cbrt(REAL_EPSILON);
    for (size_t i = 0; i < count; i++) {
        const real kept = x[i];
        x[i] = kept + h;
        double slope = f(context);
        x[i] = kept - h;
        slope = (slope - f(context)) / (2 * h);
        x[i] = kept;
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
