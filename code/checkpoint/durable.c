#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/durable.h"
#include "ground/memory.h"

// The calls, as the system makes them
struct file_calls file_calls = { open, read, write, fsync, close,
                                 rename };
// Give up a file
void durable_abandon(struct durable *d)
{
    if (d->handle != -1)
        file_calls.close(d->handle);
    if (d->temporary != NULL)
        unlink(d->temporary);
    memory_free(d->temporary);
    *d = (struct durable){ .handle = -1 };
}

static bool give_up(struct durable *d, int status, const char *what,
                    struct message *m)
{
    fail(m, status, "%s: cannot %s: %s", d->path, what,
         strerror(errno));
    durable_abandon(d);
    return false;
}
// Open the temporary file
bool durable_open(struct durable *d, const char *path,
                  struct message *m)
{
    static const char end[] = ".partial";
    *d = (struct durable){ .path = path, .handle = -1 };
    size_t room = strlen(path) + sizeof end;
    d->temporary = memory_new(room, 1, m);
    if (d->temporary == NULL)
        return false;
    snprintf(d->temporary, room, "%s%s", path, end);
    d->handle = file_calls.open(d->temporary,
                                O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (d->handle < 0)
        return give_up(d, EX_CANTCREAT, "make it", m);
    return true;
}
// Write some bytes
bool durable_write(struct durable *d, const void *bytes, size_t count,
                   struct message *m)
{
    const char *at = bytes;
    while (count > 0) {
        ssize_t took = file_calls.write(d->handle, at, count);
        if (took < 0 && errno == EINTR)
            continue;
        if (took == 0)
            errno = EIO;
        if (took <= 0)
            return give_up(d, EX_IOERR, "write it", m);
        at += took;
        count -= (size_t)took;
    }
    return true;
}
// Put the file in its place
// Make the name last
static bool name_lasts(struct durable *d, struct message *m)
{
    int folder = file_calls.open(dirname(d->temporary),
                                 O_RDONLY | O_DIRECTORY);
    bool lasts = folder >= 0
        && (file_calls.fsync(folder) == 0 || errno == EINVAL);
    if (!lasts)
        fail(m, EX_IOERR, "%s: it is written, but its folder cannot "
             "be flushed: %s", d->path, strerror(errno));
    if (folder >= 0)
        file_calls.close(folder);
    memory_free(d->temporary);
    *d = (struct durable){ .handle = -1 };
    return lasts;
}

bool durable_commit(struct durable *d, struct message *m)
{
    if (file_calls.fsync(d->handle) != 0)
        return give_up(d, EX_IOERR, "flush it to the disk", m);
    int handle = d->handle;
    d->handle = -1;
    if (file_calls.close(handle) != 0)
        return give_up(d, EX_IOERR, "close it", m);
    if (file_calls.rename(d->temporary, d->path) != 0)
        return give_up(d, EX_IOERR, "put it in its place", m);
    return name_lasts(d, m);
}
