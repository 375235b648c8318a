#include "ground/blocks.h"

void fp8_store(fp8 *q, int8_t *exponent, const real *x, size_t rows,
               size_t columns, struct fp8_blocks b, struct fp8_format k,
               struct fp8_range *range)
{
    (void)q, (void)exponent, (void)x, (void)rows, (void)columns;
    (void)b, (void)k, (void)range;
}
