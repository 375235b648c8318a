#include "layers/image.h"
#include <stdio.h>
#include <stdlib.h>

enum { ALL = 1 << 16, ROW = 128, ROWS = ALL / (ROW - 1) + 1,
       COUNT = ROWS * ROW };
static bf16 x[COUNT], turned[COUNT], got[COUNT], want[COUNT];
static real wide[COUNT];
static fp8 q[COUNT];
static int8_t exponent[COUNT];

/* a number of bf16, or this amax where that is larger */
static bf16 beside(bf16 amax, unsigned code)
{
    bf16 size = (bf16)(code & 0x7fff);
    return size > amax && size < 0x7f80 ? amax : (bf16)code;
}

/* all of them, each row of x, and each column of turned, with an amax;
   neighbours stand in one row */
static void fill(bf16 amax)
{
    for (unsigned i = 0; i < COUNT; i++) {
        unsigned r = i / ROW, c = i % ROW;
        x[i] = c == 0 ? amax : beside(amax, r * (ROW - 1) + c - 1);
        r = i / ROWS, c = i % ROWS;
        turned[i] = r == 0 ? amax : beside(amax, (r - 1) * ROWS + c);
    }
}

static unsigned long long wrong_in(const bf16 *from, size_t rows,
                                   size_t columns, struct fp8_blocks b)
{
    unsigned long long wrong = 0;
    size_t infinite = 0;
    bf16_load(wide, from, COUNT);
    fp8_store(q, exponent, wide, rows, columns, b, FP8_E4M3, NULL);
    fp8_load(wide, q, exponent, rows, columns, b, FP8_E4M3);
    bf16_store(want, wide, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        infinite += (from[i] & 0x7fff) == 0x7f80;
    wrong += image_make(got, from, rows, columns, b) != infinite;
    for (size_t i = 0; i < COUNT; i++)
        wrong += got[i] != want[i] && ((got[i] & 0x7fff) <= 0x7f80
                                    || (want[i] & 0x7fff) <= 0x7f80);
    return wrong;
}

/* show_every_image [STEP]: every STEP-th scale */
int main(int argc, char **argv)
{
    static const struct fp8_blocks shape[] = { { 1, 128 },
        { 128, 128 }, { 128, 1 } };
    int step = argc > 1 ? atoi(argv[1]) : 1, scales = 0;
    unsigned long long wrong[3] = { 0 };
    for (int k = FP8_LEAST; k <= FP8_MOST; k += step, scales++) {
        bf16 most = (bf16)((135 + k) << 7 | 0x60);     /* 448 2^k */
        bf16 amax[] = { k == FP8_LEAST ? 1 : (bf16)(most - 127),
                        k == FP8_MOST ? 0x7f7f : most };
        for (int i = 0; i < 2; i++) {
            fill(amax[i]);
            wrong[0] += fp8_exponent(bf16_widen(amax[i]), FP8_E4M3)
                     != k;
            for (int s = 0; s < 3; s++)
                wrong[s] += s == 2
                    ? wrong_in(turned, ROW, ROWS, shape[s])
                    : wrong_in(x, ROWS, ROW, shape[s]);
        }
    }
    for (int s = 0; s < 3; s++)
        printf("blocks of %zu x %zu, %d numbers by %d scales: %llu "
               "wrong\n", shape[s].rows, shape[s].columns, ALL, scales,
               wrong[s]);
    return wrong[0] + wrong[1] + wrong[2] > 0;
}
