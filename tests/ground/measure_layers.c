#include "layers/embedding.h"
#include "layers/feedforward.h"
#include "ground/random.h"
#include "ground/slices.h"
#include "layers/loss.h"
#include "layers/norm.h"
#include "support/fill.h"
#include <omp.h>
#include <stdio.h>

enum { TOKENS = 2048, WIDTH = 384, HIDDEN = 1024, VOCABULARY = 256,
       MOST = TOKENS * HIDDEN, REPEATS = 200 };
static real *a, *b, *c, *d, *e, *gain, *statistic;
static token id[TOKENS];

// The operations to measure
static void norm_plain(void)
{
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < TOKENS; t++) {
        const real *row = b + t * WIDTH;
        real sum = 0;
        for (size_t i = 0; i < WIDTH; i++)
            sum += row[i] * row[i];
        real r = (real)(1 / sqrt((double)sum / WIDTH + NORM_EPSILON));
        for (size_t i = 0; i < WIDTH; i++)
            a[t * WIDTH + i] = gain[i] * (row[i] * r);
        statistic[t] = r;
    }
}

static void look_up(void)
{
    embedding_forward(a, id, b, TOKENS, WIDTH);
}

static void look_up_back(void)
{
    embedding_backward(e, a, id, TOKENS, WIDTH);
}

static void norm(void)
{
    norm_forward(a, statistic, b, gain, TOKENS, WIDTH);
}

static void norm_back(void)
{
    norm_backward(c, d, a, b, statistic, gain, TOKENS, WIDTH, false);
}

static void gate(void)
{
    #pragma omp parallel for schedule(static)
    for (size_t s = 0; s < SLICES; s++) {
        struct slice k = slice_of(s, SLICES, MOST);
        feedforward_forward(a + k.begin, b + k.begin, c + k.begin,
                            k.end - k.begin);
    }
}

static void gate_back(void)
{
    #pragma omp parallel for schedule(static)
    for (size_t s = 0; s < SLICES; s++) {
        struct slice k = slice_of(s, SLICES, MOST);
        feedforward_backward(d + k.begin, e + k.begin, a + k.begin,
                             b + k.begin, c + k.begin,
                             k.end - k.begin);
    }
}

static void loss(void)
{
    loss_forward(d, statistic, b, id, TOKENS, VOCABULARY);
}

static void loss_back(void)
{
    loss_backward(a, b, statistic, id, 1, TOKENS, VOCABULARY);
}
static const struct operation {
    const char *name;
    void (*run)(void);
    size_t moved;           /* reals, read or written */
} all[] = {
    { "embedding", look_up, 2 * TOKENS * WIDTH },
    { "embedding backward", look_up_back, 3 * TOKENS * WIDTH },
    { "norm with a plain sum", norm_plain, 2 * TOKENS * WIDTH },
    { "norm", norm, 2 * TOKENS * WIDTH },
    { "norm backward", norm_back, 3 * TOKENS * WIDTH },
    { "gate", gate, 3 * MOST },
    { "gate backward", gate_back, 5 * MOST },
    { "loss", loss, TOKENS * VOCABULARY },
    { "loss backward", loss_back, 2 * TOKENS * VOCABULARY },
};

// Copy as many bytes
static void copy(size_t moved)
{
    #pragma omp parallel for schedule(static)
    for (size_t s = 0; s < SLICES; s++) {
        struct slice slice = slice_of(s, SLICES, moved / 2);
        memcpy(d + slice.begin, b + slice.begin,
               (slice.end - slice.begin) * sizeof(real));
    }
}

// Measure one operation
static void measure(size_t k)
{
    double operation = INFINITY, copying = INFINITY;
    for (size_t i = 0; i < REPEATS; i++) {
        double start = omp_get_wtime();
        all[k].run();
        double between = omp_get_wtime();
        copy(all[k].moved);
        double end = omp_get_wtime();
        operation = fmin(operation, between - start);
        copying = fmin(copying, end - between);
    }
    printf("%zu,%s,%.1f,%.1f,%.2f\n", k, all[k].name, 1e6 * operation,
           1e6 * copying, operation / copying);
}

int main(void)
{
    omp_set_num_threads(1);
    // Make the operands
    real **const arrays[] = { &a, &b, &c, &d, &e, &gain, &statistic };
    for (size_t k = 0; k < 7; k++) {
        *arrays[k] = test_reals(3 * MOST);
        fill_normal(*arrays[k], MOST, k, 1);
    }
    for (size_t t = 0; t < TOKENS; t++)
        id[t] = (token)random_below(1, 2, t, VOCABULARY);
    puts("place,operation,microseconds,copy_microseconds,ratio");
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
        measure(k);
}
