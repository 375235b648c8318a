#include "array/rows.h"
#include "ground/bf16.h"
#include "ground/fp8.h"
#include "ground/random.h"
#include <stdbool.h>

enum { BLOCK = 128 };

// Draw for a block
enum { CALLS = BLOCK / 8 };

/* for 128 channels from c on, of row t; word by word, so that the calls
   go side by side */
static void draw(float chance[BLOCK], struct array a, size_t t,
                 size_t c)
{
    const struct chance *by = a.chance;
    uint32_t k0 = (uint32_t)by->seed, k1 = (uint32_t)(by->seed >> 32);
    uint32_t word[4][CALLS];
    for (size_t i = 0; i < CALLS; i++) {
        word[0][i] = (uint32_t)(c / 8 + i);
        word[1][i] = (uint32_t)(by->tokens + a.first + t);
        word[2][i] = a.place;
        word[3][i] = by->step;
    }
    for (int round = 0; round < 10; round++) {
        #pragma omp simd
        for (size_t i = 0; i < CALLS; i++) {
            struct philox x = { { word[0][i], word[1][i], word[2][i],
                                  word[3][i] } };
            // One round of Philox
            uint64_t p0 = (uint64_t)0xd2511f53 * x.word[0];
            uint64_t p1 = (uint64_t)0xcd9e8d57 * x.word[2];
            x = (struct philox){ {
                (uint32_t)(p1 >> 32) ^ x.word[1] ^ k0, (uint32_t)p1,
                (uint32_t)(p0 >> 32) ^ x.word[3] ^ k1, (uint32_t)p0 } };
            word[0][i] = x.word[0], word[1][i] = x.word[1];
            word[2][i] = x.word[2], word[3][i] = x.word[3];
        }
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < CALLS; i++) {
            int32_t low = (int32_t)(word[k][i] & 0xffff);
            int32_t high = (int32_t)(word[k][i] >> 16);
            chance[8 * i + 2 * k] = ((float)low + .5f) * 0x1p-16f;
            chance[8 * i + 2 * k + 1] = ((float)high + .5f) * 0x1p-16f;
        }
}

// Store a block of a row
static int8_t store_block(fp8 code[BLOCK], const real *x, size_t count,
                          const float *chance)
{
    float amax = 0;
    #pragma omp simd reduction(max : amax)
    for (size_t i = 0; i < count; i++) {
        float size = fabsf((float)x[i]);
        amax = size > amax && size <= FLT_MAX ? size : amax;
    }
    int k = fp8_exponent(amax, FP8_E4M3);
    float scale = float_of((uint32_t)(127 - k) << 23);
    if (chance == NULL) {
        #pragma omp simd
        for (size_t i = 0; i < count; i++)
            code[i] = fp8_round((float)x[i] * scale, FP8_E4M3);
    } else {
        #pragma omp simd
        for (size_t i = 0; i < count; i++)
            code[i] = fp8_round_by((float)x[i] * scale, chance[i],
                                   FP8_E4M3);
    }
    return (int8_t)k;
}

// Load a block of a row
static void load_block(real *x, const fp8 *code, int8_t k,
                       size_t count)
{
    float scale = float_of((uint32_t)(127 + k) << 23);
    #pragma omp simd
    for (size_t i = 0; i < count; i++)
        x[i] = (real)(fp8_widen(code[i], FP8_E4M3) * scale);
}

// The mean of a row
/* of its streams, [C], to bf16 */
static void take_mean(bf16 *mean, const real *x, struct array a)
{
    size_t C = a.columns / a.streams;
    for (size_t c = 0; c < C; c++) {
        float sum = 0;
        for (size_t i = 0; i < a.streams; i++)
            sum += (float)x[i * C + c];
        mean[c] = bf16_round(sum / (float)a.streams);
    }
}

/* to = x + sign * mean, for a block that begins at column c; one stream
   is its own mean, and nothing else */
static real *add_mean(real *to, const real *x, float sign,
                      const bf16 *mean, struct array a, size_t c,
                      size_t count)
{
    size_t C = a.columns / a.streams;
    for (size_t i = 0; i < count; i++) {
        float m = bf16_widen(mean[(c + i) % C]);
        bool none = a.streams == 1 && sign < 0;
        to[i] = none ? 0 : (real)((float)x[i] + sign * m);
    }
    return to;
}

/* a row, as an array keeps it */
struct row { fp8 *code; int8_t *exponent; bf16 *mean; };

static struct row row_of(struct array a, size_t row)
{
    fp8 *code = (fp8 *)a.at + row * row_bytes(a);
    size_t codes = a.columns + (a.columns + BLOCK - 1) / BLOCK;
    return (struct row){ code, (int8_t *)code + a.columns,
        (bf16 *)(void *)(code + rows_of_sixteen(codes)) };
}

static size_t block_at(struct array a, size_t c)
{
    return a.columns - c < BLOCK ? a.columns - c : BLOCK;
}

void rows_store(struct array to, size_t first, const real *from,
                size_t rows)
{
    float chance[BLOCK];
    real apart[BLOCK];
    for (size_t t = first; t < first + rows; t++) {
        struct row r = row_of(to, t);
        if (to.streams > 0)
            take_mean(r.mean, from, to);
        for (size_t c = 0; c < to.columns; c += BLOCK) {
            size_t count = block_at(to, c);
            const real *x = from + c;
            if (to.streams > 0)
                x = add_mean(apart, x, -1, r.mean, to, c, count);
            if (to.chance != NULL)
                draw(chance, to, t, c);
            r.exponent[c / BLOCK] =
                store_block(r.code + c, x, count,
                            to.chance ? chance : NULL);
        }
        from += to.columns;
    }
}

void rows_load(real *to, struct array from, size_t first, size_t rows)
{
    for (size_t t = first; t < first + rows; t++) {
        struct row r = row_of(from, t);
        for (size_t c = 0; c < from.columns; c += BLOCK) {
            size_t count = block_at(from, c);
            load_block(to + c, r.code + c, r.exponent[c / BLOCK],
                       count);
            if (from.streams > 0)
                add_mean(to + c, to + c, 1, r.mean, from, c, count);
        }
        to += from.columns;
    }
}

void rows_settle(real *x, struct array as, size_t first, size_t rows)
{
    _Alignas(16) unsigned char room[row_bytes(as)];
    struct array one = as;
    one.at = room;
    one.rows = 1;
    for (size_t t = first; t < first + rows; t++, x += as.columns) {
        one.first = as.first + t;
        rows_store(one, 0, x, 1);
        rows_load(x, one, 0, 1);
    }
}
