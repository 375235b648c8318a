#ifndef IMAGE_CUH
#define IMAGE_CUH
#include "device/device.h"
#include "ground/blocks.h"

LANGUAGE_C_BEGIN
/* to = image of from, both bf16 in a gpu's memory: image_make there */
void gpu_image(struct device *d, void *to, struct array from,
               struct fp8_blocks b);
// Where codes stand
enum stand { BY_THEMSELVES, ALONG_ROWS, DOWN_COLUMNS };
/* Codes of a matrix along whose rows a product will add up: [rows]
   [columns], rows `stride` bytes apart, filled with zeros; exponents
   [ceil(columns / 128)][rows]. */
struct codes {
    uint8_t *code;
    int8_t *exponent;
    size_t rows, columns, stride;
    // More of codes
    enum stand at;              /* these: in the place of numbers */
};
/* of an array, turned or not, in room of gpu_codes_bytes */
struct codes gpu_codes(struct device *d, void *room, struct array from,
                       struct fp8_blocks b, bool turned);
size_t gpu_codes_bytes(struct array from, bool turned);
// Images of operands, declared
/* What an array of format IMAGES holds: both images, if `rows` of it
   are whole squares of 128 x 128 and nobody looks; or numbers, still.
   When numbers are there, to images, if it should hold them: */
void gpu_images(struct device *d, struct array a, size_t rows);
bool gpu_has_images(const struct device *d, struct array a);
struct codes gpu_codes_there(struct array a, bool turned);
/* to = one of them, in bf16 */
void gpu_image_there(struct device *d, void *to, struct array a,
                     bool turned);
enum { SQUARES = 1 << 16 };    /* of an array, at most, at once */
/* numbers, before they are images */
static inline enum format as_numbers(enum format f)
{
    return f == IMAGES ? BF16 : f;
}
LANGUAGE_C_END
#endif
