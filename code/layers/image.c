#include "layers/image.h"
#include <assert.h>
#include <stdbool.h>

// A number of bf16 in E4M3
/* to three bits of fraction, at most `most`; a NaN stays one */
static inline bf16 round_normal(bf16 x, bf16 most)
{
    unsigned size = x & 0x7fff, sign = x & 0x8000;
    unsigned even = 7 + (size >> 4 & 1);
    unsigned near = (size + even) & 0xfff0;
    near = near < most ? near : most;
    return (bf16)(sign | (size > 0x7f80 ? size : near));
}

/* is it not zero, and would it be subnormal by that scale? */
static inline bool is_small(bf16 x, bf16 most)
{
    unsigned size = x & 0x7fff, normal = (most & 0xff80) - (14 << 7);
    return size != 0 && size < normal;
}
/* any number, by a scale of 2^k */
static inline bf16 round_any(bf16 x, int k)
{
    float down = float_of((uint32_t)(127 - k) << 23);
    float up = float_of((uint32_t)(127 + k) << 23);
    fp8 code = fp8_round(bf16_widen(x) * down, FP8_E4M3);
    return bf16_round(fp8_widen(code, FP8_E4M3) * up);
}

// Make the image of a strip
enum { STRIP = 128 };           /* columns */

static inline bf16 finite_size(bf16 x)
{
    bf16 size = x & 0x7fff;
    return size < 0x7f80 ? size : 0;
}

/* how many numbers were infinite */
static inline size_t image_of_strip(bf16 *to, const bf16 *from,
                                    size_t rows, size_t columns,
                                    size_t stride, bool apart)
{
    bf16 amax[STRIP] = { 0 }, most[STRIP], all = 0;
    size_t infinite = 0;
    int k[STRIP];
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            bf16 size = finite_size(from[r * stride + c]);
            amax[c] = size > amax[c] ? size : amax[c];
        }
    #pragma omp simd reduction(max : all)
    for (size_t c = 0; c < columns; c++)
        all = amax[c] > all ? amax[c] : all;
    // Find the scales of a strip
    amax[0] = apart ? amax[0] : all;
    for (size_t c = 0; c < (apart ? columns : 1); c++) {
        k[c] = fp8_exponent(bf16_widen(amax[c]), FP8_E4M3);
        most[c] = (bf16)((135 + k[c]) << 7 | 0x60);
    }
    for (size_t c = 1; c < (apart ? 1 : columns); c++)
        k[c] = k[0], most[c] = most[0];
    for (size_t r = 0; r < rows; r++) {
        const bf16 *x = from + r * stride;
        bf16 *y = to + r * stride, small = 0, lost = 0;
        for (size_t c = 0; c < columns; c++) {
            small |= is_small(x[c], most[c]);
            lost = (bf16)(lost + ((x[c] & 0x7fff) == 0x7f80));
            y[c] = round_normal(x[c], most[c]);
        }
        infinite += lost;
        for (size_t c = 0; small != 0 && c < columns; c++)
            y[c] = round_any(x[c], k[c]);
    }
    return infinite;
}

size_t image_make(bf16 *to, const bf16 *from, size_t rows,
                  size_t columns, struct fp8_blocks b)
{
    size_t infinite = 0;
    assert(b.columns == STRIP || b.columns == 1);
    #pragma omp parallel for schedule(static) collapse(2) \
        reduction(+ : infinite)
    for (size_t r = 0; r < rows; r += b.rows)
        for (size_t c = 0; c < columns; c += STRIP) {
            size_t at = r * columns + c;
            size_t height = b.rows < rows - r ? b.rows : rows - r;
            size_t width = STRIP < columns - c ? STRIP : columns - c;
            if (b.columns == 1)
                infinite += image_of_strip(to + at, from + at, height,
                                           width, columns, true);
            else
                infinite += image_of_strip(to + at, from + at, height,
                                           width, columns, false);
        }
    return infinite;
}
