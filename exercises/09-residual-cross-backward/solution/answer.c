#include "ground/slices.h"
#include "ground/reduction.h"
#include "boundary/streams.h"

// Streams cross, backward
static inline real triple(struct operands o, size_t c)
{
    return o.a[c] * o.b[c] * o.c[c];
}

void streams_cross_backward(real *dstream, real *danswer, real *dgain,
                            const real *dnext, const real *dnormed,
                            const real *next, const real *inverse_rms,
                            const real *gain, size_t rows,
                            size_t width)
{
    const real *dout = dnormed, *x = next;
    #pragma omp parallel
    {
        // Give every row's gradient to the stream and to the answer
        #pragma omp for schedule(static) nowait
        for (size_t t = 0; t < rows; t++) {
            const real *dy = dout + t * width, *row = x + t * width;
            real r = inverse_rms[t];
            struct operands o = { gain, dy, row };
            real along = r * sum_in_lanes(triple, o, width) / (real)width;
            for (size_t c = 0; c < width; c++) {
                size_t i = t * width + c;
                dstream[i] = danswer[i] = dnext[i]
                    + r * (gain[c] * dy[c] - row[c] * r * along);
            }
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
