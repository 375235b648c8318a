#ifndef OPTIMIZER_CUH
#define OPTIMIZER_CUH
#include "layers/layers.cuh"

KEPT_BEGIN
// The constants of an update, on the gpu
/* gpu_step leaves them where the workspace begins */
struct update {
    float old1, new1, old2, new2, correct1, correct2;
    float rate, decay, epsilon, scale;
    bool moves;
};

// Move a weight
static __device__ inline float move_weight(
    const struct update &u, bool decays, float *weight, float *first,
    float *second, float gradient)
{
    float g = u.scale * gradient, decay = decays ? u.decay : 0;
    float m = *first = u.old1 * *first + u.new1 * g;
    float v = *second = u.old2 * *second + u.new2 * (g * g);
    *weight -= u.rate * (m * u.correct1
                         / (sqrtf(v * u.correct2) + u.epsilon)
                         + decay * *weight);
    return *weight;
}
KEPT_END
#endif
