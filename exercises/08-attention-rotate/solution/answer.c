#include "layers/attention.h"

// Attention rotate
// Turn the pairs of one vector
static void turn_pairs(real *x, const real *cosine,
                       const real *sine, real direction, size_t half)
{
    for (size_t i = 0; i < half; i++) {
        real a = x[i], b = x[i + half], s = direction * sine[i];
        x[i] = a * cosine[i] - b * s;
        x[i + half] = a * s + b * cosine[i];
    }
}

static void turn_rows(real *qkv, const real *cosine, const real *sine,
                      real direction, const struct attention_shape *s)
{
    size_t half = s->head_size / 2;
    size_t row = 3 * s->heads * s->head_size;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < s->sequences * s->length; t++) {
        size_t position = s->first + t % s->length;
        size_t before = t / s->length * (s->first + s->length);
        real *x = qkv + (before + position) * row;
        for (size_t h = 0; h < 2 * s->heads; h++)
            turn_pairs(x + h * s->head_size, cosine + position * half,
                       sine + position * half, direction, half);
    }
}

void attention_rotate(real *qkv, const real *cosine,
                      const real *sine,
                      const struct attention_shape *s)
{
    turn_rows(qkv, cosine, sine, 1, s);
}

void attention_rotate_back(real *dqkv, const real *cosine,
                           const real *sine,
                           const struct attention_shape *s)
{
    turn_rows(dqkv, cosine, sine, -1, s);
}
