#ifndef CONNECTION_H
#define CONNECTION_H
#include "model/configuration.h"
#include "device/device.h"
#include "model/parameters.h"

// What a boundary sees
enum { CONNECTION_PARAMETERS = 8 };

/* Site `index` feeds sublayer `index`, or, if exit, the head.
   T tokens, n streams, C width, K coefficients. */
struct site {
    const struct device *device;
    const struct configuration *configuration;
    const struct connection *connection;    /* of which kind it is */
    size_t index, tokens, streams, width;
    bool exit;
    const real *weight[CONNECTION_PARAMETERS];  /* in declare's order */
    real *gradient[CONNECTION_PARAMETERS];      /* accumulate */
    const real *gain;     /* [C] of the norm */
    real *dgain;
    // What forward leaves at a site
    real *stream;         /* [T][n][C] what is read from here */
    real *coefficients;   /* [T][K] of reading, and of the next writing */
    real *input;          /* [T][C] what was read; may be the stream */
    real *inverse_rms;    /* [T] */
    real *normed;         /* [T][C] what the sublayer gets */
    real *answer;         /* [T][C] what it gives; not at the exit */
    real *work;           /* as much as the kind asked for; EXACT */
    // What backward leaves at a site
    real *dstream, *dcoefficients;      /* sites take turns at two */
    real *dinput, *dnormed, *danswer;   /* one for all sites */
};

// A kind of connection
struct connection {
    const char *name;
    // More of a connection
    const char *summary;    /* one line, for people */
    enum mix mix;           /* of its coefficients */
    /* how element k of bias starts, with n streams, at site `index` */
    double (*start)(size_t k, size_t n, size_t index);
    bool mean;              /* exit: mean of the streams, else the sum */
    bool powers;            /* streams must be a power of two */
    size_t most_streams;
    bool keeps_answer;  /* write_backward looks at the answer */
    /* K, numbers a token that reading computes; NULL: none */
    size_t (*coefficients)(const struct connection *, size_t streams);
    /* reals of work for one call; NULL: none */
    size_t (*work)(const struct configuration *, size_t tokens);
    /* parameters of one site, offsets in the order of declaration */
    void (*declare)(const struct connection *, struct parameters *,
                    size_t offset[], const char *prefix,
                    const struct configuration *, size_t index,
                    bool exit);
    // Enter, read, write and leave
    /* stream = from vector [T][C]. NULL: the vector is the stream */
    void (*enter)(const struct site *first, const real *vector);
    void (*enter_backward)(real *dvector, const struct site *first);
    /* coefficients, input = from stream. NULL: the input is the stream */
    void (*read)(const struct site *s);
    /* dstream +=, gradient += from dinput, dcoefficients, which it may
       use up */
    void (*read_backward)(const struct site *s);
    /* next [T][n][C] = from stream, coefficients, answer */
    void (*write)(real *next, const struct site *s);
    /* dstream =, danswer =, dcoefficients = from dnext [T][n][C] */
    void (*write_backward)(const struct site *s, const real *dnext);
    /* at the exit in place of read; NULL: read */
    void (*leave)(const struct site *exit);
    void (*leave_backward)(const struct site *exit);
    // Cross at once
    /* write after `from`, read and normalise at `to`, in one sweep, equal
       bit for bit to one after the other. NULL: one after the other. Not
       called at the exit where there is a leave. */
    void (*cross)(const struct site *from, const struct site *to);
    /* from->dstream =, danswer =, dcoefficients =, gradients += from
       to->dstream, dnormed, dcoefficients, which it may use up */
    void (*cross_backward)(const struct site *from, const struct site *to);
};

// What the model calls
/* NULL ends the table; NULL is found for a name that is not there */
extern const struct connection *const connections[];
const struct connection *connection_find(const char *name);

/* read (or leave) and normalise */
void connection_arrive(const struct connection *k,
                       const struct site *s);
/* dstream += */
void connection_arrive_backward(const struct connection *k,
                                const struct site *s);
/* write, then arrive; fused where the kind knows how */
void connection_cross(const struct connection *k,
                      const struct site *from, const struct site *to);
void connection_cross_backward(const struct connection *k,
                               const struct site *from,
                               const struct site *to);
#endif
