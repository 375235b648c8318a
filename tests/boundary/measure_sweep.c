#include "boundary/sites.h"
#include "model/kinds.h"
#include "ground/median.h"
#include <omp.h>
#include <stdio.h>

enum { TOKENS = 2048, WIDTH = 384, ROUNDS = 9 };

// Time a crossing
static double time_of(void (*go)(struct sites *), struct sites *b)
{
    size_t all = TOKENS * b->to.streams * WIDTH;
    for (size_t i = 0; i < all; i++)
        reals(b->to.dstream)[i] = (real)(i % 7);
    double began = omp_get_wtime();
    go(b);
    return omp_get_wtime() - began;
}

int main(void)
{
    printf("streams,apart,sweep,apart_back,sweep_back\n");
    for (size_t n = 1; n <= MIX_STREAMS; n *= 2) {
        struct sites b[2];
        double time[4][ROUNDS + 1];
        for (size_t i = 0; i < 2; i++)
            b[i] = sites_of(&mhc, n, TOKENS, WIDTH, i == 0);
        for (size_t k = 0; k <= ROUNDS; k++)
            for (size_t i = 0; i < 2; i++) {
                time[i][k] = time_of(there, &b[i]);
                time[2 + i][k] = time_of(back, &b[i]);
            }
        printf("%zu", n);
        for (size_t i = 0; i < 4; i++)
            printf(",%.0f", 1e9 / TOKENS * median(time[i] + 1, ROUNDS));
        printf("\n");
    }
}
