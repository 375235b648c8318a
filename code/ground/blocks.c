#include "ground/blocks.h"

// Store a block
static void store(struct fp8_range *range, fp8 *q, int8_t *exponent,
                  const real *x, struct fp8_blocks here, size_t stride,
                  struct fp8_format k)
{
    float amax = 0;
    for (size_t r = 0; r < here.rows; r++)
        for (size_t c = 0; c < here.columns; c++) {
            float size = fabsf((float)x[r * stride + c]);
            amax = size > amax && size <= FLT_MAX ? size : amax;
        }
    *exponent = (int8_t)fp8_exponent(amax, k);
    float scale = float_of((uint32_t)(127 - *exponent) << 23);
    float largest = fp8_widen(k.largest, k);
    range->amax = amax > range->amax ? amax : range->amax;
    for (size_t r = 0; r < here.rows; r++)
        for (size_t c = 0; c < here.columns; c++) {
            float was = (float)x[r * stride + c], y = was * scale;
            fp8 code = fp8_round(y, k);
            q[r * stride + c] = code;
            range->nan += was != was;
            range->saturated += fabsf(y) > largest;
            range->vanished += was != 0 && (code & 0x7f) == 0;
        }
    range->count += here.rows * here.columns;
}

static size_t part(size_t of, size_t block)
{
    return block == 0 ? of : block;
}

static size_t blocks_in(size_t of, size_t block)
{
    return of == 0 ? 0 : (of - 1) / part(of, block) + 1;
}

size_t fp8_scales(size_t rows, size_t columns, struct fp8_blocks b)
{
    return blocks_in(rows, b.rows) * blocks_in(columns, b.columns);
}

/* the block that begins in row r and column c */
static struct fp8_blocks block_at(size_t r, size_t c, size_t rows,
                                  size_t columns, struct fp8_blocks b)
{
    size_t height = part(rows, b.rows);
    size_t width = part(columns, b.columns);
    return (struct fp8_blocks){
        height < rows - r ? height : rows - r,
        width < columns - c ? width : columns - c };
}

void fp8_store(fp8 *q, int8_t *exponent, const real *x, size_t rows,
               size_t columns, struct fp8_blocks b, struct fp8_format k,
               struct fp8_range *range)
{
    struct fp8_range mine = { 0, 0, 0, 0, 0 };
    for (size_t r = 0; r < rows; r += part(rows, b.rows))
        for (size_t c = 0; c < columns; c += part(columns, b.columns))
            store(range == NULL ? &mine : range, q + r * columns + c,
                  exponent++, x + r * columns + c,
                  block_at(r, c, rows, columns, b), columns, k);
}

void fp8_load(real *x, const fp8 *q, const int8_t *exponent,
              size_t rows, size_t columns, struct fp8_blocks b,
              struct fp8_format k)
{
    for (size_t r = 0; r < rows; r += part(rows, b.rows))
        for (size_t c = 0; c < columns; c += part(columns, b.columns)) {
            struct fp8_blocks here = block_at(r, c, rows, columns, b);
            float s = float_of((uint32_t)(127 + *exponent++) << 23);
            for (size_t i = 0; i < here.rows; i++)
                for (size_t j = 0; j < here.columns; j++) {
                    size_t at = (r + i) * columns + c + j;
                    x[at] = (real)(fp8_widen(q[at], k) * s);
                }
        }
}
