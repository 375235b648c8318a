#include "layers/attention.h"

void attention_rotate(real *qkv, const real *cosine,
                      const real *sine,
                      const struct attention_shape *s)
{
    (void)qkv, (void)cosine, (void)sine, (void)s;
}

void attention_rotate_back(real *dqkv, const real *cosine,
                           const real *sine,
                           const struct attention_shape *s)
{
    (void)dqkv, (void)cosine, (void)sine, (void)s;
}
