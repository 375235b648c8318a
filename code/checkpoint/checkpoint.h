#ifndef CHECKPOINT_H
#define CHECKPOINT_H
#include "model/configuration.h"
#include "ground/message.h"
#include "model/model.h"
#include "training/training.h"

/* All that the trainer remembers; on failure the earlier file stands.
   EX_CANTCREAT, EX_IOERR. */
bool checkpoint_write(const char *path, const struct trainer *t,
                      struct message *m);

/* The readers say EX_NOINPUT, EX_IOERR, or EX_DATAERR for a file that
   is bad or of another kind. What they fill is as before if they
   fail. */
/* The configuration: enough to open a model or a trainer with. */
bool checkpoint_read_configuration(struct configuration *c,
                                   const char *path,
                                   struct message *m);
bool checkpoint_read_bookmark(struct bookmark *b, const char *path,
                              struct message *m);
/* The fields that weights depend on, into *c; the others stay. */
bool checkpoint_read_sizes(struct configuration *c, const char *path,
                           struct message *m);
bool checkpoint_is_size(const struct field *f);
/* The weights alone. EX_USAGE if a size differs. */
bool checkpoint_read_weights(struct model *model, const char *path,
                             struct message *m);
/* The whole state, into an open trainer. EX_USAGE if a fixed field
   differs, EX_DATAERR for other texts than those it began with. */
bool checkpoint_read(struct trainer *t, const char *path,
                     struct message *m);

enum { CHECKPOINT_WARNINGS = 2000 };
/* What of the metadata this program does not know, and so leaves out:
   a line each, or nothing. */
bool checkpoint_strangers(char text[CHECKPOINT_WARNINGS],
                          const char *path, struct message *m);
/* Why what goes on from here may differ in the last bits from what
   would have been: a line each, or nothing. */
bool checkpoint_warnings(char text[CHECKPOINT_WARNINGS],
                         const char *path, struct message *m);
#endif
