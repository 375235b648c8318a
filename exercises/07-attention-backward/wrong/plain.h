#include "layers/attention.h"
#include <math.h>
#include <string.h>

#ifndef ALONG
#define ALONG dot(dy, out + o, size)
#endif
#ifndef LAST
#define LAST t
#endif
#ifndef SCALE
#define SCALE (1 / sqrt((double)size))
#endif
#ifndef QUERY
#define QUERY dqkv[q + c]
#define KEY dqkv[k + c]
#endif
#ifndef CLEAR
#define CLEAR memset(dqkv, 0, \
                     s->sequences * length * row * sizeof *dqkv)
#endif

static double dot(const real *a, const real *b, size_t size)
{
    double sum = 0;
    for (size_t c = 0; c < size; c++)
        sum += (double)a[c] * (double)b[c];
    return sum;
}

void attention_backward(real *dqkv, const real *dout,
                        const real *out, const real *lse,
                        const real *qkv,
                        const struct attention_shape *s,
                        real *scratch)
{
    size_t length = s->length, heads = s->heads, size = s->head_size;
    size_t width = heads * size, row = 3 * width;
    (void)scratch, (void)out;
    CLEAR;
    for (size_t b = 0; b < s->sequences; b++)
    for (size_t h = 0; h < heads; h++)
    for (size_t t = 0; t < length; t++) {
        size_t o = (b * length + t) * width + h * size;
        size_t q = (b * length + t) * row + h * size;
        const real *dy = dout + o;
        double all = (double)lse[(b * length + t) * heads + h];
        double along = ALONG;
        for (size_t j = 0; j <= LAST; j++) {
            size_t k = (b * length + j) * row + h * size + width;
            size_t v = k + width;
            double score = dot(qkv + q, qkv + k, size);
            double p = exp(score / sqrt((double)size) - all);
            double ds = p * (dot(dy, qkv + v, size) - along);
            for (size_t c = 0; c < size; c++) {
                dqkv[v + c] += (real)(p * (double)dy[c]);
                QUERY += (real)(SCALE * ds * (double)qkv[k + c]);
                KEY += (real)(SCALE * ds * (double)qkv[q + c]);
            }
        }
    }
}
