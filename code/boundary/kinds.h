#ifndef CONNECTION_KINDS_H
#define CONNECTION_KINDS_H
#include "boundary/mixed.h"

// Kinds with several streams
/* Hyper-Connections [hc]; the sum of the streams leaves. */
extern const struct connection hc_static;   /* bias alone */
extern const struct connection hc;          /* tanh; alpha [2] */
extern const struct connection hc_three;    /* eq. 5 of [mhc]: [3] */
/* mHC; the mean of the streams leaves. phi [2n + n*n][n C], alpha [3],
   bias [2n + n*n], in the order pre, post, res */
extern const struct connection mhc;
/* pre and post of mhc; res is the identity; phi [2n][n C] */
extern const struct connection identity;
double mhc_start(size_t k, size_t n, size_t index);
/* the gates and the start of mhc with other doubly stochastic mixes;
   mhc-lite: a mean of the n! permutations, phi [2n + n!][n C];
   n <= 4 */
extern const struct connection mhc_lite;
/* krom: a Kronecker product; phi [2n + log2 n][n C], n = 1, 2, 4, 8 */
extern const struct connection krom;
#endif
