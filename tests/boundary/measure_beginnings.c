#include "mix/sinkhorn.h"
#include <stdio.h>

enum { N = 4, ALL = N * N };

static const struct { const char *name; real on, off, temperature; }
beginnings[] = {
    { "zeros", 0, 0, 1 }, { "identity as logits", 1, 0, 1 },
    { "0 and -8", 0, -8, 1 },
    { "0 and -8 at temperature 0.05", 0, -8, (real)0.05 }
};

// What is left of a stream after some sublayers
/* 1: all of it; 0: it is shared out evenly */
static double left(const real *matrix, int sublayers)
{
    double x[N] = { 1 };
    for (int l = 0; l < sublayers; l++) {
        double next[N] = { 0 };
        for (size_t i = 0; i < ALL; i++)
            next[i / N] += (double)matrix[i] * x[i % N];
        memcpy(x, next, sizeof x);
    }
    return fabs(x[0] - x[1]);
}

int main(void)
{
    printf("logits,diagonal,off,left_24,left_60,slope\n");
    for (size_t k = 0; k < 4; k++) {
        real logits[ALL], matrix[ALL], slope[ALL] = { 0, 1 };
        for (size_t i = 0; i < ALL; i++)
            logits[i] = (i % (N + 1) == 0 ? beginnings[k].on
                         : beginnings[k].off)
                      / beginnings[k].temperature;
        sinkhorn_forward(matrix, logits, 1, N, 20);
        sinkhorn_backward(slope, slope, logits, 1, N, 20);
        printf("%s,%.6f,%.3g,%.3g,%.3g,%.3g\n", beginnings[k].name,
               (double)matrix[0], (double)matrix[1], left(matrix, 24),
               left(matrix, 60), fabs((double)slope[1]
                                      / beginnings[k].temperature));
    }
    return 0;
}
