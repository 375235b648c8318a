#ifndef DURABLE_H
#define DURABLE_H
#include <stddef.h>
#include <sys/types.h>
#include "ground/message.h"

/* A file that appears under its name whole, or not at all. */
struct durable {
    const char *path;
    char *temporary;            /* path.partial */
    int handle;
};
/* If one of the three fails, the temporary file is gone, the file
   that stood under the name stands, and there is nothing to close.
   EX_CANTCREAT if it could not be made, else EX_IOERR. */
bool durable_open(struct durable *d, const char *path,
                  struct message *m);
bool durable_write(struct durable *d, const void *bytes, size_t count,
                   struct message *m);
bool durable_commit(struct durable *d, struct message *m);
void durable_abandon(struct durable *d);

// Calls of the system
/* For tests: how to reach the disk. */
extern struct file_calls {
    int (*open)(const char *path, int flags, ...);
    ssize_t (*read)(int handle, void *bytes, size_t count);
    ssize_t (*write)(int handle, const void *bytes, size_t count);
    int (*fsync)(int handle);
    int (*close)(int handle);
    int (*rename)(const char *from, const char *to);
} file_calls;
#endif
