#include "mix/mix.h"
// Headers of the mixes
#include "mix/hyper.h"
#include "mix/matrix.h"
#include "manifold/kronecker.h"
#include "manifold/permutations.h"
#include "mix/own.h"

// How many numbers a mix takes
size_t mix_scales(enum mix mix)
{
    return mix <= MIX_STATIC ? 0 : mix == MIX_TANH_TWO ? 2 : 3;
}

size_t mix_biases(enum mix mix, size_t n)
{
    switch (mix) {
    case MIX_NONE:
        return 0;
    case MIX_STATIC:
    case MIX_TANH_TWO:
    case MIX_TANH_THREE:
        return 2 * n + n * n;
    // Biases of more mixes
    case MIX_IDENTITY:
        return 2 * n;
    case MIX_SINKHORN:
    case MIX_RELEASED:
        return 2 * n + n * n;
    case MIX_PERMUTATIONS:
        return 2 * n + permutations_of(n);
    case MIX_KRONECKER:
        return 2 * n + kronecker_factors(n);
    case MIX_OWN:
        return 2 * n + own_logits(n);
    }
    return 0;
}

struct layout layout_of(enum mix mix, size_t n, size_t width,
                        size_t iterations)
{
    struct layout l = { .mix = mix, .streams = n, .width = width,
                        .iterations = iterations };
    if (mix > MIX_STATIC) {
        bool apart = mix == MIX_TANH_TWO || mix == MIX_TANH_THREE;
        l.parts = apart ? n : 1;
        l.outputs = apart ? n + 2 : mix_biases(mix, n);
    }
    return l;
}

size_t mix_row(enum mix mix, size_t streams)
{
    struct layout l = layout_of(mix, streams, 1, 1);
    return mix == MIX_NONE ? 0 : layout_row(&l);
}

// Coefficients of a mix, forward
void mix_forward(real *coefficients, const real *alpha,
                 const real *bias, const struct layout *l,
                 size_t tokens)
{
    switch (l->mix) {
    case MIX_NONE:
        break;
    case MIX_STATIC:
        static_forward(coefficients, bias, l, tokens);
        break;
    case MIX_TANH_TWO:
    case MIX_TANH_THREE:
        tanh_forward(coefficients, alpha, bias, l, tokens);
        break;
    // More mixes, forward
    case MIX_IDENTITY:
    case MIX_SINKHORN:
    case MIX_RELEASED:
        gated_forward(coefficients, alpha, bias, l, tokens);
        break;
    case MIX_PERMUTATIONS:
    case MIX_KRONECKER:
    case MIX_OWN:
        gated_forward(coefficients, alpha, bias, l, tokens);
        break;
    }
}

// Coefficients of a mix, backward
void mix_backward(real *dcoefficients, real *dalpha, real *dbias,
                  const real *coefficients, const real *alpha,
                  const real *bias, const struct layout *l,
                  size_t tokens)
{
    switch (l->mix) {
    case MIX_NONE:
        break;
    case MIX_STATIC:
        static_backward(dcoefficients, dbias, l, tokens);
        break;
    case MIX_TANH_TWO:
    case MIX_TANH_THREE:
        tanh_backward(dcoefficients, dalpha, dbias, coefficients,
                      alpha, l, tokens);
        break;
    // More mixes, backward
    case MIX_IDENTITY:
    case MIX_SINKHORN:
    case MIX_RELEASED:
        gated_backward(dcoefficients, dalpha, dbias, coefficients, alpha,
                       bias, l, tokens);
        break;
    case MIX_PERMUTATIONS:
    case MIX_KRONECKER:
    case MIX_OWN:
        gated_backward(dcoefficients, dalpha, dbias, coefficients, alpha,
                       bias, l, tokens);
        break;
    }
}
