#ifndef REFERENCE_H
#define REFERENCE_H
#include "layers/attention.h"
#include "support/fill.h"

// Mistakes that the reference can make
enum mistake { NONE, NO_D, NO_SCALE, NO_MASK, SWAPPED };

// Sizes of a shape
static inline size_t width_of(const struct attention_shape *s)
{
    return s->heads * s->head_size;
}

/* reals of qkv, of out, of lse */
static inline size_t qkv_count(const struct attention_shape *s)
{
    return s->sequences * (s->first + s->length) * 3 * width_of(s);
}

static inline size_t out_count(const struct attention_shape *s)
{
    return s->sequences * s->length * width_of(s);
}

static inline size_t lse_count(const struct attention_shape *s)
{
    return s->sequences * s->length * s->heads;
}

/* where part 0 (q), 1 (k), 2 (v) of a head begins in qkv */
static inline size_t part_at(const struct attention_shape *s,
                             size_t sequence, size_t position,
                             size_t part, size_t head)
{
    size_t rows = sequence * (s->first + s->length) + position;
    return (rows * 3 + part) * width_of(s) + head * s->head_size;
}

static inline size_t out_at(const struct attention_shape *s,
                            size_t sequence, size_t row, size_t head)
{
    return (sequence * s->length + row) * width_of(s)
           + head * s->head_size;
}

// One row of probabilities, by the definition
static inline double dot(const real *a, const real *b, size_t count)
{
    double sum = 0;
    for (size_t c = 0; c < count; c++)
        sum += (double)a[c] * (double)b[c];
    return sum;
}

/* p [keys]; returns the logarithm of the sum */
static inline double probabilities(double *p, const real *qkv,
                                   const struct attention_shape *s,
                                   size_t sequence, size_t position,
                                   size_t head, size_t keys)
{
    double most = -INFINITY, sum = 0;
    for (size_t j = 0; j < keys; j++) {
        p[j] = dot(qkv + part_at(s, sequence, position, 0, head),
                   qkv + part_at(s, sequence, j, 1, head), s->head_size)
               / sqrt((double)s->head_size);
        most = fmax(most, p[j]);
    }
    for (size_t j = 0; j < keys; j++)
        sum += exp(p[j] - most);
    for (size_t j = 0; j < keys; j++)
        p[j] = exp(p[j] - most) / sum;
    return most + log(sum);
}

// The reference's answers
static inline void reference_forward(real *out, real *lse,
                                     const real *qkv,
                                     const struct attention_shape *s)
{
    double p[s->first + s->length];
    for (size_t b = 0; b < s->sequences; b++)
    for (size_t t = 0; t < s->length; t++)
    for (size_t h = 0; h < s->heads; h++) {
        size_t keys = s->first + t + 1;
        lse[(b * s->length + t) * s->heads + h] =
            (real)probabilities(p, qkv, s, b, keys - 1, h, keys);
        for (size_t c = 0; c < s->head_size; c++) {
            double sum = 0;
            for (size_t j = 0; j < keys; j++)
                sum += p[j] * (double)qkv[part_at(s, b, j, 2, h) + c];
            out[out_at(s, b, t, h) + c] = (real)sum;
        }
    }
}

// The reference's gradients
static inline void reference_backward(real *dqkv, const real *dout,
                                      const real *qkv,
                                      const struct attention_shape *s,
                                      enum mistake mistake)
{
    double p[s->length], ds[s->length];
    double scale = mistake == NO_SCALE ? 1 :
                   1 / sqrt((double)s->head_size);
    size_t queries = mistake == SWAPPED, keys = !queries;
    memset(dqkv, 0, qkv_count(s) * sizeof *dqkv);
    for (size_t b = 0; b < s->sequences; b++)
    for (size_t t = 0; t < s->length; t++)
    for (size_t h = 0; h < s->heads; h++) {
        const real *dy = dout + out_at(s, b, t, h);
        size_t seen = mistake == NO_MASK ? s->length : t + 1;
        // Let ds be the scores' gradients of this query
        double all = probabilities(p, qkv, s, b, t, h, t + 1), d = 0;
        for (size_t j = t + 1; j < seen; j++)
            p[j] = exp(dot(qkv + part_at(s, b, t, 0, h),
                           qkv + part_at(s, b, j, 1, h), s->head_size)
                       / sqrt((double)s->head_size) - all);
        for (size_t j = 0; j < seen; j++) {
            ds[j] = dot(dy, qkv + part_at(s, b, j, 2, h), s->head_size);
            d += j <= t ? p[j] * ds[j] : 0;
        }
        for (size_t j = 0; j < seen; j++)
            ds[j] = p[j] * (ds[j] - (mistake == NO_D ? 0 : d));
        for (size_t j = 0; j < seen; j++)
            for (size_t c = 0; c < s->head_size; c++)
                // Add what this pair contributes to channel c
                {
                    double q = (double)qkv[part_at(s, b, t, 0, h) + c];
                    double k = (double)qkv[part_at(s, b, j, 1, h) + c];
                    dqkv[part_at(s, b, t, queries, h) + c] += (real)(scale * ds[j] * k);
                    dqkv[part_at(s, b, j, keys, h) + c] += (real)(scale * ds[j] * q);
                    dqkv[part_at(s, b, j, 2, h) + c] += (real)(p[j] * (double)dy[c]);
                }
    }
}
#endif
