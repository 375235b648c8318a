#ifndef TRACE_H
#define TRACE_H
#include "checkpoint/safetensors.h"
#include "model/model.h"

/* All that a model had in hand during one batch, under names. */
struct trace {
    struct tensor *list;
    size_t used, room;
    char prefix[32];            /* of the names that come */
    struct model *model;
    struct message *message;    /* the first failure */
};
/* One batch, forward and backward, through a model that was planned
   for TRAINING without recomputation, and crosses apart. To be closed,
   also after a failure. */
bool trace_batch(struct trace *t, struct model *model,
                 const token *input, const token *target,
                 struct message *m);
bool trace_write(const struct trace *t, const char *path,
                 struct message *m);
/* or NULL */
const struct tensor *trace_find(const struct trace *t,
                                const char *name);
void trace_close(struct trace *t);
#endif
