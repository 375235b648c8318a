#ifndef TINY_H
#define TINY_H
#include "training/training.h"
/* A trainer of a model with 4 channels; aborts if it cannot be had. */
struct configuration tiny_configuration(void);
void tiny_open(struct trainer *t);
void tiny_open_as(struct trainer *t, const struct configuration *c);
void tiny_close(struct trainer *t);
/* Opens a checkpoint, reads the state or the weights, and closes it. */
bool tiny_read(struct trainer *t, const char *path, struct message *m);
bool tiny_read_weights(struct model *model, const char *path,
                       struct message *m);
#endif
