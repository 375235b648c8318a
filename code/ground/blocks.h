#ifndef BLOCKS_H
#define BLOCKS_H
#include "ground/fp8.h"

LANGUAGE_C_BEGIN
/* x [rows][columns] in blocks of so many rows and columns, the last
   ones smaller; 0: all. Each block has an exponent k, its numbers are
   q 2^k. */
struct fp8_blocks { size_t rows, columns; };
/* what became of the numbers */
struct fp8_range {
    size_t count, saturated, nan;
    size_t vanished;        /* not zero, but stored so */
    float amax;             /* of what is finite */
};

/* exponents: row by row of blocks */
size_t fp8_scales(size_t rows, size_t columns, struct fp8_blocks b);
/* adds to range, if it is not NULL */
void fp8_store(fp8 *q, int8_t *exponent, const real *x, size_t rows,
               size_t columns, struct fp8_blocks b, struct fp8_format k,
               struct fp8_range *range);
void fp8_load(real *x, const fp8 *q, const int8_t *exponent,
              size_t rows, size_t columns, struct fp8_blocks b,
              struct fp8_format k);
LANGUAGE_C_END
#endif
