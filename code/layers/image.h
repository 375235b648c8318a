#ifndef IMAGE_H
#define IMAGE_H
#include "ground/bf16.h"
#include "ground/blocks.h"

LANGUAGE_C_BEGIN
/* to = from, [rows][columns], rounded to E4M3 in blocks of 1 x 128,
   128 x 128 or 128 x 1: what fp8_load would give of what fp8_store
   keeps. Two arrays. Returns how many numbers were infinite. */
size_t image_make(bf16 *to, const bf16 *from, size_t rows,
                  size_t columns, struct fp8_blocks b);
LANGUAGE_C_END
#endif
