#ifndef TEXTS_H
#define TEXTS_H
#include <stdio.h>
#include "journal/log.h"

enum { PATH_ROOM = 4096 };

/* Names of texts, as they were given in a folder. "": not given. */
struct texts {
    char folder[PATH_ROOM], data[PATH_ROOM], held_out[PATH_ROOM];
    char init[PATH_ROOM];       /* the checkpoint a run began with */
};
/* names given here and now; NULL: not given. EX_USAGE if too long */
bool texts_given(struct texts *t, const char *data,
                 const char *held_out, struct message *m);
/* Members of a log's line, with a comma before each. */
void texts_write(FILE *out, const struct texts *t);
/* what the line says that was read last; texts that it does not name
   stay */
void texts_take(struct texts *t, const struct log *l);
/* where a text is now */
void texts_find(char path[PATH_ROOM], const struct texts *t,
                const char *name);
#endif
