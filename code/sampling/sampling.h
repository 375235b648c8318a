#ifndef SAMPLING_H
#define SAMPLING_H
#include "model/model.h"

/* A model in the middle of a text. */
struct sampler {
    struct model model;
    token *window;      /* [context] what the model has seen */
    size_t used;        /* of it */
    real *logits;       /* [vocabulary] what it expects now */
    double *scratch;    /* [vocabulary] */
};
/* Opens the model for one sequence; weights are zero until somebody
   fills them. If that fails there is nothing to close. */
bool sampler_open(struct sampler *s, const struct configuration *c,
                  struct device *device, struct message *m);
void sampler_close(struct sampler *s);
/* Reads count > 0 tokens on from where it is; logits are those after
   the last. What no longer fits the window is forgotten. */
void sampler_read(struct sampler *s, const token *id, size_t count);
#endif
