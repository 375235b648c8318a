#include "model/kinds.h"
#include <math.h>
#include <string.h>

// How the bias starts
static double hc_start(size_t k, size_t n, size_t index)
{
    if (k < n)
        return k == index % n;
    if (k < 2 * n)
        return 1;
    return (k - 2 * n) / n == k % n;
}

// The initial values of mHC
// How reading starts
/* the sigmoids of all n add up to one */
static double read_start(size_t n, bool own)
{
    if (n == 1)
        return 8;
    double others = 1 / (1 + exp(1)) / ((double)n - 1);
    return own ? 1 : log(others / (1 - others));
}

double mhc_start(size_t k, size_t n, size_t index)
{
    if (k < n)
        return read_start(n, k == index % n);
    if (k < 2 * n)
        return 0;
    return (k - 2 * n) / n == (k - 2 * n) % n ? 0 : -8;
}

// The initial values of the wide residual
static double wide_start(size_t k, size_t n, size_t index)
{
    if (n == 1 || k >= 2 * n)
        return mhc_start(k, n, index);
    if (k < n)
        return -log((double)n - 1);
    return 2 * (double)(k - n) / ((double)n - 1) - 1;
}

static double lite_start(size_t k, size_t n, size_t index)
{
    if (k < 2 * n)
        return mhc_start(k, n, index);
    return k == 2 * n ? 0 : -8;
}

static double krom_start(size_t k, size_t n, size_t index)
{
    return k < 2 * n ? mhc_start(k, n, index) : 8;
}

// The kinds
const struct connection residual = {
    .name = "residual",
    .summary = "one stream, to which every answer is added",
    .most_streams = 1,
};

const struct connection hc_static = {
    .name = "hc-static",
    .summary = "n streams, mixed by learned numbers",
    .mix = MIX_STATIC, .start = hc_start, .most_streams = MIX_STREAMS,
};

const struct connection hc = {
    .name = "hc",
    .summary = "n streams, mixed as each token says",
    .mix = MIX_TANH_TWO, .start = hc_start, .most_streams = MIX_STREAMS,
};

const struct connection hc_three = {
    .name = "hc-three",
    .summary = "the same with three scales, as in the paper on mHC",
    .mix = MIX_TANH_THREE, .start = hc_start,
    .most_streams = MIX_STREAMS,
};

const struct connection mhc = {
    .name = "mhc",
    .summary = "n streams, mixed by doubly stochastic matrices",
    .mix = MIX_SINKHORN, .start = mhc_start, .mean = true,
    .most_streams = MIX_STREAMS,
};

const struct connection identity = {
    .name = "identity",
    .summary = "mhc without a mix: streams meet when they are read",
    .mix = MIX_IDENTITY, .start = mhc_start, .mean = true,
    .most_streams = MIX_STREAMS,
};

const struct connection wide_residual = {
    .name = "wide-residual",
    .summary = "identity, begun with streams that differ at once",
    .mix = MIX_IDENTITY, .start = wide_start, .mean = true,
    .most_streams = MIX_STREAMS,
};

const struct connection mhc_lite = {
    .name = "mhc-lite",
    .summary = "mhc, mixed by a mean of permutations, n <= 4",
    .mix = MIX_PERMUTATIONS, .start = lite_start, .mean = true,
    .most_streams = 4,
};

const struct connection krom = {
    .name = "krom",
    .summary = "mhc, mixed by a Kronecker product; n = 1, 2, 4, 8",
    .mix = MIX_KRONECKER, .start = krom_start, .mean = true,
    .most_streams = MIX_STREAMS, .powers = true,
};

// The table of connections
const struct connection *const connections[] = {
    // Connections
    &residual,
    &hc_static, &hc, &hc_three,
    &mhc, &identity, &wide_residual,
    &mhc_lite, &krom,
    NULL
};

const struct connection *connection_find(const char *name)
{
    for (size_t i = 0; connections[i] != NULL; i++)
        if (strcmp(connections[i]->name, name) == 0)
            return connections[i];
    return NULL;
}

size_t connection_coefficients(const struct connection *k, size_t n)
{
    (void)k, (void)n;
    // Count the coefficients of kind k
    if (k->mix != MIX_NONE)
        return mix_row(k->mix, n);
    return 0;
}
