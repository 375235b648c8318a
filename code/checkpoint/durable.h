#ifndef DURABLE_H
#define DURABLE_H
#include <limits.h>
#include <stdio.h>
#include "ground/file.h"
#include "ground/message.h"

/* A file that appears under its name whole, or not at all; what is no
   regular file, as a device or a pipe, is written through. */
struct durable {
    const char *path;
    char place[PATH_MAX];       /* where the links of path lead */
    char partial[PATH_MAX];     /* beside it; "": written through */
    int handle;
    FILE *text;                 /* of durable_text */
    struct message *message;
};
/* If one of these fails, the partial file is gone, the file that stood
   under the name stands, and there is nothing to close. EX_CANTCREAT
   if it could not be made, else EX_IOERR. */
bool durable_open(struct durable *d, const char *path,
                  struct message *m);
bool durable_write(struct durable *d, const void *bytes, size_t count,
                   struct message *m);
bool durable_commit(struct durable *d, struct message *m);
void durable_abandon(struct durable *d);
/* Opens a file for text: a stream to print to, or NULL. What fails
   there is reported by durable_commit. */
FILE *durable_text(struct durable *d, const char *path,
                   struct message *m);
/* EX_USAGE if path is one of the files that are read; a NULL ends
   them. */
bool durable_apart(const char *path, const char *const *read,
                   struct message *m);
/* Where words about the file go: standard output, or standard error
   if the file goes there itself. */
FILE *durable_aside(const char *path);
/* Removes the partial files in a folder that nobody is writing. */
void durable_sweep(const char *folder);
#endif
