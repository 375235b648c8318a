// Unfold the coefficients of a token
#include "boundary/unfold.h"
#include "boundary/mixing.h"
#include <assert.h>

// Take weights back over a boundary
static real cross_back(real *v, const real *row, size_t n)
{
    const real *post = row + n, *res = row + 2 * n;
    real weight = 0, mixed[MIX_STREAMS] = { 0 };
    for (size_t i = 0; i < n; i++) {
        weight += v[i] * post[i];
        for (size_t j = 0; j < n; j++)
            mixed[j] += v[i] * res[i * n + j];
    }
    memcpy(v, mixed, n * sizeof *v);
    return weight;
}

void unfold(real *map, const real *rows, size_t sites, size_t streams)
{
    size_t n = streams, K = 2 * n + n * n;
    assert(n <= MIX_STREAMS);
    for (size_t k = 0; k < sites; k++) {
        real v[MIX_STREAMS], *row = map + k * sites;
        memcpy(v, rows + k * K, n * sizeof *v);
        memset(row, 0, sites * sizeof *row);
        for (size_t j = k; j-- > 0; )
            row[j + 1] = cross_back(v, rows + j * K, n);
        for (size_t i = 0; i < n; i++)
            row[0] += v[i];
    }
}
