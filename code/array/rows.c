#include "array/rows.h"
#include "ground/bf16.h"
#include "ground/fp8.h"
#include "ground/random.h"
#include <stdbool.h>

enum { BLOCK = 128 };

// Draw for a block
enum { CALLS = BLOCK / 8 };

/* for 128 channels from c on, of row t */
static void draw(float chance[BLOCK], struct array a, size_t t,
                 size_t c)
{
    const struct eight *by = a.eight;
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
/* its exponent; chance NULL: to the nearest */
static int8_t store_block(fp8 code[BLOCK], const real *x, size_t count,
                          const float *chance, size_t *infinite)
{
    float amax = 0;
    uint32_t lost = 0;
    #pragma omp simd reduction(max : amax) reduction(+ : lost)
    for (size_t i = 0; i < count; i++) {
        float size = fabsf((float)x[i]);
        lost += size > FLT_MAX;
        amax = size > amax && size <= FLT_MAX ? size : amax;
    }
    int k = fp8_exponent(amax, FP8_E4M3);
    float scale = float_of((uint32_t)(127 - k) << 23);
    *infinite += lost;
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
/* of streams, [C], to bf16, and what is left of the row without it; one
   stream is its own mean, and nothing else */
static void take_mean(real *rest, bf16 *mean, const real *x,
                      struct array a)
{
    size_t n = a.streams, C = a.columns / n;
    memcpy(rest, x, C * sizeof *rest);
    for (size_t i = 1; i < n; i++)
        for (size_t c = 0; c < C; c++)
            rest[c] += x[i * C + c];
    for (size_t c = 0; c < C; c++)
        mean[c] = bf16_round((float)rest[c] / (float)n);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < C; c++)
            rest[i * C + c] = n == 1 ? 0
                : x[i * C + c] - (real)bf16_widen(mean[c]);
}

/* gives what is left this mean and no other */
static void give_mean(real *x, const bf16 *mean, struct array a)
{
    size_t n = a.streams, C = a.columns / n;
    real more[C];
    memcpy(more, x, sizeof more);
    for (size_t i = 1; i < n; i++)
        for (size_t c = 0; c < C; c++)
            more[c] += x[i * C + c];
    for (size_t c = 0; c < C; c++)
        more[c] = (real)(bf16_widen(mean[c])
                         - (float)more[c] / (float)n);
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < C; c++)
            x[i * C + c] += more[c];
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
    float numbers[BLOCK], *chance = NULL;
    real rest[to.streams > 0 ? to.columns : 1];
    size_t infinite = 0;
    if (to.eight != NULL && to.eight->by_chance)
        chance = numbers;
    for (size_t t = first; t < first + rows; t++) {
        struct row r = row_of(to, t);
        const real *x = to.streams > 0 ? rest : from;
        if (to.streams > 0)
            take_mean(rest, r.mean, from, to);
        for (size_t c = 0; c < to.columns; c += BLOCK) {
            size_t count = block_at(to, c);
            if (chance != NULL)
                draw(chance, to, t, c);
            r.exponent[c / BLOCK] =
                store_block(r.code + c, x + c, count, chance,
                            &infinite);
        }
        from += to.columns;
    }
    // Count what was stored
    if (to.eight != NULL) {
        #pragma omp atomic
        to.eight->stored += rows * to.columns;
        if (infinite > 0) {
            #pragma omp atomic
            to.eight->saturated += infinite;
        }
    }
}

void rows_load(real *to, struct array from, size_t first, size_t rows)
{
    for (size_t t = first; t < first + rows; t++) {
        struct row r = row_of(from, t);
        for (size_t c = 0; c < from.columns; c += BLOCK)
            load_block(to + c, r.code + c, r.exponent[c / BLOCK],
                       block_at(from, c));
        if (from.streams > 0)
            give_mean(to, r.mean, from);
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
