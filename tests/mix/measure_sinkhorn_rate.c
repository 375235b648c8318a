#include "ground/random.h"
#include "mix/readable.h"
#include <stdio.h>

enum { N = 4, NN = N * N, STEPS = 20, SHOWN = 40, LIMIT = 2000,
       KINDS = 3 };

int main(void)
{
    static const double spread[KINDS] = { 1, 2, 3 };
    static double y[KINDS][2 * LIMIT * NN];
    double rate[KINDS], level[KINDS];
    for (size_t k = 0; k < KINDS; k++) {
        double z[NN];
        for (size_t i = 0; i < NN; i++)
            z[i] = spread[k] * random_normal(3, k, i);
        readable_iterates(y[k], z, N, LIMIT);
        rate[k] = sigma_squared(y[k] + (2 * LIMIT - 1) * NN, N);
        level[k] = column_errors(y[k] + (2 * STEPS - 1) * NN, N);
    }
    puts("iteration,error1,predicted1,error2,predicted2,"
         "error3,predicted3");
    for (size_t t = 1; t <= SHOWN; t++) {
        printf("%zu", t);
        for (size_t k = 0; k < KINDS; k++)
            printf(",%.3e,%.3e",
                   column_errors(y[k] + (2 * t - 1) * NN, N),
                   level[k] * pow(rate[k], (double)t - STEPS));
        puts("");
    }
}
