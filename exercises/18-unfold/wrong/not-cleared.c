/* expect: map[k=0][j=1] was not written */
#define MIX_FIRST 0
#define RES(i, j) ((i) * n + (j))
#define KEEP_THE_REST

// Unfold, with room for mistakes
#include "boundary/unfold.h"

void unfold(real *map, const real *rows, size_t sites, size_t streams)
{
    size_t n = streams, K = 2 * n + n * n;
    for (size_t k = 0; k < sites; k++) {
        real v[8], mixed[8];
        memcpy(v, rows + k * K, n * sizeof *v);
#ifndef KEEP_THE_REST
        memset(map + k * sites, 0, sites * sizeof *map);
#endif
        map[k * sites] = 0;
        for (size_t j = k; j-- > 0; ) {
            const real *post = rows + j * K + n;
            memset(mixed, 0, sizeof mixed);
            for (size_t i = 0; i < n * n; i++)
                mixed[i % n] += v[i / n] * post[n + RES(i / n, i % n)];
            map[k * sites + j + 1] = 0;
            for (size_t i = 0; i < n; i++)
                map[k * sites + j + 1] +=
                    (MIX_FIRST ? mixed : v)[i] * post[i];
            memcpy(v, mixed, n * sizeof *v);
        }
        for (size_t i = 0; i < n; i++)
            map[k * sites] += v[i];
    }
}
