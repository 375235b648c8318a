#ifndef MODEL_READABLE_H
#define MODEL_READABLE_H
#include "model/model.h"
/* The residual network in double, one sequence at a time, with the
   weights of a model on the cpu. Its arrays live as long as a test. */
struct readable {
    const struct model *model;
    size_t tokens, width, hidden, words, heads, sublayers;
    double *weight, *gradient;          /* [model->parameters.count] */
    struct readable_site {
        double *stream, *scale, *normed, *answer;
        double *p, *a, *b, *inside;     /* of a sublayer */
    } *site;                            /* [sublayers + 1] */
    double *logits, *turned, *d[3];     /* d: gradients at one site */
};
/* takes a model to a random point where nothing is small */
void readable_scatter(struct model *m);
/* for sequences of so many tokens at most */
struct readable readable_of(const struct model *m, size_t tokens);
/* logits [tokens][vocabulary] */
void readable_forward(struct readable *r, const token *input,
                      size_t tokens);
/* what target costs after token t of the last forward, in nats */
double readable_nats(const struct readable *r, size_t t, token target);
/* gradient += that of scale times the sum of the nats */
void readable_backward(struct readable *r, const token *input,
                       const token *target, double scale);
#endif
