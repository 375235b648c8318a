/* expect: it was overwritten; it is to be added to */
#include "layers/norm.h"
#include "boundary/streams.h"

// The head of a wrong way back
void streams_cross_backward(real *dstream, real *danswer, real *dgain,
                            const real *dnext, const real *dnormed,
                            const real *next, const real *inverse_rms,
                            const real *gain, size_t rows,
                            size_t width)
{
    for (size_t c = 0; c < width; c++)
        dgain[c] = 0;
    norm_backward(dstream, dgain, dnormed, next, inverse_rms, gain,
                  rows, width, false);
    for (size_t i = 0; i < rows * width; i++)
        dstream[i] = danswer[i] = dstream[i] + dnext[i];
}
