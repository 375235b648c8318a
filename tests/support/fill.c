#include "support/fill.h"
#include "ground/memory.h"
#include "ground/random.h"
#include <stdio.h>
#include <stdlib.h>

// Fill with random numbers
uint64_t fill_salt;

void fill_normal(real *x, size_t count, uint64_t seed, double scale)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (real)(scale * random_normal(seed ^ fill_salt, 0, i));
}

void fill_integers(real *x, size_t count, uint64_t seed, int most)
{
    size_t values = 2 * (size_t)most + 1;
    for (size_t i = 0; i < count; i++)
        x[i] = (real)random_below(seed ^ fill_salt, 1, i, values)
               - (real)most;
}

// Memory that a test need not free
static struct kept {
    struct kept *next;
    real *x;
} *all_kept;

real *test_reals(size_t count)
{
    struct message m = { 0, "" };
    struct kept *k = memory_new(1, sizeof *k, &m);
    real *x = memory_new(count, sizeof *x, &m);
    if (k == NULL || x == NULL) {
        fprintf(stderr, "%s\n", m.text);
        abort();
    }
    *k = (struct kept){ all_kept, x };
    all_kept = k;
    return x;
}

real *test_unset(size_t count)
{
    real *x = test_reals(count);
    for (size_t i = 0; i < count; i++)
        x[i] = NAN;
    return x;
}
