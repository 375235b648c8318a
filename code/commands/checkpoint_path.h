#ifndef CHECKPOINT_PATH_H
#define CHECKPOINT_PATH_H
#include "checkpoint/checkpoint.h"
#include "ground/message.h"
#include "journal/journal.h"
/* file, or file/latest.safetensors where file is a folder */
bool checkpoint_path(char path[PATH_ROOM], const char *file,
                     struct message *m);
/* The same, and opens that checkpoint; path must outlive k. What of its
   metadata is not known is told on the standard error. */
bool checkpoint_look(struct checkpoint *k, char path[PATH_ROOM],
                     const char *file, struct message *m);
// More about a checkpoint that is looked at
/* opens d anew in the precision in which k was trained, if nobody asked
   for one */
bool checkpoint_keep_precision(const struct checkpoint *k,
                               struct device *d, const char *asked,
                               struct message *m);
#endif
