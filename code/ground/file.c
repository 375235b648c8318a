#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "ground/file.h"
// What more calls need
#include <stdio.h>
#include <sys/random.h>

struct file_calls file_calls = {
    .open = open, .read = read, .close = close,
    // More calls, as the system makes them
    .write = write, .fsync = fsync, .rename = rename, .random = getrandom,
};

int file_open(const char *path)
{
    return file_calls.open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

// Read all that was asked for
ssize_t file_read(void *to, size_t count, int handle)
{
    size_t done = 0;
    ssize_t got = 1;
    while (done < count && got != 0) {
        got = file_calls.read(handle, (char *)to + done, count - done);
        if (got < 0 && errno != EINTR)
            return -1;
        done += got < 0 ? 0 : (size_t)got;
    }
    return (ssize_t)done;
}
