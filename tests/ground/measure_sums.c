#include "ground/memory.h"
#include "ground/random.h"
#include "ground/sum.h"
#include <stdio.h>

enum { MOST = 1 << 24, DRAWS = 8 };

// Ways to add
static double in_order(const real *x, size_t count)
{
    float sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (float)x[i];
    return sum;
}

static double eight_lanes(const real *x, size_t count)
{
    float lane[8] = { 0 }, sum = 0;
    for (size_t i = 0; i < count; i++)
        lane[i % 8] += (float)x[i];
    for (size_t k = 0; k < 8; k++)
        sum += lane[k];
    return sum;
}

static float pairwise(const real *x, size_t count)
{
    if (count == 1)
        return (float)x[0];
    return pairwise(x, count / 2) +
           pairwise(x + count / 2, count - count / 2);
}


int main(void)
{
    struct message m = { 0, "" };
    real *x = memory_new(MOST, sizeof *x, &m);
    if (x == NULL)
        return m.status;
    printf("count,in_order,eight_lanes,pairwise,sum_of\n");
    for (size_t count = 16; count <= MOST; count *= 4) {
        double worst[4] = { 0 };
        // Draw numbers and keep the worst error of each way to add
        for (uint64_t draw = 0; draw < DRAWS; draw++) {
            long double exact = 0;
            for (size_t i = 0; i < count; i++) {
                x[i] = (real)(float)random_uniform(draw, 0, i);
                exact += x[i];
            }
            const double got[4] = { in_order(x, count), eight_lanes(x, count),
                                    pairwise(x, count), sum_of(x, count) };
            for (int k = 0; k < 4; k++)
                worst[k] = fmax(worst[k],
                                (double)fabsl((got[k] - exact) / exact));
        }
        printf("%zu,%.3g,%.3g,%.3g,%.3g\n", count, worst[0], worst[1],
               worst[2], worst[3]);
    }
    memory_free(x);
    return 0;
}
