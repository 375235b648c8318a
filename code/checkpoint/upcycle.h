#ifndef UPCYCLE_H
#define UPCYCLE_H
#include "checkpoint/checkpoint.h"

/* *t = the state in a checkpoint of a residual model, as that of a
   model with this connection and so many streams: it computes the same,
   by parameters that start as in a new model, with moments of zero.
   t is for checkpoint_write and trainer_close only: it has no texts.
   EX_USAGE for a kind or number that there is not; EX_DATAERR for a
   checkpoint that is not residual; else as checkpoint_read. */
bool upcycle_open(struct trainer *t, const struct checkpoint *k,
                  const char *connection, size_t streams,
                  struct device *device, struct message *m);
#endif
