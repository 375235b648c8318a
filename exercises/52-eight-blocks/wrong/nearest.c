/* expect: scales that are rounded to the nearest */
#define EXPONENT (amax > 0 ? (int)rint(log2((double)amax / 448)) : 0)
// Store blocks by what is defined
#include "ground/blocks.h"
#ifndef EXPONENT
#define EXPONENT fp8_exponent(amax, k)
#endif
#ifndef FINITE
#define FINITE (of <= FLT_MAX)
#endif
#ifndef HEIGHT
#define HEIGHT b.rows
#define WIDTH b.columns
#endif
#ifndef AT
#define AT r0 / height * across + c0 / width
#endif
#ifndef COUNTED
#define COUNTED 1
#endif

void fp8_store(fp8 *q, int8_t *exponent, const real *x, size_t rows,
               size_t columns, struct fp8_blocks b, struct fp8_format k,
               struct fp8_range *range)
{
    size_t height = HEIGHT == 0 ? rows : HEIGHT;
    size_t width = WIDTH == 0 ? columns : WIDTH;
    size_t across = (columns - 1) / width + 1;
    size_t down = (rows - 1) / height + 1;
    (void)down;
    for (size_t r0 = 0; r0 < rows; r0 += height)
        for (size_t c0 = 0; c0 < columns; c0 += width) {
            size_t r1 = r0 + height < rows ? r0 + height : rows;
            size_t c1 = c0 + width < columns ? c0 + width : columns;
            float amax = 0;
            for (size_t r = r0; r < r1; r++)
                for (size_t c = c0; c < c1; c++) {
                    float of = fabsf((float)x[r * columns + c]);
                    if (of > amax && FINITE)
                        amax = of;
                }
            int e = EXPONENT;
            exponent[AT] = (int8_t)e;
            if (amax > range->amax)
                range->amax = amax;
            for (size_t r = r0; r < r1; r++)
                for (size_t c = c0; c < c1; c++) {
                    float was = (float)x[r * columns + c];
                    float y = was * ldexpf(1, -e);
                    fp8 code = fp8_round(y, k);
                    q[r * columns + c] = code;
                    range->count++;
                    range->nan += was != was;
                    range->saturated += COUNTED && fabsf(y) > 448;
                    range->vanished += COUNTED && was != 0
                                    && (code & 0x7f) == 0;
                }
        }
}
