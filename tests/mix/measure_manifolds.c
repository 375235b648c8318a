#include "gain/gain.h"
#include "mix/kronecker.h"
#include "mix/permutations.h"
#include "mix/sinkhorn.h"
#include "support/fill.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { N = 4, MATRIX = N * N, DRAWS = 1000, DEPTH = 60,
       ALL = DRAWS * DEPTH };

static const struct {
    const char *name;
    size_t logits;
    void (*forward)(real *, const real *, size_t, size_t, size_t);
    void (*backward)(real *, const real *, const real *, size_t, size_t,
                     size_t);
} rules[] = {
    { "sinkhorn", 16, sinkhorn_forward, sinkhorn_backward },
    { "lite", 24, permutations_forward, permutations_backward },
    { "krom", 2, kronecker_forward, kronecker_backward },
};
enum { RULES = 3 };

static real logits[ALL * 24], matrix[ALL * MATRIX], dlogits[ALL * 24];

// Multiply a draw's matrices
static double distance(struct gain g)
{
    return fmax(fmax(g.forward - 1, 1 - g.forward_least),
                fmax(g.backward - 1, 1 - g.backward_least));
}

/* the product of a draw's matrices; single: the largest distance of a
   sum of one of them */
static struct gain composite(double *single, size_t draw)
{
    double product[MATRIX], layer[MATRIX], next[MATRIX];
    const real *m = matrix + draw * DEPTH * MATRIX;
    for (size_t e = 0; e < MATRIX; e++)
        product[e] = e % (N + 1) == 0;
    for (size_t l = 0; l < DEPTH; l++) {
        for (size_t e = 0; e < MATRIX; e++)
            layer[e] = (double)m[l * MATRIX + e];
        *single = fmax(*single, distance(gain_of(layer, N)));
        gain_product(next, layer, product, N);
        memcpy(product, next, sizeof next);
    }
    return gain_of(product, N);
}

// The time of a rule
/* of processor, for one matrix forward and back; the matrices stay */
static double nanoseconds(size_t r)
{
    struct timespec begun, done;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &begun);
    for (size_t t = 0; t < ALL; t += 64) {
        size_t count = ALL - t < 64 ? ALL - t : 64;
        const real *x = logits + t * rules[r].logits;
        rules[r].forward(matrix + t * MATRIX, x, count, N, 20);
        rules[r].backward(dlogits + t * rules[r].logits,
                          matrix + t * MATRIX, x, count, N, 20);
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &done);
    return (1e9 * (double)(done.tv_sec - begun.tv_sec)
            + (double)(done.tv_nsec - begun.tv_nsec)) / ALL;
}

int main(void)
{
    printf("spread");
    for (size_t r = 0; r < RULES; r++)
        printf(",%s_single,%s_forward,%s_backward,%s_ns",
               rules[r].name, rules[r].name, rules[r].name,
               rules[r].name);
    for (int spread = 1; spread <= 6; spread++) {
        printf("\n%d", spread);
        for (size_t r = 0; r < RULES; r++) {
            double single = 0, forward = 0, backward = 0;
            fill_normal(logits, ALL * rules[r].logits, 1, spread);
            double time = nanoseconds(r);
            // Note the largest distances from one
            for (size_t d = 0; d < DRAWS; d++) {
                struct gain g = composite(&single, d);
                forward = fmax(forward, fmax(g.forward - 1, 1 - g.forward_least));
                backward = fmax(backward,
                                fmax(g.backward - 1, 1 - g.backward_least));
            }
            printf(",%.2e,%.2e,%.2e,%.0f", single, forward, backward,
                   time);
        }
    }
    printf("\n");
    return 0;
}
