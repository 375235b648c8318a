#ifndef BOUNDARY_H
#define BOUNDARY_H
#include "device/device.h"
// Headers of a boundary
#include "boundary/mixing.h"
#include "boundary/lens.h"

LANGUAGE_C_BEGIN
// A site
/* Site `index` feeds sublayer `index`, or, if exit, the head.
   T tokens, n streams, C width, K coefficients. */
struct site {
    struct device *device;      /* whose arrays these are */
    size_t index, tokens, streams, width;
    bool exit;
    bool apart;           /* reached by one operation after the other */
    // More of a site
    struct layout layout;       /* of the coefficients; MIX_NONE: none */
    bool mean;                  /* exit: mean of streams, else the sum */
    struct array phi, alpha, bias;  /* [outputs][inputs], [1][2 or 3],
                                       [1][biases]; MASTER */
    struct array dphi, dalpha, dbias;
    bool settle;            /* numbers are rounded as if kept in bf16; */
    struct array kept;      /* the stream as it is in this */
    const struct lens *lens;    /* see boundary/lens.h; or NULL */
    bool again;     /* its input is not kept; nor is its stream, where */
    const struct site *behind;  /* the site before will write it again */
    struct array gain, dgain;       /* [1][C] of the norm; MASTER */
    // What forward leaves at a site
    struct array stream;        /* [T][n C] what is read from here */
    struct array coefficients;  /* [T][K] of reading, and of the next
                                   writing; EXACT */
    struct array input;         /* [T][C] what was read; may be stream */
    struct array inverse_rms;   /* [T][1] of the input; EXACT */
    struct array normed;        /* [T][C] what the sublayer gets */
    struct array answer;        /* [T][C] what it gives; not at the exit */
    // What backward leaves at a site
    /* A row of dcoefficients is filled by two crossings: post and res, of
       writing, by the one behind this site, pre and raw, of reading, by the
       one before. */
    struct array dstream, dcoefficients;    /* [T][n C], [T][K]; sites take
                                               turns at two */
    struct array dinput, dnormed, danswer;  /* [T][C]; one for all sites */
};

// Functions of a boundary
/* These are the cpu's, for device_cross and device_cross_backward. */
/* Write what `from` answered, then arrive at `to`, so that its stream,
   coefficients, input, inverse_rms and normed are set. At once, or,
   where `to` is apart, one operation after the other: the same bits.
   from NULL: only arrive, at a stream that is there. */
void boundary_cross(struct device *d, const struct site *from,
                    const struct site *to);
/* The way back, from to->dnormed and from what came back to
   to->dstream through the next write (at the exit nothing did).
   of to:   gradients of gain, phi, alpha, bias +=; dstream +=; pre and
            raw of dcoefficients =; dinput = where it is apart
   of from: dstream, danswer =; post and res of dcoefficients =
   from NULL: only those of to. */
void boundary_cross_backward(struct device *d, const struct site *from,
                             const struct site *to);
/* Read and normalise: the second half of crossing; and its way back */
void boundary_arrive(struct device *d, const struct site *s);
void boundary_arrive_backward(struct device *d, const struct site *s);
/* The cpu's, for device_enter and device_enter_backward */
void boundary_enter(struct device *d, const struct site *first,
                    struct array vector);
void boundary_enter_backward(struct device *d, struct array dvector,
                             const struct site *first);
/* bytes of workspace for one crossing, there or back */
size_t boundary_work(const struct layout *l);
/* The stream of `to`, and nothing else, as boundary_cross sets it */
void boundary_write(struct device *d, const struct site *from,
                    const struct site *to);
LANGUAGE_C_END
#endif
