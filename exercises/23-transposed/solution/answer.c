// The head of a test of writing
#include "boundary/mixing.h"
#include "support/fill.h"
#include <math.h>

typedef void mix_writer(real *next, const real *stream,
                        const real *answer, const real *coefficients,
                        const struct layout *l, size_t tokens);
enum { N = 3, C = 5, K = 2 * N + N * N, MOST = 2 };
bool write_is_right(mix_writer *write);
#define TOLERANCE 1e-4

bool write_is_right(mix_writer *write)
{
    real next[MOST * N * C], x[MOST * N * C], y[MOST * C], k[MOST * K];
    size_t tokens = 2;
    fill_normal(x, MOST * N * C, 1, 1);
    fill_normal(y, MOST * C, 2, 1);
    fill_normal(k, MOST * K, 3, 1);
    // Compare with the formula
    bool right = true;
    struct layout l = { .streams = N, .width = C };
    write(next, x, y, k, &l, tokens);
    for (size_t at = 0; at < tokens * N * C; at++) {
        size_t t = at / (N * C), i = at / C % N, c = at % C;
        const real *post = k + t * K + N, *res = post + N;
        double want = (double)post[i] * (double)y[t * C + c];
        for (size_t j = 0; j < N; j++)
            want += (double)res[i * N + j]
                  * (double)x[(t * N + j) * C + c];
        right = right && fabs((double)next[at] - want) < TOLERANCE;
    }
    return right;
}
