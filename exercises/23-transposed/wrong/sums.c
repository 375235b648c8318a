/* expect: takes it for right: the transposed mix */
// The head of a test of writing
#include "boundary/mixing.h"
#include "support/fill.h"
#include <math.h>

typedef void mix_writer(real *next, const real *stream,
                        const real *answer, const real *coefficients,
                        const struct layout *l, size_t tokens);
enum { N = 3, C = 5, K = 2 * N + N * N, MOST = 2 };
bool write_is_right(mix_writer *write);

bool write_is_right(mix_writer *write)
{
    static const real mix[] = { 0.5, 0.25, 0.25, 0, 0.75, 0.25, 0.5, 0,
                                0.5 };
    real next[MOST * N * C], x[MOST * N * C], y[MOST * C], k[MOST * K];
    struct layout l = { .streams = N, .width = C };
    fill_normal(x, MOST * N * C, 1, 1);
    fill_normal(y, MOST * C, 2, 1);
    fill_normal(k, MOST * K, 3, 1);
    for (size_t i = 0; i < MOST * N * N; i++)
        k[i / (N * N) * K + 2 * N + i % (N * N)] = mix[i % (N * N)];
    write(next, x, y, k, &l, MOST);
    for (size_t at = 0; at < MOST * C; at++) {
        size_t first = at / C * N * C + at % C;
        double apart = 0;
        for (size_t i = 0; i < N; i++)
            apart += (double)next[first + i * C]
                   - (double)x[first + i * C]
                   - (double)k[at / C * K + N + i] * (double)y[at];
        if (fabs(apart) > 1e-4)
            return false;
    }
    return true;
}
