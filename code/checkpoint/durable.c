#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/durable.h"

// Give up a file
static void drop(struct durable *d)
{
    if (d->handle != -1)
        file_calls.close(d->handle);
    d->handle = -1;
    if (d->partial[0] != '\0')
        unlink(d->partial);
}

static bool give_up(struct durable *d, int status, const char *what,
                    struct message *m)
{
    fail(m, status, "%s: cannot %s: %s", d->path, what,
         strerror(errno));
    drop(d);
    return false;
}
// Follow links
// Find the folder of a path
/* the bytes up to the last slash, with it */
static int folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? 0 : (int)(slash + 1 - path);
}

static void folder_show(char folder[PATH_MAX], const char *path)
{
    snprintf(folder, PATH_MAX, "%.*s.", folder_length(path), path);
}

static bool follow_links(struct durable *d)
{
    char to[PATH_MAX], next[PATH_MAX];
    for (int links = 0; links < 40; links++) {
        int length = (int)readlink(d->place, to, sizeof to);
        if (length < 0)
            return true;
        int folder = to[0] == '/' ? 0 : folder_length(d->place);
        errno = ENAMETOOLONG;
        if (snprintf(next, PATH_MAX, "%.*s%.*s", folder, d->place,
                     length, to) >= PATH_MAX)
            return false;
        strcpy(d->place, next);
    }
    errno = ELOOP;
    return false;
}
// Open what stands under the name
static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

// Open a standard stream
/* -1: path is none */
static int open_standard(const char *path)
{
    struct stat asked, stream;
    if (stat(path, &asked) != 0)
        return -1;
    for (int k = STDOUT_FILENO; k <= STDERR_FILENO; k++)
        if (fstat(k, &stream) == 0 && same_file(&asked, &stream)) {
            fflush(k == STDOUT_FILENO ? stdout : stderr);
            return fcntl(k, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        }
    return -1;
}

/* false: see errno; a handle, if it is to be written through */
static bool open_what_stands(struct durable *d, struct stat *was)
{
    d->handle = open_standard(d->path);
    if (d->handle >= 0)
        return true;
    d->handle = file_calls.open(d->path,
                                O_WRONLY | O_NOCTTY | O_CLOEXEC);
    if (d->handle < 0)
        return false;
    bool known = fstat(d->handle, was) == 0;
    if (known && !S_ISREG(was->st_mode))
        return true;
    file_calls.close(d->handle);
    d->handle = -1;
    return known;
}
// Name a partial file
#define PARTIAL_END ".partial"
enum { PARTIAL_DIGITS = 16, PARTIAL_NAME = 64 };

static bool name_partial(struct durable *d)
{
    uint64_t bits;
    int folder = folder_length(d->place);
    if (file_calls.random(&bits, sizeof bits, 0) != sizeof bits)
        return false;
    int length = snprintf(d->partial, PATH_MAX, "%.*s.%.*s.%0*llx"
                          PARTIAL_END, folder, d->place, PARTIAL_NAME,
                          d->place + folder, PARTIAL_DIGITS,
                          (unsigned long long)bits);
    if (length < PATH_MAX)
        return true;
    d->partial[0] = '\0';
    errno = ENAMETOOLONG;
    return false;
}
// Sweep a folder
static bool is_partial(const char *name)
{
    size_t length = strlen(name), end = sizeof PARTIAL_END - 1;
    if (length < 2 + PARTIAL_DIGITS + end || name[0] != '.'
        || strcmp(name + length - end, PARTIAL_END) != 0)
        return false;
    const char *digits = name + length - end - PARTIAL_DIGITS;
    return digits[-1] == '.'
        && strspn(digits, "0123456789abcdef") == PARTIAL_DIGITS;
}

void durable_sweep(const char *folder)
{
    DIR *list = opendir(folder);
    struct dirent *entry;
    while (list != NULL && (entry = readdir(list)) != NULL)
        if (is_partial(entry->d_name)) {
            // Remove this partial file if nobody writes it
            struct stat about;
            int handle = openat(dirfd(list), entry->d_name, O_RDONLY | O_NOFOLLOW
                                | O_NONBLOCK | O_CLOEXEC);
            if (handle >= 0 && fstat(handle, &about) == 0
                && S_ISREG(about.st_mode)
                && flock(handle, LOCK_EX | LOCK_NB) == 0)
                unlinkat(dirfd(list), entry->d_name, 0);
            if (handle >= 0)
                close(handle);
        }
    if (list != NULL)
        closedir(list);
}
// Open a partial file
static bool was_swept(int handle)
{
    struct stat about;
    return (flock(handle, LOCK_EX | LOCK_NB) != 0
            && errno == EWOULDBLOCK)
        || (fstat(handle, &about) == 0 && about.st_nlink == 0);
}

static bool open_partial(struct durable *d, const struct stat *was)
{
    mode_t mode = was == NULL ? 0666 : was->st_mode & 0777;
    char folder[PATH_MAX];
    folder_show(folder, d->place);
    durable_sweep(folder);
    do {
        if (d->handle >= 0)
            file_calls.close(d->handle);
        d->handle = -1;
        if (!name_partial(d))
            return false;
        d->handle = file_calls.open(d->partial, O_WRONLY | O_CREAT
                        | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    } while (d->handle < 0 ? errno == EEXIST : was_swept(d->handle));
    if (d->handle >= 0 && was != NULL)
        fchmod(d->handle, mode);
    return d->handle >= 0;
}
// Open a file
bool durable_open(struct durable *d, const char *path,
                  struct message *m)
{
    struct stat was;
    *d = (struct durable){ .path = path, .handle = -1, .message = m };
    snprintf(d->place, PATH_MAX, "%s", path);
    bool there = open_what_stands(d, &was);
    if (!there && errno != ENOENT)
        return give_up(d, EX_CANTCREAT, "make it", m);
    if (there && d->handle >= 0)
        return true;
    return (follow_links(d) && open_partial(d, there ? &was : NULL))
        || give_up(d, EX_CANTCREAT, "make it", m);
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
// Open a file for text
static ssize_t text_write(void *cookie, const char *bytes, size_t count)
{
    struct durable *d = cookie;
    return durable_write(d, bytes, count, d->message)
           ? (ssize_t)count : 0;
}

FILE *durable_text(struct durable *d, const char *path,
                   struct message *m)
{
    if (durable_open(d, path, m))
        d->text = fopencookie(d, "w", (cookie_io_functions_t)
                              { .write = text_write });
    if (d->text == NULL)
        give_up(d, EX_OSERR, "write text into it", m);
    return d->text;
}
static bool close_text(struct durable *d)
{
    FILE *text = d->text;
    d->text = NULL;
    bool good = text == NULL || !ferror(text);
    return (text == NULL || fclose(text) == 0) && good;
}

void durable_abandon(struct durable *d)
{
    drop(d);
    close_text(d);
}
// Put the file in its place
// Flush a file
static bool flush(const struct durable *d)
{
    while (file_calls.fsync(d->handle) != 0)
        if (errno != EINTR)
            return d->partial[0] == '\0'
                && (errno == EINVAL || errno == EROFS);
    return true;
}
// Make the name last
static bool name_lasts(const struct durable *d, struct message *m)
{
    char path[PATH_MAX];
    folder_show(path, d->place);
    int folder = file_calls.open(path, O_RDONLY | O_DIRECTORY
                                       | O_CLOEXEC);
    bool lasts = folder >= 0
        && (file_calls.fsync(folder) == 0 || errno == EINVAL);
    if (!lasts)
        fail(m, EX_IOERR, "%s: it is written, but its folder cannot "
             "be flushed: %s", d->path, strerror(errno));
    if (folder >= 0)
        file_calls.close(folder);
    return lasts;
}

bool durable_commit(struct durable *d, struct message *m)
{
    if (!close_text(d))
        return give_up(d, EX_IOERR, "write it", m);
    if (!flush(d))
        return give_up(d, EX_IOERR, "flush it to the disk", m);
    int handle = d->handle, lock = fcntl(handle, F_DUPFD_CLOEXEC, 0);
    d->handle = -1;
    bool good = file_calls.close(handle) == 0
                || give_up(d, EX_IOERR, "close it", m);
    if (good && d->partial[0] != '\0')
        good = file_calls.rename(d->partial, d->place) == 0
               ? name_lasts(d, m)
               : give_up(d, EX_IOERR, "put it in its place", m);
    if (lock >= 0)
        close(lock);
    return good;
}
// Keep what is read apart
bool durable_apart(const char *path, const char *const *read,
                   struct message *m)
{
    struct stat written, about;
    if (stat(path, &written) != 0 || !S_ISREG(written.st_mode))
        return true;
    for (; *read != NULL; read++)
        if (stat(*read, &about) == 0 && same_file(&written, &about))
            return fail(m, EX_USAGE, "%s: it is read, as %s, and "
                        "cannot be written too", path, *read);
    return true;
}
FILE *durable_aside(const char *path)
{
    struct stat file, out;
    bool same = stat(path, &file) == 0 && !S_ISCHR(file.st_mode)
        && fstat(STDOUT_FILENO, &out) == 0 && same_file(&file, &out);
    return same ? stderr : stdout;
}
