#include "mix/permutations.h"
#include <assert.h>
#include <string.h>

// All permutations as rows of a table
enum { STREAMS = 4, ENTRIES = STREAMS * STREAMS };

/* of[k][i n + j] = at[i n + j][k] = P_k[i][j] */
struct table {
    real of[PERMUTATIONS][ENTRIES], at[ENTRIES][PERMUTATIONS];
};

static void fill_table(struct table *table, size_t n)
{
    size_t column[STREAMS];
    memset(table, 0, sizeof *table);
    for (size_t k = 0; k < permutations_of(n); k++) {
        permutation_at(column, k, n);
        for (size_t i = 0; i < n; i++) {
            size_t e = i * n + column[i];
            table->of[k][e] = table->at[e][k] = 1;
        }
    }
}

// Weights of the permutations
static void softmax(real *a, const real *logits, size_t count)
{
    real most = logits[0], sum = 0;
    for (size_t k = 1; k < count; k++)
        most = logits[k] > most ? logits[k] : most;
    for (size_t k = 0; k < count; k++)
        a[k] = exponential(logits[k] - most);
    for (size_t k = 0; k < count; k++)
        sum += a[k];
    for (size_t k = 0; k < count; k++)
        a[k] /= sum;
}

// Mix by permutations
void permutations_forward(real *matrix, const real *logits,
                          size_t count, size_t n, size_t iterations)
{
    struct table table;
    real a[PERMUTATIONS];
    size_t all = permutations_of(n), entries = n * n;
    (void)iterations;
    assert(n <= STREAMS);
    fill_table(&table, n);
    for (size_t t = 0; t < count; t++) {
        real sum[ENTRIES] = { 0 };
        softmax(a, logits + t * all, all);
        for (size_t k = 0; k < all; k++)
            for (size_t e = 0; e < ENTRIES; e++)
                sum[e] += a[k] * table.of[k][e];
        memcpy(matrix + t * entries, sum, entries * sizeof(real));
    }
}

// Mix by permutations, backward
void permutations_backward(real *dlogits, const real *dmatrix,
                           const real *logits, size_t count, size_t n,
                           size_t iterations)
{
    struct table table;
    real a[PERMUTATIONS];
    size_t all = permutations_of(n), entries = n * n;
    (void)iterations;
    assert(n <= STREAMS);
    fill_table(&table, n);
    for (size_t t = 0; t < count; t++) {
        const real *d = dmatrix + t * entries;
        real slope[PERMUTATIONS] = { 0 }, mean = 0;
        softmax(a, logits + t * all, all);
        for (size_t e = 0; e < entries; e++)
            for (size_t k = 0; k < PERMUTATIONS; k++)
                slope[k] += d[e] * table.at[e][k];
        for (size_t k = 0; k < all; k++)
            mean += a[k] * slope[k];
        for (size_t k = 0; k < all; k++)
            dlogits[t * all + k] = a[k] * (slope[k] - mean);
    }
}
