#include "layers/norm.h"
#include "ground/slices.h"
#include "ground/reduction.h"

// Norm forward
static inline real square(struct operands o, size_t c)
{
    return o.a[c] * o.a[c];
}

void norm_forward(real *out, real *inverse_rms, const real *x,
                  const real *gain, size_t rows, size_t width)
{
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < rows; t++) {
        const real *row = x + t * width;
        real *y = out + t * width;
        // Let r be one over the root mean square of the row
        struct operands o = { .a = row };
        double mean = (double)sum_in_lanes(square, o, width) / (double)width;
        real r = (real)(1 / sqrt(mean + NORM_EPSILON));
        for (size_t c = 0; c < width; c++)
            y[c] = gain[c] * (row[c] * r);
        inverse_rms[t] = r;
    }
}

// Norm backward
static inline real product(struct operands o, size_t c)
{
    return o.a[c] * o.b[c] * o.c[c];
}

void norm_backward(real *dx, real *dgain, const real *dout,
                   const real *x, const real *inverse_rms,
                   const real *gain, size_t rows, size_t width,
                   bool add)
{
    #pragma omp parallel
    {
        // Take from each row's gradient its part along the row
        #pragma omp for schedule(static) nowait
        for (size_t t = 0; t < rows; t++) {
            const real *dy = dout + t * width, *row = x + t * width;
            real *d = dx + t * width, r = inverse_rms[t];
            struct operands o = { gain, dy, row };
            real along = r * sum_in_lanes(product, o, width) / (real)width;
            for (size_t c = 0; c < width; c++)
                d[c] = (add ? d[c] : 0)
                       + r * (gain[c] * dy[c] - row[c] * r * along);
        }

        // Add up the gradient of the gain, in slices of channels
        size_t slices = channel_slices(width);
        #pragma omp for schedule(static)
        for (size_t s = 0; s < slices; s++) {
            struct slice slice = slice_of(s, slices, width);
            size_t count = slice.end - slice.begin;
            real sum[CHANNELS] = { 0 };
            for (size_t t = 0; t < rows; t++) {
                const real *dy = dout + t * width + slice.begin;
                const real *row = x + t * width + slice.begin;
                for (size_t c = 0; c < count; c++)
                    sum[c] += dy[c] * (row[c] * inverse_rms[t]);
            }
            for (size_t c = 0; c < count; c++)
                dgain[slice.begin + c] += sum[c];
        }
    }
}
