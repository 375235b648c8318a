#ifndef MODEL_H
#define MODEL_H
#include "boundary/boundary.h"
#include "model/kinds.h"
#include "model/parameters.h"
#include "model/sublayer.h"
#include "model/tape.h"

LANGUAGE_C_BEGIN
// What a model is made of
enum { PATTERN_MOST = 4 };

/* sublayer i is of the kind pattern[i % period] */
struct architecture {
    const struct connection *connection;
    const struct sublayer *const *pattern;
    size_t period;          /* 1 .. PATTERN_MOST */
};
/* as the configuration says; EX_USAGE if there is no such connection
   or it does not take that many streams */
bool architecture_find(struct architecture *a,
                       const struct configuration *c,
                       struct message *m);

enum use { INFERENCE, TRAINING };

// A model
struct model {
    struct configuration configuration;
    struct device *device;
    struct architecture architecture;
    size_t sequences, sublayers;
    enum use use;
    size_t block;           /* of recomputation, in sites; 0: none */
    bool apart;             /* boundaries by operations one by one */
    struct parameters parameters;
    struct array weights, gradients;    /* [1][count], MASTER */
    struct array working;               /* [1][count] */
    struct tape tape;
    /* May look, and must not write. Unless `apart`, a site's dstream
       is only what came back through the write behind it. */
    struct watch {
        void (*forward)(void *, const struct site *);
        void (*backward)(void *, const struct site *);
        void *context;
    } watch;
    // What only the model itself looks at
    struct place {              /* indices of one site's parameters */
        size_t norm;
        // Places of more parameters of a site
        size_t phi, alpha, bias;
        size_t sublayer[SUBLAYER_PARAMETERS];
    } *place;                   /* [sublayers + 1] */
    size_t embedding, head;
    struct at {                 /* indices of arrays in the tape */
        size_t weights, gradients, working, rotation, input_tokens,
               target, vector, start, stream, coefficients, input,
               inverse_rms, normed, answer, logits, each, lse, sum,
               dvector, dstream, dcoefficients, dinput, dnormed, danswer,
               shared;
    } at;
    struct home {               /* where an array of a sublayer is */
        struct array shape;
        size_t copies, index;   /* in the tape; no copies: */
        size_t offset;          /* bytes, in the shared region */
    } home[PATTERN_MOST][SUBLAYER_ARRAYS];
    size_t slots, stream_slots;
    size_t workspace;           /* bytes */
    struct site *site;          /* [sublayers + 1] */
    struct work *work;          /* [sublayers] */
    size_t tokens;              /* of the last forward */
    bool scored, kept;          /* has it a loss? can backward go? */
    size_t lazy;        /* sites of a block, all but one without streams */
    struct array *part;         /* [sublayers][SUBLAYER_PARAMETERS] */
    size_t exponents;           /* of weights: their index in the tape */
};

// Functions on models
/* Finds the architecture, plans, allocates; false and a message if
   that fails, and then there is nothing to close. The parameters are
   zero until model_initialise or a checkpoint fills them. */
bool model_open(struct model *m, const struct configuration *c,
                struct device *d, size_t sequences, enum use use,
                size_t block, struct message *message);
/* The first half: all tables, no memory of the device. To be closed. */
bool model_plan(struct model *m, const struct architecture *a,
                const struct configuration *c, struct device *d,
                size_t sequences, enum use use, size_t block,
                struct message *message);
/* The second half. If it fails, still to be closed. */
bool model_allocate(struct model *m, struct message *message);
void model_close(struct model *m);
/* bytes that model_allocate takes from the device */
size_t model_bytes(const struct model *m);
/* Is there room for these, and for so many besides? Else EX_OSERR,
   with what is needed in all and what lowers it. */
bool model_fits(const struct model *m, size_t besides,
                struct message *message);
/* every parameter by configuration.seed and its own name */
void model_initialise(struct model *m);

// Functions that run a model
/* input, target: host, [sequences][context]; target NULL: no loss */
void model_forward(struct model *m, const token *input,
                   const token *target);
/* its two halves: the tokens come, the model goes over them */
void model_take(struct model *m, const token *input,
                const token *target);
void model_run(struct model *m);
/* mean nats a token of the last forward; waits for it */
double model_loss(const struct model *m);
/* sum[0][0] = or, where add, += scale * that mean, on the device */
void model_add_loss(struct model *m, struct array sum, double scale,
                    bool add);
/* gradients += scale * gradient of model_loss; once after each forward
   that had targets, in a model for TRAINING */
void model_backward(struct model *m, double scale);
/* sampling: positions first .. first+count-1 of one sequence, where
   those before first were given to earlier calls */
void model_extend(struct model *m, const token *id, size_t first,
                  size_t count);
/* host [vocabulary]: logits after token `row` of the last forward
   (sequence by sequence) or extend */
void model_logits(const struct model *m, real *host, size_t row);
/* The working copies, where there are some, as the weights are now;
   for who has changed these other than by device_step */
void model_copy_weights(const struct model *m);
#include "model/recompute.h"
#include "model/lazy.h"
LANGUAGE_C_END
#endif
