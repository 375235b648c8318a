/* expect: an image of the first image */
#define AGAIN to.row
// Two images by blocks
#include "support/images.h"
#ifndef ALONG
#define ALONG { 1, 128 }
#endif
#ifndef DOWN
#define DOWN { 128, 1 }
#endif
#ifndef AGAIN
#define AGAIN x
#endif

void two_images(struct images to, const real *x, size_t rows,
                size_t columns);

void two_images(struct images to, const real *x, size_t rows,
                size_t columns)
{
    const struct fp8_blocks along = ALONG, down = DOWN;
    fp8_store(to.code, to.exponent, x, rows, columns, along, FP8_E4M3,
              NULL);
    fp8_load(to.row, to.code, to.exponent, rows, columns, along,
             FP8_E4M3);
    fp8_store(to.code, to.exponent, AGAIN, rows, columns, down,
              FP8_E4M3, NULL);
    fp8_load(to.column, to.code, to.exponent, rows, columns, down,
             FP8_E4M3);
}
