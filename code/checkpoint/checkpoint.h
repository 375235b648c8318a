#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "checkpoint/safetensors.h"
#include "model/configuration.h"
#include "ground/message.h"
#include "model/model.h"
#include "training/training.h"

/* All that the trainer remembers; on failure the earlier file stands.
   EX_CANTCREAT, EX_IOERR. */
bool checkpoint_write(const char *path, const struct trainer *t,
                      struct message *m);

/* A file that was read and summed once, and can be asked. */
struct checkpoint {
    struct safetensors file;
    struct configuration configuration;     /* its tensors are there */
    char (*joined)[TENSOR_NAME];            /* names of tensors */
};
/* EX_NOINPUT, EX_IOERR, or EX_DATAERR for a file that is bad or of
   another kind: then it is closed. The path must outlive k. */
bool checkpoint_open(struct checkpoint *k, const char *path,
                     struct message *m);
/* Also of one that is closed, or all zeros. */
void checkpoint_close(struct checkpoint *k);

/* The readers say EX_DATAERR or EX_IOERR. What they fill is as before
   if they fail. */
bool checkpoint_read_bookmark(struct bookmark *b,
                              const struct checkpoint *k,
                              struct message *m);
/* The weights alone. EX_USAGE if a size differs. */
bool checkpoint_read_weights(struct model *model,
                             const struct checkpoint *k,
                             struct message *m);
/* The whole state, into an open trainer. EX_USAGE if a fixed field
   differs, EX_DATAERR for other texts than those it began with. */
bool checkpoint_read(struct trainer *t, const struct checkpoint *k,
                     struct message *m);
// More readers of the state
/* What there is of the state, whose weights another kind of model
   has, too, into an open trainer; the others stay. */
bool checkpoint_carry(struct trainer *t, const struct checkpoint *k,
                      struct message *m);
/* The fields that weights depend on, into *c; the others stay. */
void checkpoint_sizes(struct configuration *c,
                      const struct checkpoint *k);

enum { CHECKPOINT_WARNINGS = 2000 };
/* Adds what of the metadata this program does not know, and so leaves
   out: a line each, or nothing. */
void checkpoint_strangers(char text[CHECKPOINT_WARNINGS],
                          const struct checkpoint *k);
/* Why what goes on from here may differ in the last bits from what
   would have been: a line each, or nothing. */
void checkpoint_warnings(char text[CHECKPOINT_WARNINGS],
                         const struct checkpoint *k);
#endif
