/* expect: without the projection of the norm */
#include "boundary/streams.h"

// The head of a wrong way back
void streams_cross_backward(real *dstream, real *danswer, real *dgain,
                            const real *dnext, const real *dnormed,
                            const real *next, const real *inverse_rms,
                            const real *gain, size_t rows,
                            size_t width)
{
    for (size_t i = 0; i < rows * width; i++) {
        size_t t = i / width, c = i % width;
        dstream[i] = danswer[i] =
            dnext[i] + inverse_rms[t] * gain[c] * dnormed[i];
        dgain[c] += dnormed[i] * next[i] * inverse_rms[t];
    }
}
