/* expect: the streams start mixed */
// Headers for a kind of one's own
#include "mix/own.h"
#include "model/kinds.h"
#include <string.h>

// Mix lazily
static real keep(real logit)
{
    return 1 / (1 + exponential(-logit));
}

void own_forward(real *matrix, const real *logits, size_t count,
                 size_t n)
{
    for (size_t t = 0; t < count; t++)
        for (size_t e = 0; e < n * n; e++) {
            real p = keep(logits[t]);
            *matrix++ = (e % (n + 1) == 0 ? p : 0) + (1 - p) / (real)n;
        }
}

// Mix lazily, backward
void own_backward(real *dlogits, const real *dmatrix,
                  const real *logits, size_t count, size_t n)
{
    for (size_t t = 0; t < count; t++) {
        real p = keep(logits[t]), d = 0;
        for (size_t e = 0; e < n * n; e++)
            d += *dmatrix++ * ((e % (n + 1) == 0) - 1 / (real)n);
        dlogits[t] = p * (1 - p) * d;
    }
}

// Logits of a lazy mix
size_t own_logits(size_t n)
{
    (void)n;
    return 1;
}

static double lazy_start(size_t k, size_t n, size_t index)
{
    return k < 2 * n ? mhc_start(k, n, index) : 0;
}

// A connection of one's own
extern const struct connection lazy;
const struct connection lazy = {
    .name = "lazy", .summary = "between the identity and the mean",
    .mix = MIX_OWN, .start = lazy_start, .mean = true,
    .most_streams = MIX_STREAMS,
};

// A table with a kind of one's own
static const struct connection *const kinds[] = {
    // Connections
    &residual,
    &hc_static, &hc, &hc_three,
    &mhc, &identity, &wide_residual,
    &mhc_lite, &krom,
    &lazy,
    NULL
};

// Find a kind in a table of one's own
const struct connection *connection_find(const char *name)
{
    for (size_t i = 0; kinds[i] != NULL; i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}
