/* expect: squares added one after the other */
#include "boundary/mixing.h"
#include "layers/norm.h"
#include "ground/reduction.h"

// The head of read and norm
void read_and_norm(real *input, real *inverse_rms, real *normed,
                   const real *stream, const real *coefficients,
                   const real *gain, const struct layout *l,
                   size_t tokens);

static inline real square(struct operands o, size_t c)
{
    return o.a[c] * o.a[c];
}

void read_and_norm(real *input, real *inverse_rms, real *normed,
                   const real *stream, const real *coefficients,
                   const real *gain, const struct layout *l,
                   size_t tokens)
{
    (void)square;
    for (size_t t = 0; t < tokens; t++) {
        // Read and norm of a token
        size_t n = l->streams, C = l->width;
        const real *x = stream + t * n * C;
        const real *pre = coefficients + t * layout_row(l);
        real *row = input + t * C, *out = normed + t * C;
        for (size_t c = 0; c < C; c++) {
            real sum = pre[0] * x[c];
            for (size_t i = 1; i < n; i++)
                sum += pre[i] * x[i * C + c];
            row[c] = sum;
        }
        real sum = 0;
        for (size_t c = 0; c < C; c++)
            sum += row[c] * row[c];
        double mean = (double)sum / (double)C;
        real r = (real)(1 / sqrt(mean + NORM_EPSILON));
        for (size_t c = 0; c < C; c++)
            out[c] = gain[c] * (row[c] * r);
        inverse_rms[t] = r;
    }
}
