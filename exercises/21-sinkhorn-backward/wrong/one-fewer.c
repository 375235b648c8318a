/* expect: looks like a gradient that forgets the first iteration */
#define LEAST 2
// A plain answer to lab 21
#include "sinkhorn/readable.h"
#include "sinkhorn/sinkhorn.h"

#ifndef LEAST
#define LEAST 0
#endif
#ifndef ITERATE
#define ITERATE y[h]
#endif
#ifndef ROWS
#define ROWS h % 2
#endif
#ifndef INTO
#define INTO =
#endif
#ifndef START
#define START y[halves - 1][i]
#endif

void sinkhorn_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations)
{
    static double y[200][64];
    size_t halves = 2 * iterations, nn = n * n;
    for (; count-- > 0; dlogits += nn, dmatrix += nn, logits += nn) {
        double all[200 * 64], g[64];
        readable_iterates(all, logits, n, iterations);
        for (size_t h = 0; h < halves; h++)
            memcpy(y[h], all + h * nn, nn * sizeof(double));
        for (size_t i = 0; i < nn; i++)
            g[i] = dmatrix[i] * START;
        for (size_t h = halves; h-- > (LEAST); )
            normalise_back(g, ITERATE, n, ROWS ? n : 1, ROWS ? 1 : n);
        for (size_t i = 0; i < nn; i++)
            dlogits[i] INTO g[i];
    }
}
