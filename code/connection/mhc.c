#include "connection/mhc.h"
#include "connection/mixed.h"
#include "mixing/gates.h"
#include "sinkhorn/deepseek.h"
#include "sinkhorn/sinkhorn.h"

// How a matrix becomes doubly stochastic
static const struct rule paper = {
    0, sinkhorn_forward, sinkhorn_backward
};
static const struct rule deepseek = {
    DEEPSEEK_EPSILON, deepseek_forward, deepseek_backward
};

// Map a block of tokens
enum { TOKENS = 64, MATRIX = MIXING_STREAMS * MIXING_STREAMS };

static size_t block_at(size_t first, size_t tokens)
{
    return tokens - first < TOKENS ? tokens - first : TOKENS;
}

// Map tokens, forward
void rule_forward(const struct rule *rule, real *coefficients,
                  const real *alpha, const real *bias,
                  const struct layout *l, size_t tokens)
{
    size_t n = l->streams, K = layout_row(l);
    gates_forward(coefficients, alpha, bias, rule->epsilon, l, tokens);
    for (size_t first = 0; first < tokens; first += TOKENS) {
        size_t count = block_at(first, tokens);
        real *block = coefficients + first * K;
        real logits[TOKENS * MATRIX], matrix[TOKENS * MATRIX];
        mix_logits(logits, block, alpha, bias, l, count);
        rule->forward(matrix, logits, count, n, l->iterations);
        for (size_t t = 0; t < count; t++)
            memcpy(block + t * K + 2 * n, matrix + t * n * n,
                   n * n * sizeof(real));
    }
}

// Map tokens, backward
void rule_backward(const struct rule *rule, real *dcoefficients,
                   real *dalpha, real *dbias, const real *coefficients,
                   const real *alpha, const real *bias,
                   const struct layout *l, size_t tokens)
{
    size_t n = l->streams, K = layout_row(l);
    gates_backward(dcoefficients, dalpha, dbias, coefficients, alpha,
                   rule->epsilon, l, tokens);
    for (size_t first = 0; first < tokens; first += TOKENS) {
        size_t count = block_at(first, tokens);
        const real *block = coefficients + first * K;
        real *dblock = dcoefficients + first * K;
        real logits[TOKENS * MATRIX], dlogits[TOKENS * MATRIX];
        real dmatrix[TOKENS * MATRIX];
        mix_logits(logits, block, alpha, bias, l, count);
        for (size_t t = 0; t < count; t++)
            memcpy(dmatrix + t * n * n, dblock + t * K + 2 * n,
                   n * n * sizeof(real));
        rule->backward(dlogits, dmatrix, logits, count, n,
                       l->iterations);
        mix_logits_backward(dblock, dalpha, dbias, dlogits, block,
                            alpha, l, count);
    }
}

// The maps of mHC
static void mhc_forward(real *coefficients, const real *alpha,
                        const real *bias, const struct layout *l,
                        size_t tokens)
{
    rule_forward(&paper, coefficients, alpha, bias, l, tokens);
}

static void mhc_backward(real *dcoefficients, real *dalpha, real *dbias,
                         const real *coefficients, const real *alpha,
                         const real *bias, const struct layout *l,
                         size_t tokens)
{
    rule_backward(&paper, dcoefficients, dalpha, dbias, coefficients,
                  alpha, bias, l, tokens);
}

static size_t mhc_outputs(size_t n)
{
    return 2 * n + n * n;
}

const struct map mhc_map = {
    .name = "mhc", .joint = true,
    .outputs = mhc_outputs, .biases = mhc_outputs,
    .forward = mhc_forward, .backward = mhc_backward,
};

static void deepseek_map_forward(real *coefficients, const real *alpha,
                                 const real *bias,
                                 const struct layout *l, size_t tokens)
{
    rule_forward(&deepseek, coefficients, alpha, bias, l, tokens);
}

static void deepseek_map_backward(real *dcoefficients, real *dalpha,
                                  real *dbias, const real *coefficients,
                                  const real *alpha, const real *bias,
                                  const struct layout *l, size_t tokens)
{
    rule_backward(&deepseek, dcoefficients, dalpha, dbias, coefficients,
                  alpha, bias, l, tokens);
}

const struct map deepseek_map = {
    .name = "deepseek", .joint = true,
    .outputs = mhc_outputs, .biases = mhc_outputs,
    .forward = deepseek_map_forward, .backward = deepseek_map_backward,
};

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

// MHC as a connection
static void mhc_declare(struct parameters *p, size_t offset[],
                        const char *prefix,
                        const struct configuration *c, size_t index,
                        bool exit)
{
    mixed_declare(p, offset, prefix, c, index, exit, &mhc_map,
                  mhc_start);
}

static size_t mhc_coefficients(size_t streams)
{
    return mixed_coefficients_of(&mhc_map, streams);
}

const struct connection mhc = {
    .name = "mhc",
    .summary = "n streams, mixed by doubly stochastic matrices [mhc]",
    .most_streams = MIXING_STREAMS, .map = &mhc_map, .mean = true,
    .coefficients = mhc_coefficients, .declare = mhc_declare,
    // Functions of a mixed connection
    .keeps_answer = true, .work = mixed_work,
    .enter = mixed_enter, .enter_backward = mixed_enter_backward,
    .read = mixed_read, .read_backward = mixed_read_backward,
    .write = mixed_write, .write_backward = mixed_write_backward,
    .leave = mixed_leave, .leave_backward = mixed_leave_backward,
    .cross = mixed_cross, .cross_backward = mixed_cross_backward,
};

// The map without a mix
static void identity_forward(real *coefficients, const real *alpha,
                             const real *bias, const struct layout *l,
                             size_t tokens)
{
    size_t n = l->streams, K = layout_row(l);
    gates_forward(coefficients, alpha, bias, 0, l, tokens);
    for (size_t t = 0; t < tokens; t++)
        for (size_t i = 0; i < n * n; i++)
            coefficients[t * K + 2 * n + i] = i % (n + 1) == 0;
}

static void identity_backward(real *dcoefficients, real *dalpha,
                              real *dbias, const real *coefficients,
                              const real *alpha, const real *bias,
                              const struct layout *l, size_t tokens)
{
    (void)bias;
    gates_backward(dcoefficients, dalpha, dbias, coefficients, alpha, 0,
                   l, tokens);
}

static size_t identity_outputs(size_t n)
{
    return 2 * n;
}

const struct map identity_map = {
    .name = "identity", .joint = true,
    .outputs = identity_outputs, .biases = identity_outputs,
    .forward = identity_forward, .backward = identity_backward,
};

// Identity as a connection
static void identity_declare(struct parameters *p, size_t offset[],
                             const char *prefix,
                             const struct configuration *c,
                             size_t index, bool exit)
{
    mixed_declare(p, offset, prefix, c, index, exit, &identity_map,
                  mhc_start);
}

static size_t identity_coefficients(size_t streams)
{
    return mixed_coefficients_of(&identity_map, streams);
}

const struct connection identity = {
    .name = "identity",
    .summary = "mhc without a mix: streams meet when they are read",
    .most_streams = MIXING_STREAMS, .map = &identity_map, .mean = true,
    .coefficients = identity_coefficients, .declare = identity_declare,
    // Functions of a mixed connection
    .keeps_answer = true, .work = mixed_work,
    .enter = mixed_enter, .enter_backward = mixed_enter_backward,
    .read = mixed_read, .read_backward = mixed_read_backward,
    .write = mixed_write, .write_backward = mixed_write_backward,
    .leave = mixed_leave, .leave_backward = mixed_leave_backward,
    .cross = mixed_cross, .cross_backward = mixed_cross_backward,
};
