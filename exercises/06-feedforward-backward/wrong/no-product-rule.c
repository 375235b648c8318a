/* expect: the second term of the product rule is missing */
#define SLOPE s
// A plain answer to lab 6
#include "layers/feedforward.h"

#ifndef SLOPE
#define SLOPE s * (1 + g * (1 - s))
#endif
#ifndef UP
#define UP u
#endif
#ifndef SILU
#define SILU g * s
#endif
#ifndef GATE_AGAIN
#define GATE_AGAIN g
#endif

void feedforward_backward(real *dgate, real *dup, const real *dhidden,
                          const real *gate, const real *up,
                          size_t count)
{
    for (size_t i = 0; i < count; i++) {
        real g = gate[i], u = up[i], s = 1 / (1 + exponential(-g));
        dgate[i] = dhidden[i] * UP * (SLOPE);
        g = GATE_AGAIN;
        dup[i] = dhidden[i] * (SILU);
        (void)u; (void)s;
    }
}
