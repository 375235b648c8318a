#include "mix/matrix.h"
// Headers of the matrices
#include "sinkhorn/deepseek.h"
#include "sinkhorn/sinkhorn.h"
#include "manifold/kronecker.h"
#include "manifold/permutations.h"
#include "mix/own.h"

// Matrix of a mix, forward
void matrix_forward(real *matrix, const real *logits, size_t count,
                    const struct layout *l)
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
void matrix_backward(real *dlogits, const real *dmatrix,
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
