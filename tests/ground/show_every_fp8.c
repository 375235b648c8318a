#include "support/fp8_by_search.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROW = 1 << 16 };      /* floats with one upper half */

/* show_every_fp8 [STEP]: every STEP-th upper half, with all lower */
int main(int argc, char **argv)
{
    static const struct { const char *name; struct fp8_format k; }
    format[] = { { "E4M3", { 3, 7, 0x7e } },
                 { "E5M2", { 2, 15, 0x7b } } };
    uint32_t step = argc > 1 ? (uint32_t)atoi(argv[1]) : 1;
    unsigned long long all = 0;
    for (int f = 0; f < 2; f++) {
        unsigned long long count = 0, wrong = 0;
        double size[128];
        fp8_sizes(size, format[f].k);
        #pragma omp parallel for reduction(+ : count, wrong)
        for (uint32_t upper = 0; upper < ROW; upper += step)
            for (uint32_t low = 0; low < ROW; low++) {
                float x = float_of(upper << 16 | low);
                count++;
                wrong += fp8_round(x, format[f].k)
                      != fp8_by_search(x, size, format[f].k);
            }
        printf("%s: %llu floats, %llu rounded otherwise than defined\n",
               format[f].name, count, wrong);
        all += wrong;
    }
    return all > 0;
}
