#include "mix/sinkhorn.h"

void sinkhorn_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations)
{
    (void)dmatrix; (void)logits; (void)iterations;
    memset(dlogits, 0, count * n * n * sizeof *dlogits);
}
