#include "layers/attention.h"
#include "layers/matmul.h"
#include <math.h>

void attention_backward(real *dqkv, const real *dout,
                        const real *out, const real *lse,
                        const real *qkv,
                        const struct attention_shape *s,
                        real *scratch)
{
    (void)dqkv, (void)dout, (void)out, (void)lse, (void)qkv;
    (void)s, (void)scratch;
}
