#include <assert.h>
#include <tgmath.h>
#include "layers/optimizer.h"

// Optimizer step
enum { WORTH_THREADS = 65536 };     /* weights */

void optimizer_step(real *weight, real *first, real *second,
                    const real *gradient, const struct adamw *a,
                    size_t count)
{
    assert(a->step >= 1);
    // Name the constants of this update
    double t = (double)a->step;
    real old1 = (real)a->beta1, new1 = (real)(1 - a->beta1);
    real old2 = (real)a->beta2, new2 = (real)(1 - a->beta2);
    real correct1 = (real)(1 / (1 - pow(a->beta1, t)));
    real correct2 = (real)(1 / (1 - pow(a->beta2, t)));
    real rate = (real)a->rate, decay = (real)a->decay;
    real epsilon = (real)a->epsilon, scale = (real)a->scale;
    #pragma omp parallel for simd if (parallel: count >= WORTH_THREADS)
    for (size_t i = 0; i < count; i++) {
        real g = scale * gradient[i];
        first[i] = old1 * first[i] + new1 * g;
        second[i] = old2 * second[i] + new2 * (g * g);
        real mean = first[i] * correct1;
        real size = sqrt(second[i] * correct2);
        weight[i] -= rate * (mean / (size + epsilon)
                             + decay * weight[i]);
    }
}

// Scale a gradient that is too long
double clip_scale(double norm, double clip)
{
    return clip > 0 && norm > clip ? clip / norm : 1;
}
