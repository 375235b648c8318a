#include "ground/random.h"
#include "mix/readable.h"
#include <stdio.h>

enum { N = 4, NN = N * N, STEPS = 100, DEPTH = 128, KINDS = 5 };

/* off the diagonal, on it, and the spread of what is added */
static const struct kind { double off, on, spread; } kinds[KINDS] = {
    { -8, 0, 0 }, { -8, 0, 1 }, { -4, 0, 1 }, { 0, 1, 0 }, { 0, 0, 1 },
};

// A matrix of a kind
static void draw(double *h, const struct kind *k, uint64_t seed)
{
    static double y[2 * STEPS * NN];
    double z[NN];
    for (size_t i = 0; i < NN; i++)
        z[i] = (i % (N + 1) == 0 ? k->on : k->off)
               + k->spread * random_normal(5, seed, i);
    readable_iterates(y, z, N, STEPS);
    memcpy(h, y + (2 * STEPS - 1) * NN, NN * sizeof *h);
}

// The largest distance from the uniform matrix
static double distance(const double *h)
{
    double worst = 0;
    for (size_t i = 0; i < NN; i++)
        worst = fmax(worst, fabs(h[i] - 1. / N));
    return worst;
}

int main(void)
{
    double product[KINDS][NN], far[KINDS];
    puts("depth,fixed8,noisy8,noisy4,eye,noise");
    for (size_t k = 0; k < KINDS; k++)
        for (size_t i = 0; i < NN; i++)
            product[k][i] = i % (N + 1) == 0;
    for (size_t depth = 1; depth <= DEPTH; depth++) {
        printf("%zu", depth);
        for (size_t k = 0; k < KINDS; k++) {
            double next[NN] = { 0 }, h[NN];
            draw(h, &kinds[k], depth * KINDS + k);
            for (size_t i = 0; i < NN * N; i++)
                next[i / N] += h[i / NN * N + i % N]
                               * product[k][i % N * N + i / N % N];
            memcpy(product[k], next, sizeof next);
            far[k] = distance(next);
            printf(",%.3e", far[k]);
        }
        puts("");
    }
}
