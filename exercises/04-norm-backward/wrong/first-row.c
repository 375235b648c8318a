/* expect: this looks like the first row's inverse_rms for all rows */
#define ROOT inverse_rms[0]
// A plain answer to lab 4
#include "layers/norm.h"

#ifndef ALONG
#define ALONG sum * r / (real)width
#endif
#ifndef ROOT
#define ROOT inverse_rms[t]
#endif
#ifndef FACTOR
#define FACTOR gain[c]
#endif
#ifndef START
#define START (add ? d[c] : 0)
#endif
#ifndef START_GAIN
#define START_GAIN dgain[c]
#endif
#ifndef HAT
#define HAT row[c] * r
#endif

void norm_backward(real *dx, real *dgain, const real *dout,
                   const real *x, const real *inverse_rms,
                   const real *gain, size_t rows, size_t width,
                   bool add)
{
    (void)add;
    for (size_t t = 0; t < rows; t++) {
        const real *dy = dout + t * width, *row = x + t * width;
        real *d = dx + t * width, r = ROOT, sum = 0;
        for (size_t c = 0; c < width; c++)
            sum += FACTOR * dy[c] * row[c];
        real along = ALONG;
        for (size_t c = 0; c < width; c++)
            d[c] = START + r * (gain[c] * dy[c] - row[c] * r * along);
        for (size_t c = 0; c < width; c++)
            dgain[c] = START_GAIN + dy[c] * (HAT);
    }
}
