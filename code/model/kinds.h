#ifndef KINDS_H
#define KINDS_H
// Headers of the kinds
#include "mix/mix.h"
#include "ground/language.h"
#include <stdbool.h>
#include <stddef.h>

LANGUAGE_C_BEGIN
struct connection {
    const char *name;
    const char *summary;    /* one line, for people */
    size_t most_streams;
    // More of a connection
    enum mix mix;           /* of its coefficients */
    /* how element k of bias starts, with n streams, at site `index` */
    double (*start)(size_t k, size_t n, size_t index);
    bool mean;              /* exit: mean of the streams, else the sum */
    bool powers;            /* streams must be a power of two */
};

/* x_{l+1} = x_l + F_l(x_l) (He et al. 2016) */
extern const struct connection residual;
// Kinds with several streams
/* Hyper-Connections (Zhu et al. 2024); the streams' sum leaves. */
extern const struct connection hc_static;   /* bias alone */
extern const struct connection hc;          /* tanh; alpha [2] */
extern const struct connection hc_three;    /* alpha [3] */
/* mHC; the mean of the streams leaves. phi [2n + n*n][n C], alpha [3],
   bias [2n + n*n], in the order pre, post, res */
extern const struct connection mhc;
/* pre and post of mhc; res is the identity; phi [2n][n C] */
extern const struct connection identity;
/* the same, read by the mean and written unequally at the start */
extern const struct connection wide_residual;
double mhc_start(size_t k, size_t n, size_t index);
/* the gates and the start of mhc with other doubly stochastic mixes;
   mhc-lite: a mean of the n! permutations, phi [2n + n!][n C];
   n <= 4 */
extern const struct connection mhc_lite;
/* krom: a Kronecker product; phi [2n + log2 n][n C], n = 1, 2, 4, 8 */
extern const struct connection krom;

/* NULL ends the table; NULL is found for a name that is not there */
extern const struct connection *const connections[];
const struct connection *connection_find(const char *name);
/* K, numbers a token that are computed from n streams; 0: none, and the
   one stream is read as it is */
size_t connection_coefficients(const struct connection *k, size_t n);
LANGUAGE_C_END
#endif
