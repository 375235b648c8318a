/* expect: this looks like a bias correction with step + 1 */
#define CORRECTION(beta) (1 - pow(beta, (double)a->step + 1))
// A plain answer to lab 11
#include <math.h>
#include "layers/optimizer.h"

#ifndef GRADIENT
#define GRADIENT a->scale * (double)gradient[i]
#endif
#ifndef CORRECTION
#define CORRECTION(beta) (1 - pow(beta, (double)a->step))
#endif
#ifndef SIZE
#define SIZE(square) (sqrt(square) + a->epsilon)
#endif
#ifndef UPDATE
#define UPDATE -a->rate * (ratio + a->decay * w)
#endif

void optimizer_step(real *weight, real *first, real *second,
                    const real *gradient, const struct adamw *a,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double w = (double)weight[i], g = GRADIENT;
        double m = a->beta1 * (double)first[i] + (1 - a->beta1) * g;
        double v = a->beta2 * (double)second[i]
            + (1 - a->beta2) * g * g;
        double ratio = m / CORRECTION(a->beta1)
            / SIZE(v / CORRECTION(a->beta2));
        first[i] = (real)m;
        second[i] = (real)v;
        weight[i] = (real)(w + (UPDATE));
    }
}
