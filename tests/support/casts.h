#ifndef CASTS_H
#define CASTS_H
#include "ground/blocks.h"
struct cast {
    const real *x;              /* [rows][columns] */
    const int8_t *exponent;     /* of blocks of 1 x 128, row by row */
    size_t rows, columns;
};
#endif
