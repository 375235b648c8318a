#include "ground/random.h"
#include "mix/readable.h"
#include "mix/sinkhorn.h"
#include "support/fill.h"
#include <stdio.h>

enum { N = 4, NN = N * N, COUNT = 1000, STEPS = 20 };
static real logits[COUNT * NN], got[COUNT * NN];

// Five ways to write it
enum { PLAIN, OF_ALL, OF_ROW, OF_COLUMN, WAYS };

static void one_way(real *x, const real *z, int way)
{
    for (size_t k = 0; k < NN; k++) {
        real most = way == PLAIN ? 0 : z[k];
        for (size_t m = 0; m < NN; m++)
            if (way == OF_ALL || (way == OF_ROW && m / N == k / N)
                || (way == OF_COLUMN && m % N == k % N))
                most = z[m] > most ? z[m] : most;
        x[k] = (real)exp((double)(z[k] - most));
    }
    for (size_t h = 0; h < 2 * STEPS; h++) {
        real sum[N] = { 0 };
        for (size_t k = 0; k < NN; k++)
            sum[h % 2 ? k / N : k % N] += x[k];
        for (size_t k = 0; k < NN; k++)
            x[k] /= sum[h % 2 ? k / N : k % N];
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

// Five inputs
static void fill_input(int input)
{
    fill_normal(logits, COUNT * NN, 1, input == 0 ? 3 : 1);
    for (size_t k = 0; k < COUNT * NN; k++)
        if (input == 1)
            logits[k] += 100;
        else if (input == 2)
            logits[k] = logits[k] < 0 ? (real)-1e4 : (real)1e4;
        else if ((input == 3 && k % N == 1)
                 || (input == 4 && k / N % N == 1))
            logits[k] -= 120;
}

// The error of one way
/* NaN if any entry is */
static double error_of(int way)
{
    static double y[2 * STEPS * NN];
    double worst = 0;
    if (way > WAYS)
        sinkhorn_forward(got, logits, COUNT, N, STEPS);
    for (size_t m = 0; m < COUNT * NN; m += NN) {
        double z[NN];
        for (size_t k = 0; k < NN; k++)
            z[k] = (double)logits[m + k];
        if (way == WAYS)
            in_logarithms(got + m, logits + m);
        else if (way < WAYS)
            one_way(got + m, logits + m, way);
        readable_iterates(y, z, N, STEPS);
        for (size_t k = 0; k < NN; k++) {
            double error = fabs((double)got[m + k]
                                - y[(2 * STEPS - 1) * NN + k]);
            if (!(error <= worst))
                worst = error;
        }
        if (isnan(worst))
            return worst;
    }
    return worst;
}

int main(void)
{
    // Print a row for each way
    static const char *const name[] = { "exp", "- largest of all",
        "- of the row", "- of the column", "in logarithms", "ours" };
    puts("way             , spread 3, near 100,  +-1e4  ,  column,"
         "      row");
    for (int way = 0; way <= WAYS + 1; way++) {
        printf("%-16s", name[way]);
        for (int input = 0; input < 5; input++) {
            fill_input(input);
            double error = error_of(way);
            if (isnan(error))
                printf(",%9s", "NaN");
            else
                printf(",%9.0e", error);
        }
        puts("");
    }
}
