/* expect: a matrix from which each row's largest was subtracted */
#define SAME k / n == m / n
// A plain answer to lab 22
#include "mix/sinkhorn.h"

#ifndef FEWER
#define FEWER 0
#endif
#ifndef ROWS
#define ROWS h % 2
#endif
#ifndef SAME
#define SAME k % n == m % n
#endif
#ifndef MOST
#define MOST most
#endif
#ifndef LOGIT
#define LOGIT(z) z
#endif
#ifndef EPSILON
#define EPSILON 0
#endif

void sinkhorn_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations)
{
    size_t nn = n * n;
    for (; count-- > 0; matrix += nn, logits += nn) {
        for (size_t k = 0; k < nn; k++) {
            real most = logits[k];
            for (size_t m = 0; m < nn; m++)
                if ((SAME) && logits[m] > most)
                    most = logits[m];
            matrix[k] = exponential(LOGIT(logits[k] - MOST));
        }
        for (size_t h = 0; h + FEWER < 2 * iterations; h++) {
            real sum[8] = { 0 };
            for (size_t k = 0; k < nn; k++)
                sum[ROWS ? k / n : k % n] += matrix[k];
            for (size_t k = 0; k < nn; k++)
                matrix[k] /= sum[ROWS ? k / n : k % n] + EPSILON;
        }
    }
}
