#include "mix/gates.h"
#include "mix/matrix.h"

enum { TOKENS = 64, MATRIX = MIX_STREAMS * MIX_STREAMS };

static size_t block_at(size_t first, size_t tokens)
{
    return tokens - first < TOKENS ? tokens - first : TOKENS;
}

// Gates and matrices, forward
void gated_forward(real *coefficients, const real *alpha,
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
void gated_backward(real *dcoefficients, real *dalpha, real *dbias,
                    const real *coefficients, const real *alpha,
                    const real *bias, const struct layout *l,
                    size_t tokens)
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
