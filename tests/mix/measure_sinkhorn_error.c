#include "ground/random.h"
#include "mix/readable.h"
#include <stdio.h>
#include <stdlib.h>

enum { N = 4, NN = N * N, STEPS = 20, DRAWS = 10000 };

// Order numbers
static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    static const double spread[] = { .5, 1, 2, 3, 5, 10 };
    static double y[2 * STEPS * NN], error[DRAWS];
    puts("spread,mean,median,p99,largest");
    for (size_t s = 0; s < 6; s++) {
        double mean = 0;
        for (size_t d = 0; d < DRAWS; d++) {
            double z[NN];
            for (size_t k = 0; k < NN; k++)
                z[k] = spread[s] * random_normal(1, s, d * NN + k);
            readable_iterates(y, z, N, STEPS);
            error[d] = column_errors(y + (2 * STEPS - 1) * NN, N);
            mean += error[d] / DRAWS;
        }
        qsort(error, DRAWS, sizeof *error, compare);
        printf("%g,%.1e,%.1e,%.1e,%.1e\n", spread[s], mean,
               error[DRAWS / 2], error[DRAWS / 100 * 99],
               error[DRAWS - 1]);
    }
}
