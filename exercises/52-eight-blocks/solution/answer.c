#include "ground/blocks.h"

void fp8_store(fp8 *q, int8_t *exponent, const real *x, size_t rows,
               size_t columns, struct fp8_blocks b, struct fp8_format k,
               struct fp8_range *range)
{
    struct fp8_range unseen = { 0, 0, 0, 0, 0 };
    size_t height = b.rows == 0 ? rows : b.rows;
    size_t width = b.columns == 0 ? columns : b.columns;
    struct fp8_range *to = range == NULL ? &unseen : range;
    float largest = fp8_widen(k.largest, k);
    for (size_t r0 = 0; r0 < rows; r0 += height)
        for (size_t c0 = 0; c0 < columns; c0 += width) {
            size_t r1 = r0 + height < rows ? r0 + height : rows;
            size_t c1 = c0 + width < columns ? c0 + width : columns;
            float amax = 0;
            for (size_t r = r0; r < r1; r++)
                for (size_t c = c0; c < c1; c++) {
                    float of = fabsf((float)x[r * columns + c]);
                    if (of > amax && of <= FLT_MAX)
                        amax = of;
                }
            int e = fp8_exponent(amax, k);
            *exponent++ = (int8_t)e;
            to->amax = amax > to->amax ? amax : to->amax;
            for (size_t r = r0; r < r1; r++)
                for (size_t c = c0; c < c1; c++) {
                    float was = (float)x[r * columns + c];
                    float y = was * ldexpf(1, -e);
                    fp8 code = fp8_round(y, k);
                    q[r * columns + c] = code;
                    to->count++;
                    to->nan += was != was;
                    to->saturated += fabsf(y) > largest;
                    to->vanished += was != 0 && (code & 0x7f) == 0;
                }
        }
}
