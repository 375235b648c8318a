#include "mix/sinkhorn.h"
#include "support/fill.h"
#include <omp.h>
#include <stdio.h>

enum { N = 4, NN = N * N, COUNT = 64, STEPS = 20, REPEATS = 500 };
static real logits[COUNT * NN], x[COUNT * NN], dx[COUNT * NN];

// Two scalar loops
static real line_sum(const real *v, size_t step)
{
    return v[0] + v[step] + v[2 * step] + v[3 * step];
}

static void by_division(void)
{
    for (real *m = x; m < x + COUNT * NN; m += NN) {
        for (size_t k = 0; k < NN; k++)
            m[k] = exponential(logits[m - x + (ptrdiff_t)k]);
        for (size_t t = 0; t < STEPS; t++) {
            for (size_t j = 0; j < N; j++) {
                real scale = 1 / line_sum(m + j, N);
                for (size_t i = 0; i < N; i++)
                    m[i * N + j] *= scale;
            }
            for (size_t i = 0; i < N; i++) {
                real scale = 1 / line_sum(m + i * N, 1);
                for (size_t j = 0; j < N; j++)
                    m[i * N + j] *= scale;
            }
        }
    }
}

// One matrix in logarithms
static void in_logarithms(real *y, const real *z)
{
    memcpy(y, z, NN * sizeof *y);
    for (size_t h = 0; h < 2 * STEPS; h++)
        for (size_t k = 0; k < N; k++) {
            size_t step = h % 2 ? 1 : N;
            real *v = y + k * (N + 1 - step), most = v[0], sum = 0;
            for (size_t i = 1; i < N; i++)
                most = v[i * step] > most ? v[i * step] : most;
            for (size_t i = 0; i < N; i++)
                sum += expf((float)(v[i * step] - most));
            most += logf((float)sum);
            for (size_t i = 0; i < N; i++)
                v[i * step] -= most;
        }
    for (size_t k = 0; k < NN; k++)
        y[k] = expf((float)y[k]);
}

static void by_logarithms(void)
{
    for (size_t k = 0; k < COUNT * NN; k += NN)
        in_logarithms(x + k, logits + k);
}

static void ours(void)
{
    sinkhorn_forward(x, logits, COUNT, N, STEPS);
}

static void ours_back(void)
{
    sinkhorn_backward(x, dx, logits, COUNT, N, STEPS);
}

int main(void)
{
    static void (*const way[])(void) = { by_logarithms, by_division,
                                         ours, ours_back };
    static const char *const name[] = { "in logarithms", "by division",
                                        "ours", "ours backward" };
    puts("way,spread,ns,ratio");
    for (int spread = 1; spread <= 30; spread += 29) {
        double best[4] = { INFINITY, INFINITY, INFINITY, INFINITY };
        fill_normal(logits, COUNT * NN, 1, spread);
        fill_normal(dx, COUNT * NN, 2, 1);
        for (int r = 0; r < REPEATS; r++)
            for (int k = 0; k < 4; k++) {
                double start = omp_get_wtime();
                way[k]();
                best[k] = fmin(best[k], omp_get_wtime() - start);
            }
        for (int k = 0; k < 4; k++)
            printf("%s,%d,%.0f,%.2f\n", name[k], spread,
                   1e9 * best[k] / COUNT, best[k] / best[2]);
    }
}
