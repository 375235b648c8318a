#ifndef STREAMS_H
#define STREAMS_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* The residual connection: write, and write-read-norm at once.
   [rows][width] but for inverse_rms [rows] and gain, dgain [width] */
/* out = a + b; all [count] */
void streams_add(real *out, const real *a, const real *b,
                 size_t count);
/* next = stream + answer; then as the norm's forward on next */
void streams_cross(real *next, real *inverse_rms, real *normed,
                   const real *stream, const real *answer,
                   const real *gain, size_t rows, size_t width);
/* dstream = danswer = dnext + what the norm's backward gives;
   dgain += */
void streams_cross_backward(real *dstream, real *danswer, real *dgain,
                            const real *dnext, const real *dnormed,
                            const real *next, const real *inverse_rms,
                            const real *gain, size_t rows,
                            size_t width);
LANGUAGE_C_END
#endif
