#ifndef ROWS_H
#define ROWS_H
#include "array/array.h"
#include "array/eight.h"

LANGUAGE_C_BEGIN
/* Rows of an array in E4M3. A row has codes, an exponent for each 128
   of them, and nothing up to a multiple of 16 bytes. */
void rows_store(struct array to, size_t first, const real *from,
                size_t rows);
void rows_load(real *to, struct array from, size_t first, size_t rows);
/* as they would be after that */
void rows_settle(real *x, struct array as, size_t first, size_t rows);
LANGUAGE_C_END
#endif
