#ifndef SUBLAYER_H
#define SUBLAYER_H
#include "model/configuration.h"
#include "device/device.h"
#include "model/parameters.h"

enum { SUBLAYER_PARAMETERS = 8, SUBLAYER_ARRAYS = 8 };

// What a sublayer works with
/* T = sequences * length tokens, C width. In training first = 0. In
   sampling sequences = 1, and positions before first were seen in
   earlier calls. */
struct work {
    struct device *device;
    const struct configuration *configuration;
    size_t sequences, first, length, tokens;
    struct array weight[SUBLAYER_PARAMETERS];   /* in declare's order */
    struct array gradient[SUBLAYER_PARAMETERS]; /* accumulate */
    struct array array[SUBLAYER_ARRAYS];        /* in plan's order */
    struct array rotation;      /* of attention: cosines, sines */
    struct array normed;        /* [T][C] in */
    struct array answer;        /* [T][C] out */
    struct array danswer;       /* [T][C] in */
    struct array dnormed;       /* [T][C] out, overwritten */
};

// What a sublayer needs
enum life { KEPT,       /* from forward to backward */
            CACHE,      /* and from one call to the next */
            SCRATCH,    /* during a call */
            RETURN };   /* during a call of backward */
struct need {
    const char *name;
    enum life life;
    enum role role;
    size_t rows, columns;
};

// A kind of sublayer
struct sublayer {
    const char *name;
    /* its parameters; indices in the order of declaration */
    void (*declare)(struct parameters *, size_t index[],
                    const char *prefix, const struct configuration *);
    /* its arrays, for this many sequences of length context; those
       left alone do not exist */
    void (*plan)(struct need need[], const struct configuration *,
                 size_t sequences);
    void (*forward)(const struct work *w);
    /* gradients of the answer to those of the input and parameters;
       after forward, once */
    void (*backward)(const struct work *w);
};

// Kinds of sublayer
extern const struct sublayer attention_sublayer;
extern const struct sublayer feedforward_sublayer;
#endif
