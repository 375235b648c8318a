#ifndef CHECKPOINT_PATH_H
#define CHECKPOINT_PATH_H
#include "ground/message.h"
#include "journal/journal.h"
/* file, or file/latest.safetensors where file is a folder */
bool checkpoint_path(char path[PATH_ROOM], const char *file,
                     struct message *m);
#endif
