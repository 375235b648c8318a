#include "ground/real.h"
#include <omp.h>
#include <stdio.h>

enum { COUNT = 4096, ROUNDS = 2000, SPREAD = 67 };

static float x[COUNT], y[COUNT];

// Two loops to be compared
__attribute__((noinline)) static void our_loop(void)
{
    for (size_t i = 0; i < COUNT; i++)
        y[i] = (float)exponential(x[i]);
}

__attribute__((noinline)) static void library_loop(void)
{
    for (size_t i = 0; i < COUNT; i++)
        y[i] = expf(x[i]);
}

// The largest error of a loop, in ulp
static double worst_of(size_t count)
{
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        int power;
        double want = exp((double)x[i]);
        if (isinf((float)want))
            continue;
        frexp(want, &power);
        double ulp = ldexp(1, power > -125 ? power - 24 : -149);
        worst = fmax(worst, fabs(y[i] - want) / ulp);
    }
    return worst;
}

static double worst_error(void (*loop)(void))
{
    double worst = 0;
    size_t filled = 0;
    for (uint64_t bits = 0; bits >> 32 == 0; bits += SPREAD) {
        uint32_t low = (uint32_t)bits;
        memcpy(&x[filled], &low, sizeof low);
        if (isnan(x[filled]) || fabsf(x[filled]) > 110)
            continue;
        if (++filled == COUNT) {
            loop();
            worst = fmax(worst, worst_of(COUNT));
            filled = 0;
        }
    }
    return worst;
}


int main(void)
{
    static void (*const loop[2])(void) = { our_loop, library_loop };
    double best[2] = { INFINITY, INFINITY };
    for (size_t i = 0; i < COUNT; i++)
        x[i] = -(float)i / COUNT * 20;
    for (int round = 0; round < ROUNDS; round++)
        for (int k = 0; k < 2; k++) {
            double start = omp_get_wtime();
            loop[k]();
            best[k] = fmin(best[k], omp_get_wtime() - start);
        }
    printf("quantity,exponential,expf\n");
    printf("time,%.1f,%.1f\n", 1.0, best[1] / best[0]);
    printf("worst error,%.2f,%.2f\n", worst_error(our_loop),
           worst_error(library_loop));
    return 0;
}
