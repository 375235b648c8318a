#include "ground/random.h"
#include "mix/readable.h"
#include <stdio.h>
#include <stdlib.h>

enum { N = 4, NN = N * N, MOST = 80, DRAWS = 1000, KINDS = 3 };

// Order numbers
static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// How far the implicit gradient is from the true one
static double error_of(double spread, size_t steps, size_t k, size_t d)
{
    static double y[2 * MOST * NN];
    double z[NN], dy[NN], dz[NN], guess[NN], far = 0, size = 0;
    for (size_t i = 0; i < NN; i++) {
        z[i] = spread * random_normal(6, k, d * NN + i);
        dy[i] = random_normal(7, k, d * NN + i);
    }
    readable_iterates(y, z, N, steps);
    readable_backward(dz, dy, y, N, steps);
    implicit_backward(guess, dy, y + (2 * steps - 1) * NN, N);
    for (size_t i = 0; i < NN; i++) {
        far += (guess[i] - dz[i]) * (guess[i] - dz[i]);
        size += dz[i] * dz[i];
    }
    return sqrt(far / size);
}

int main(void)
{
    static const double spread[KINDS] = { 1, 2, 4 };
    static const size_t steps[] = { 1, 2, 3, 5, 7, 10, 14, 20, 28, 40,
                                    57, MOST };
    static double error[DRAWS];
    puts("iterations,median1,p99of1,median2,p99of2,median4,p99of4");
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        printf("%zu", steps[s]);
        for (size_t k = 0; k < KINDS; k++) {
            for (size_t d = 0; d < DRAWS; d++)
                error[d] = error_of(spread[k], steps[s], k, d);
            qsort(error, DRAWS, sizeof *error, compare);
            printf(",%.2e,%.2e", error[DRAWS / 2],
                   error[DRAWS / 100 * 99]);
        }
        puts("");
    }
}
