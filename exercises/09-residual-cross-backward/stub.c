#include "boundary/streams.h"
#include "layers/norm.h"

void streams_cross_backward(real *dstream, real *danswer, real *dgain,
                            const real *dnext, const real *dnormed,
                            const real *next, const real *inverse_rms,
                            const real *gain, size_t rows,
                            size_t width)
{
    (void)dstream; (void)danswer; (void)dgain;
    (void)dnext; (void)dnormed; (void)next;
    (void)inverse_rms; (void)gain; (void)rows; (void)width;
}
