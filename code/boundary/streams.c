#include "boundary/streams.h"
#include "ground/slices.h"
#include "layers/norm.h"
#include "ground/reduction.h"

// Add arrays
void streams_add(real *out, const real *a, const real *b, size_t count)
{
    #pragma omp parallel for simd schedule(static)
    for (size_t i = 0; i < count; i++)
        out[i] = a[i] + b[i];
}

// Streams cross
enum { TILE = 8 };      /* rows that stay in the cache in between */

void streams_cross(real *next, real *inverse_rms, real *normed,
                   const real *stream, const real *answer,
                   const real *gain, size_t rows, size_t width)
{
    #pragma omp parallel for schedule(static)
    for (size_t first = 0; first < rows; first += TILE) {
        size_t count = rows - first < TILE ? rows - first : TILE;
        size_t at = first * width;
        for (size_t i = at; i < at + count * width; i++)
            next[i] = stream[i] + answer[i];
        norm_forward(normed + at, inverse_rms + first, next + at, gain,
                     count, width);
    }
}

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
