/* expect: without what came back along the stream */
#include "layers/norm.h"
#include "boundary/streams.h"

// The head of a wrong way back
void streams_cross_backward(real *dstream, real *danswer, real *dgain,
                            const real *dnext, const real *dnormed,
                            const real *next, const real *inverse_rms,
                            const real *gain, size_t rows,
                            size_t width)
{
    (void)dnext;
    norm_backward(dstream, dgain, dnormed, next, inverse_rms, gain,
                  rows, width, false);
    for (size_t i = 0; i < rows * width; i++)
        danswer[i] = dstream[i];
}
