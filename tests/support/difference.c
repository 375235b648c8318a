#include "support/difference.h"

// Hold a gradient against central differences
struct difference difference_check(double (*f)(void *context),
                                   void *context, real *x,
                                   const real *gradient, size_t count)
{
    struct difference d = { 0, 0, 0 };
    for (size_t i = 0; i < count; i++) {
        // Let slope be the central difference at x[i]
        const real kept = x[i];
        const double h = cbrt(REAL_EPSILON) * fmax(1, fabs((double)kept));
        const real up = (real)(kept + h), down = (real)(kept - h);
        x[i] = up;
        double above = f(context);
        x[i] = down;
        double below = f(context);
        x[i] = kept;
        double slope = (above - below) / ((double)up - (double)down);
        double error = fabs(slope - (double)gradient[i]);
        if (isnan(error) ? !isnan(d.worst) : error > d.worst) {
            d.worst = error;
            d.at = i;
        }
        d.largest = fmax(d.largest, fabs(slope));
    }
    if (isnan(d.worst))
        d.worst = INFINITY;
    if (d.worst > 0)
        d.worst /= d.largest;
    return d;
}
