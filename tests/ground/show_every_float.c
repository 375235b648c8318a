#include "ground/bf16.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROW = 1 << 16 };      /* floats with one upper half */

static bf16 defined(uint32_t bits)
{
    uint32_t sign = bits >> 31 << 15, size = bits & 0x7fffffff;
    uint32_t below = size >> 16, rest = size & 0xffff;
    if (size > 0x7f800000)
        return (bf16)(sign | below | 0x40);     /* a NaN, quiet */
    bool up = rest > 0x8000 || (rest == 0x8000 && below % 2 == 1);
    return (bf16)(sign | (below + up));
}

/* floats of an upper half that are rounded or stored otherwise */
static unsigned others(uint32_t upper)
{
    real x[ROW];
    bf16 row[ROW];
    unsigned count = 0;
    for (uint32_t low = 0; low < ROW; low++) {
        uint32_t bits = upper << 16 | low;
        float one;
        memcpy(&one, &bits, sizeof one);
        x[low] = one;
        count += bf16_round(one) != defined(bits);
    }
    bf16_store(row, x, ROW);
    for (uint32_t low = 0; low < ROW; low++)
        count += row[low] != defined(upper << 16 | low);
    return count;
}

/* show_every_float [STEP]: every STEP-th upper half, with all lower */
int main(int argc, char **argv)
{
    uint32_t step = argc > 1 ? (uint32_t)atoi(argv[1]) : 1;
    unsigned long long count = 0, wrong = 0;
    #pragma omp parallel for reduction(+ : count, wrong)
    for (uint32_t upper = 0; upper < ROW; upper += step) {
        count += ROW;
        wrong += others(upper);
    }
    printf("%llu floats, %llu rounded otherwise than defined\n", count,
           wrong);
    return wrong > 0;
}
