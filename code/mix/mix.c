#include "mix/mix.h"
// Headers of the mixes
#include "mix/hyper.h"
#include "mix/gates.h"
#include "mix/deepseek.h"
#include "mix/sinkhorn.h"
#include "mix/kronecker.h"
#include "mix/permutations.h"
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

// What mixes with gates share
// Matrix of a mix, forward
/* matrix [count][n][n] from logits [count][outputs - 2n] */
static void matrix_forward(real *matrix, const real *logits,
                           size_t count, const struct layout *l)
{
    size_t n = l->streams;
    switch (l->mix) {
    case MIX_SINKHORN:
        sinkhorn_forward(matrix, logits, count, n, l->iterations);
        break;
    case MIX_RELEASED:
        deepseek_forward(matrix, logits, count, n, l->iterations);
        break;
    // More matrices, forward
    case MIX_PERMUTATIONS:
        permutations_forward(matrix, logits, count, n, 0);
        break;
    case MIX_KRONECKER:
        kronecker_forward(matrix, logits, count, n, 0);
        break;
    case MIX_OWN:
        own_forward(matrix, logits, count, n);
        break;
    default:        /* MIX_IDENTITY */
        for (size_t e = 0; e < count * n * n; e++)
            matrix[e] = e % (n * n) % (n + 1) == 0;
    }
}

// Matrix of a mix, backward
/* dlogits = */
static void matrix_backward(real *dlogits, const real *dmatrix,
                            const real *logits, size_t count,
                            const struct layout *l)
{
    size_t n = l->streams;
    switch (l->mix) {
    case MIX_SINKHORN:
        sinkhorn_backward(dlogits, dmatrix, logits, count, n,
                          l->iterations);
        break;
    case MIX_RELEASED:
        deepseek_backward(dlogits, dmatrix, logits, count, n,
                          l->iterations);
        break;
    // More matrices, backward
    case MIX_PERMUTATIONS:
        permutations_backward(dlogits, dmatrix, logits, count, n, 0);
        break;
    case MIX_KRONECKER:
        kronecker_backward(dlogits, dmatrix, logits, count, n, 0);
        break;
    case MIX_OWN:
        own_backward(dlogits, dmatrix, logits, count, n);
        break;
    default:        /* MIX_IDENTITY has no logits */
        break;
    }
}

// Gates and matrices, forward
enum { TOKENS = 64, MATRIX = MIX_STREAMS * MIX_STREAMS };

static size_t block_at(size_t first, size_t tokens)
{
    return tokens - first < TOKENS ? tokens - first : TOKENS;
}

static void gated_forward(real *coefficients, const real *alpha,
                          const real *bias, const struct layout *l,
                          size_t tokens)
{
    size_t n = l->streams, K = layout_row(l);
    gates_forward(coefficients, alpha, bias, l, tokens);
    for (size_t first = 0; first < tokens; first += TOKENS) {
        size_t count = block_at(first, tokens);
        real *block = coefficients + first * K;
        real logits[TOKENS * MATRIX], matrix[TOKENS * MATRIX];
        mix_logits(logits, block, alpha, bias, l, count);
        matrix_forward(matrix, logits, count, l);
        for (size_t t = 0; t < count; t++)
            memcpy(block + t * K + 2 * n, matrix + t * n * n,
                   n * n * sizeof(real));
    }
}

// Gates and matrices, backward
static void gated_backward(real *dcoefficients, real *dalpha,
                           real *dbias, const real *coefficients,
                           const real *alpha, const real *bias,
                           const struct layout *l, size_t tokens)
{
    size_t n = l->streams, K = layout_row(l);
    gates_backward(dcoefficients, dalpha, dbias, coefficients, alpha, l,
                   tokens);
    for (size_t first = 0; first < tokens; first += TOKENS) {
        size_t count = block_at(first, tokens);
        const real *block = coefficients + first * K;
        real *dblock = dcoefficients + first * K;
        real logits[TOKENS * MATRIX], dlogits[TOKENS * MATRIX];
        real dmatrix[TOKENS * MATRIX];
        mix_logits(logits, block, alpha, bias, l, count);
        for (size_t t = 0; t < count; t++)
            memcpy(dmatrix + t * n * n, dblock + t * K + 2 * n,
                   n * n * sizeof(real));
        matrix_backward(dlogits, dmatrix, logits, count, l);
        mix_logits_backward(dblock, dalpha, dbias, dlogits, block,
                            alpha, l, count);
    }
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
    (void)bias;         /* some mixes do not look at it */
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
