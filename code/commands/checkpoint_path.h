#ifndef CHECKPOINT_PATH_H
#define CHECKPOINT_PATH_H
#include "model/configuration.h"
#include "ground/message.h"
#include "journal/journal.h"
/* file, or file/latest.safetensors where file is a folder */
bool checkpoint_path(char path[PATH_ROOM], const char *file,
                     struct message *m);
/* The configuration of a checkpoint. What else its metadata have is
   told on the standard error. */
bool checkpoint_look(struct configuration *c, const char *path,
                     struct message *m);
#endif
