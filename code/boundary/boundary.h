#ifndef BOUNDARY_H
#define BOUNDARY_H
#include "device/device.h"

// A site
/* Site `index` feeds sublayer `index`, or, if exit, the head.
   T tokens, n streams, C width, K coefficients. */
struct site {
    const struct device *device;
    size_t index, tokens, streams, width;
    bool exit;
    bool apart;           /* reached by one operation after the other */
    // More of a site
    struct layout layout;       /* of the coefficients; MIX_NONE: none */
    bool mean;                  /* exit: mean of streams, else the sum */
    real *phi, *alpha, *bias;   /* [outputs][inputs], [2 or 3], [biases] */
    real *dphi, *dalpha, *dbias;
    real *work;                 /* boundary_work */
    const real *gain;     /* [C] of the norm */
    real *dgain;
    // What forward leaves at a site
    real *stream;         /* [T][n][C] what is read from here */
    real *coefficients;   /* [T][K] of reading, and of the next writing */
    real *input;          /* [T][C] what was read; may be the stream */
    real *inverse_rms;    /* [T] */
    real *normed;         /* [T][C] what the sublayer gets */
    real *answer;         /* [T][C] what it gives; not at the exit */
    // What backward leaves at a site
    real *dstream, *dcoefficients;      /* sites take turns at two */
    real *dinput, *dnormed, *danswer;   /* one for all sites */
};

// Functions of a boundary
/* Read and normalise: input, inverse_rms, normed = from the stream */
void boundary_arrive(const struct site *s);
/* dinput =, dgain +=, dstream += from dnormed */
void boundary_arrive_backward(const struct site *s);
/* Write what `from` answered, then arrive at `to`: at once, or, where
   `to` is apart, one operation after the other, the same bits */
void boundary_cross(const struct site *from, const struct site *to);
/* from->dstream =, danswer =, gradients += from to->dnormed and what
   came back to to->dstream (at the exit nothing did) */
void boundary_cross_backward(const struct site *from,
                             const struct site *to);
/* stream of the first site = from vector [T][C] */
void boundary_enter(const struct site *first, const real *vector);
void boundary_enter_backward(real *dvector, const struct site *first);
/* reals of work for one call, whatever the mix */
size_t boundary_work(size_t streams, size_t width, size_t tokens);
#endif
