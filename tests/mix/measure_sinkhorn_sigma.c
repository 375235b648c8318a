#include "ground/random.h"
#include "mix/readable.h"
#include <stdio.h>

enum { N = 4, NN = N * N, LIMIT = 4000, DRAWS = 5 };

int main(void)
{
    static const double spread[DRAWS] = { .5, 1, 2, 3, 3 };
    static double y[2 * LIMIT * NN];
    puts("spread,sigma_squared,measured");
    for (size_t d = 0; d < DRAWS; d++) {
        double z[NN], before = 1, ratio = 0;
        for (size_t k = 0; k < NN; k++)
            z[k] = spread[d] * random_normal(4, d, k);
        readable_iterates(y, z, N, LIMIT);
        for (size_t t = 1; t <= LIMIT && before > 1e-9; t++) {
            double error = column_errors(y + (2 * t - 1) * NN, N);
            ratio = error / before;
            before = error;
        }
        printf("%g,%.4f,%.4f\n", spread[d],
               sigma_squared(y + (2 * LIMIT - 1) * NN, N), ratio);
    }
}
