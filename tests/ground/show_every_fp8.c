#include "support/fp8_by_search.h"
#include <stdio.h>
#include <stdlib.h>

enum { ROW = 1 << 16 };      /* floats with one upper half */
struct wrong { unsigned long long count, nearest, chance, scale; };

// Look at one float
/* low: the last code whose number is not larger */
static void look_at(struct wrong *w, float x, unsigned low,
                    const double *size, struct fp8_format k)
{
    const float last = 0x1.fffffep-1f;
    double part = fp8_part(x, low, size, k);
    float most = (float)part;
    float before = most > 0 ? float_of(bits_of(most) - 1) : 0;
    float chance[] = { 0, .5f, last, most, before };
    unsigned sign = signbit(x) ? 0x80 : 0;
    w->count++;
    w->nearest += fp8_round(x, k) != fp8_near(x, low, size, k);
    for (size_t i = 0; i < sizeof chance / sizeof *chance; i++) {
        unsigned code = low + (part > (double)chance[i]);
        w->chance += fp8_round_by(x, chance[i], k)
                  != (x != x ? 0x7f : code | sign);
    }
    if (x > 0 && x <= FLT_MAX) {
        int e = fp8_exponent(x, k);
        double amax = (double)x * (double)float_of((127u - (uint32_t)e)
                                                   << 23);
        bool fits = e == FP8_MOST || amax <= size[k.largest];
        bool least = e == FP8_LEAST || amax > size[k.largest] / 2;
        w->scale += !fits || !least || e < FP8_LEAST || e > FP8_MOST;
    }
}

/* show_every_fp8 [STEP]: every STEP-th upper half, with all lower */
int main(int argc, char **argv)
{
    static const struct { const char *name; struct fp8_format k; }
    format[] = { { "E4M3", { 3, 7, 0x7e } },
                 { "E5M2", { 2, 15, 0x7b } } };
    uint32_t step = argc > 1 ? (uint32_t)atoi(argv[1]) : 1;
    unsigned long long all = 0;
    for (int f = 0; f < 2; f++) {
        struct fp8_format k = format[f].k;
        unsigned long long count = 0, nearest = 0, chance = 0;
        unsigned long long scale = 0;
        double size[128];
        fp8_sizes(size, k);
        #pragma omp parallel for schedule(dynamic, 64) \
            reduction(+ : count, nearest, chance, scale)
        for (uint32_t upper = 0; upper < ROW; upper += step) {
            float first = float_of(upper << 16);
            unsigned low = fp8_below(first, size, k);
            struct wrong w = { 0, 0, 0, 0 };
            for (uint32_t lower = 0; lower < ROW; lower++) {
                float x = float_of(upper << 16 | lower);
                while (low < k.largest
                       && size[low + 1] <= fabs((double)x))
                    low++;
                look_at(&w, x, low, size, k);
            }
            count += w.count, nearest += w.nearest;
            chance += w.chance, scale += w.scale;
        }
        printf("%s, %llu floats: %llu wrong to the nearest, "
               "%llu by chance, %llu scales\n",
               format[f].name, count, nearest, chance, scale);
        all += nearest + chance + scale;
    }
    return all > 0;
}
