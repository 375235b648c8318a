#include "layers/feedforward.h"

// The sigmoid
static inline real sigmoid(real x)
{
    return 1 / (1 + exponential(-x));
}

// Feedforward forward
void feedforward_forward(real *hidden, const real *gate,
                         const real *up, size_t count)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        hidden[i] = gate[i] * sigmoid(gate[i]) * up[i];
}

// Feedforward backward
void feedforward_backward(real *dgate, real *dup, const real *dhidden,
                          const real *gate, const real *up,
                          size_t count)
{
    #pragma omp simd
    for (size_t i = 0; i < count; i++) {
        real g = gate[i], u = up[i], s = sigmoid(g);
        dup[i] = dhidden[i] * (g * s);
        dgate[i] = dhidden[i] * (u * s * (1 + g * (1 - s)));
    }
}
