#ifndef MIX_H
#define MIX_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
// The mixes
/* How coefficients follow from z = inverse_rms raw */
enum mix {
    MIX_NONE,           /* there are none: one stream */
    MIX_STATIC,         /* bias; nothing is projected */
    MIX_TANH_TWO,       /* alpha tanh z + bias, each stream normalised
                           apart; alpha [2]: pre and res, post */
    MIX_TANH_THREE,     /* alpha [3]: pre, post, res */
    // Mixes of later chapters
    /* pre = sigmoid, post = 2 sigmoid, res = a matrix, each of
       alpha z + bias, all streams normalised together, alpha [3] */
    MIX_IDENTITY,       /* no logits */
    MIX_SINKHORN,       /* eq. 7-9 of Xie et al. 2025 */
    MIX_RELEASED,       /* as in DeepSeek-V4's published code */
    MIX_PERMUTATIONS,   /* n! logits; n <= 4 */
    MIX_KRONECKER,      /* log2 n logits; n = 1, 2, 4, 8 */
    MIX_OWN,            /* of a reader: [sec:own-kind] */
};

// The layout of the coefficients
/* One row of coefficients for each token, K reals: pre [n], post [n],
   res [n][n] (row = output stream), and what backward wants to know. */
struct layout {
    enum mix mix;
    size_t streams, width;  /* n, C */
    // What is projected, and how
    size_t parts;       /* 1: all n C normalised together; n: each stream
                           apart; 0: nothing projected */
    size_t outputs;     /* rows of phi. After res: raw [parts][outputs],
                           inverse_rms [parts]; in dcoefficients raw holds
                           the gradient of z */
    size_t iterations;  /* of Sinkhorn-Knopp, later */
};
enum { MIX_STREAMS = 8,
       MIX_OUTPUTS = 80 };   /* most outputs, and most biases */

// Offsets in a row
static inline size_t layout_raw(const struct layout *l)
{
    return 2 * l->streams + l->streams * l->streams;
}

static inline size_t layout_rms(const struct layout *l)
{
    return layout_raw(l) + l->parts * l->outputs;
}

static inline size_t layout_row(const struct layout *l)
{
    return layout_rms(l) + l->parts;
}

/* the length of a part */
static inline size_t layout_inputs(const struct layout *l)
{
    return l->parts == 0 ? 0 : l->streams * l->width / l->parts;
}

// What follows from a mix
enum { MIX_SCALES = 3 };        /* most of alpha */

size_t mix_scales(enum mix mix);                    /* of alpha */
size_t mix_biases(enum mix mix, size_t streams);    /* of bias */
/* K, reals in a row; 0 for MIX_NONE */
size_t mix_row(enum mix mix, size_t streams);
struct layout layout_of(enum mix mix, size_t streams, size_t width,
                        size_t iterations);

// From projections to coefficients
/* Serial; tokens are independent of each other. */
/* pre, post, res of each row = from its raw and inverse_rms */
void mix_forward(real *coefficients, const real *alpha,
                 const real *bias, const struct layout *l,
                 size_t tokens);
/* raw of dcoefficients = gradient of z, from its pre, post, res, which
   stay; dalpha, dbias += */
void mix_backward(real *dcoefficients, real *dalpha, real *dbias,
                  const real *coefficients, const real *alpha,
                  const real *bias, const struct layout *l,
                  size_t tokens);
LANGUAGE_C_END
#endif
