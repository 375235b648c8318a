#ifndef FILE_H
#define FILE_H
#include <sys/types.h>
#include "ground/language.h"

LANGUAGE_C_BEGIN
/* How to reach the disk. */
extern struct file_calls {
    int (*open)(const char *path, int flags, ...);
    ssize_t (*read)(int handle, void *bytes, size_t count);
    int (*close)(int handle);
    // More calls of the system
    ssize_t (*write)(int handle, const void *bytes, size_t count);
    int (*fsync)(int handle);
    int (*rename)(const char *from, const char *to);
    ssize_t (*random)(void *bytes, size_t count, unsigned flags);
} file_calls;
/* A handle to read from, without waiting; -1: see errno. */
int file_open(const char *path);
/* count bytes, in as many pieces as they come, or those up to the end
   of the file: how many. -1: see errno. */
ssize_t file_read(void *to, size_t count, int handle);
LANGUAGE_C_END
#endif
