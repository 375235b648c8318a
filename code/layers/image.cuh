#ifndef IMAGE_CUH
#define IMAGE_CUH
#include "device/device.h"
#include "ground/blocks.h"

LANGUAGE_C_BEGIN
/* to = image of from, both bf16 in a gpu's memory: image_make there */
void gpu_image(struct device *d, void *to, struct array from,
               struct fp8_blocks b);
/* Codes of a matrix along whose rows a product will add up: [rows]
   [columns], rows `stride` bytes apart, filled with zeros; exponents
   [ceil(columns / 128)][rows]. */
struct codes {
    uint8_t *code;
    int8_t *exponent;
    size_t rows, columns, stride;
};
/* of an array, turned or not, in room of gpu_codes_bytes */
struct codes gpu_codes(struct device *d, void *room, struct array from,
                       struct fp8_blocks b, bool turned);
size_t gpu_codes_bytes(struct array from, bool turned);
LANGUAGE_C_END
#endif
