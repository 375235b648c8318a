#ifndef IMAGES_H
#define IMAGES_H
#include "ground/blocks.h"
struct images {
    real *row, *column;         /* [rows][columns] */
    fp8 *code;                  /* room for as many */
    int8_t *exponent;           /* and for as many again */
};
#endif
