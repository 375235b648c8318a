/* expect: there is no kind 'lazy' in the table */
// Headers for a kind of one's own
#include "connection/connection.h"
#include "connection/mixed.h"
#include <string.h>
// Headers of the connections
#include "connection/residual.h"
#include "connection/hyper.h"
#include "connection/mhc.h"
#include "connection/manifolds.h"

// Mix lazily
static real keep(real logit)
{
    return 1 / (1 + exponential(-logit));
}

static void lazy_mix(real *matrix, const real *logits, size_t count,
                     size_t n, size_t iterations)
{
    (void)iterations;
    for (size_t t = 0; t < count; t++)
        for (size_t e = 0; e < n * n; e++) {
            real p = keep(logits[t]);
            *matrix++ = (e % (n + 1) == 0 ? p : 0) + (1 - p) / (real)n;
        }
}

// Mix lazily, backward
static void lazy_mix_backward(real *dlogits, const real *dmatrix,
                              const real *logits, size_t count,
                              size_t n, size_t iterations)
{
    (void)iterations;
    for (size_t t = 0; t < count; t++) {
        real p = keep(logits[t]), d = 0;
        for (size_t e = 0; e < n * n; e++)
            d += *dmatrix++ * ((e % (n + 1) == 0) - 1 / (real)n);
        dlogits[t] = p * (1 - p) * d;
    }
}

// Outputs of a lazy mix
static size_t lazy_outputs(size_t n)
{
    return 2 * n + 1;
}

// Start a lazy mix
static double lazy_start(size_t k, size_t n, size_t index)
{
    return k < 2 * n ? mhc_start(k, n, index) : 8;
}

// A map and a connection of one's own
static const struct rule lazy_rule = {
    .forward = lazy_mix, .backward = lazy_mix_backward
};

static void lazy_forward(real *coefficients, const real *alpha,
                         const real *bias, const struct layout *l,
                         size_t tokens)
{
    rule_forward(&lazy_rule, coefficients, alpha, bias, l, tokens);
}

static void lazy_backward(real *dcoefficients, real *dalpha,
                          real *dbias, const real *coefficients,
                          const real *alpha, const real *bias,
                          const struct layout *l, size_t tokens)
{
    rule_backward(&lazy_rule, dcoefficients, dalpha, dbias,
                  coefficients, alpha, bias, l, tokens);
}

static const struct map lazy_map = {
    .name = "lazy", .joint = true,
    .outputs = lazy_outputs, .biases = lazy_outputs,
    .forward = lazy_forward, .backward = lazy_backward,
};

// A connection of one's own
static void lazy_declare(struct parameters *p, size_t offset[],
                         const char *prefix,
                         const struct configuration *c, size_t index,
                         bool exit)
{
    mixed_declare(p, offset, prefix, c, index, exit, &lazy_map,
                  lazy_start);
}

static size_t lazy_coefficients(size_t streams)
{
    return mixed_coefficients_of(&lazy_map, streams);
}

extern const struct connection lazy;
const struct connection lazy = {
    .name = "lazy", .summary = "between the identity and the mean",
    .most_streams = MIXING_STREAMS, .map = &lazy_map, .mean = true,
    .coefficients = lazy_coefficients, .declare = lazy_declare,
    // Functions of a mixed connection
    .keeps_answer = true, .work = mixed_work,
    .enter = mixed_enter, .enter_backward = mixed_enter_backward,
    .read = mixed_read, .read_backward = mixed_read_backward,
    .write = mixed_write, .write_backward = mixed_write_backward,
    .leave = mixed_leave, .leave_backward = mixed_leave_backward,
    .cross = mixed_cross, .cross_backward = mixed_cross_backward,
};

static const struct connection *const kinds[] = {
    &residual,
    // Connections
    &residual,
    &hc_static, &hc, &hc_three,
    &mhc, &identity,
    &mhc_lite, &krom,
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
