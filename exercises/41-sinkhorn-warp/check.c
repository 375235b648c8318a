#include "support/lab_kernels.h"
#include "ground/random.h"
#include "support/fill.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { TOKENS = 70, N = 4, ENTRIES = N * N, MOST = 32 };
static real logits[TOKENS * ENTRIES], dmatrix[TOKENS * ENTRIES],
    dlogits[TOKENS * ENTRIES], want[TOKENS * ENTRIES];

// Mistakes in Sinkhorn's backward in a warp
enum mistake { NONE, STALE, BEFORE, EXCHANGED, ROWS_FIRST, ONE_FEWER,
               NO_FIRST_STEP, NO_MATRIX, BOTH_TOKENS, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "a gradient that takes the final matrix for every iterate",
    "a gradient with the iterate before each half step, not after it",
    "columns and rows exchanged on the way back",
    "the gradient of the other order, rows before columns",
    "a gradient that forgets the first iteration",
    "a gradient that forgets the first column step",
    "a gradient that does not begin with dmatrix times matrix",
    "sums on the way back that take in the other token of the warp" };

static double line_sum(const double *x, size_t e, bool row)
{
    double sum = 0;
    for (size_t k = 0; k < N; k++)
        sum += row ? x[e / N * N + k] : x[k * N + e % N];
    return sum;
}

static double iterate[2][2 * MOST + 1][ENTRIES], g[2][ENTRIES];

static void forward(double y[][ENTRIES], size_t token, int iterations,
                    bool rows_first)
{
    for (size_t e = 0; e < ENTRIES; e++)
        y[0][e] = exp((double)logits[token * ENTRIES + e]);
    for (int h = 1; h <= 2 * iterations; h++)
        for (size_t e = 0; e < ENTRIES; e++)
            y[h][e] = y[h - 1][e]
                / line_sum(y[h - 1], e, (h % 2 == 0) != rows_first);
}
static void gradient(size_t tokens, int iterations,
                     enum mistake mistake)
{
    const int halves = 2 * iterations;
    const int least = mistake == ONE_FEWER ? 2
                    : mistake == NO_FIRST_STEP;
    for (size_t t = 0; t < tokens; t += 2) {
        size_t pair = t + 1 < tokens ? 2 : 1;
        for (size_t p = 0; p < pair; p++) {
            forward(iterate[p], t + p, iterations,
                    mistake == ROWS_FIRST);
            for (size_t e = 0; e < ENTRIES; e++)
                g[p][e] = (double)dmatrix[(t + p) * ENTRIES + e]
                    * (mistake == NO_MATRIX ? 1
                                            : iterate[p][halves][e]);
        }
        for (int h = halves; h > least; h--) {
            // Go back a half step, in both tokens
            const bool row = (h % 2 == 0)
                != (mistake == EXCHANGED || mistake == ROWS_FIRST);
            const int at = mistake == STALE ? halves : h - (mistake == BEFORE);
            double sum[2][ENTRIES] = { { 0 } };
            for (size_t p = 0; p < pair; p++)
                for (size_t e = 0; e < ENTRIES; e++)
                    sum[p][e] = line_sum(g[p], e, row)
                        + (mistake == BOTH_TOKENS && pair == 2
                           ? line_sum(g[1 - p], e, row) : 0);
            for (size_t p = 0; p < pair; p++)
                for (size_t e = 0; e < ENTRIES; e++)
                    g[p][e] -= iterate[p][at][e] * sum[p][e];
        }
        for (size_t p = 0; p < pair; p++)
            for (size_t e = 0; e < ENTRIES; e++)
                want[(t + p) * ENTRIES + e] = (real)g[p][e];
    }
}

// Check Sinkhorn's backward in a warp
static void check(size_t tokens, int iterations, const char *order)
{
    static size_t cases;
    const size_t all = tokens * ENTRIES, shape[] = { tokens, N, N };
    char what[80];
    cases++;
    for (size_t i = 0; i < all; i++) {
        const double u = random_uniform(lab_seed(cases),
                                        random_stream("logits"), i);
        logits[i] = (real)(16 * u - 8) / (cases % 2 == 0 ? 4 : 1);
        if (i / ENTRIES % 2 == 1)   /* a triangle: converges like 1/t */
            logits[i] = (real)(i / N % N >= i % N ? u : u - 8);
    }
    fill_normal(dmatrix, all, cases + 20, 1);
    lab_input("dmatrix", dmatrix, all * sizeof *dmatrix);
    lab_input("logits", logits, all * sizeof *logits);
    lab_unset(dlogits, all);
    lab_gpu_call(order,
        float *gpu_dmatrix = lab_gpu(dmatrix, all);
        float *gpu_logits = lab_gpu(logits, all);
        float *gpu_dlogits = lab_gpu(dlogits, all);
        sinkhorn_backward_warp(gpu_dlogits, gpu_dmatrix, gpu_logits,
                               tokens, iterations));
    snprintf(what, sizeof what, "dlogits, %zu tokens, iterations: %d",
             tokens, iterations);
    if (tokens == 0) {
        lab_true(what, true, "it launches something");
        return;
    }
    gradient(tokens, iterations, NONE);
    lab_axes("tij");
    if (!lab_compare(what, dlogits, want, shape, 3, 1e-4))
        for (int m = STALE; m < MISTAKES; m++) {
            if (m == ONE_FEWER && iterations < 2)
                continue;
            gradient(tokens, iterations, (enum mistake)m);
            lab_mistake(saying[m], want);
        }
}

int main(void)
{
    lab_gpu_begin("Lab 41: Sinkhorn's backward in a warp");
    check(2, 1, "forward");
    check(2, 20, "forward");
    check(1, 2, "reverse");
    check(7, 20, "random:1");
    check(9, 0, "reverse");
    check(3, MOST, "random:2");
    for (size_t k = 0; k < 6; k++) {
        char order[30];
        snprintf(order, sizeof order, "random:%zu", k);
        check(lab_size(k, 1, TOKENS), (int)lab_size(k + 10, 3, 24),
              order);
    }
    check(0, 20, "forward");
    return lab_end();
}
