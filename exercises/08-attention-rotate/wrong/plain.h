#include "layers/attention.h"

#ifndef FIRST
#define FIRST i
#define SECOND (i + half)
#endif
#ifndef SIGN
#define SIGN 1
#endif
#ifndef BACK
#define BACK -1
#endif
#ifndef PARTS
#define PARTS 2
#endif
#ifndef ANGLE
#define ANGLE p
#endif
#ifndef FROM
#define FROM s->first
#endif

static void rotate(real *x, const real *cosine, const real *sine,
                   const struct attention_shape *s, real sign)
{
    size_t half = s->head_size / 2, positions = s->first + s->length;
    for (size_t b = 0; b < s->sequences; b++)
    for (size_t p = FROM; p < positions; p++)
    for (size_t h = 0; h < PARTS * s->heads; h++)
    for (size_t i = 0; i < half; i++) {
        real *v = x + h * s->head_size
                  + (b * positions + p) * 3 * s->heads * s->head_size;
        real cos_ = cosine[(ANGLE) * half + i];
        real sin_ = sign * sine[(ANGLE) * half + i];
        real a = v[FIRST], c = v[SECOND];
        v[FIRST] = a * cos_ - c * sin_;
        v[SECOND] = a * sin_ + c * cos_;
    }
}

void attention_rotate(real *qkv, const real *cosine,
                      const real *sine,
                      const struct attention_shape *s)
{
    rotate(qkv, cosine, sine, s, SIGN);
}

void attention_rotate_back(real *dqkv, const real *cosine,
                           const real *sine,
                           const struct attention_shape *s)
{
    rotate(dqkv, cosine, sine, s, BACK * SIGN);
}
