#ifndef TINY_H
#define TINY_H
#include "training/training.h"
/* A trainer of a model with 4 channels; aborts if it cannot be had. */
struct configuration tiny_configuration(void);
void tiny_open(struct trainer *t);
void tiny_close(struct trainer *t);
#endif
