#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/durable.h"
#include "checkpoint/image.h"
#include "checkpoint/safetensors.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "support/suite.h"

// Calls that fail when we want
static size_t left = SIZE_MAX;      /* calls until one fails */
static bool for_ever;               /* and all after it */
static char called[200];            /* first letters, in order */
static int opened;                  /* files that are not closed */

static bool fails(char letter)
{
    size_t length = strlen(called);
    if (length + 1 < sizeof called)
        called[length] = letter, called[length + 1] = '\0';
    if (left == SIZE_MAX || left-- > 0)
        return false;
    left = for_ever ? 0 : SIZE_MAX;
    errno = EIO;
    return true;
}

static int bad_open(const char *path, int flags, ...)
{
    va_list mode;
    va_start(mode, flags);
    int result = fails('o') ? -1 : open(path, flags, 0666);
    opened += result >= 0;
    va_end(mode);
    return result;
}

static ssize_t bad_write(int handle, const void *bytes, size_t count)
{
    return fails('w') ? -1
        : write(handle, bytes, count < 100 ? count : 100);
}
static int bad_fsync(int handle)
{
    return fails('f') ? -1 : fsync(handle);
}

static int bad_close(int handle)
{
    opened -= close(handle) == 0 ? 1 : 100;
    return fails('c') ? -1 : 0;
}

static int bad_rename(const char *from, const char *to)
{
    return fails('r') ? -1 : rename(from, to);
}

static const struct file_calls good_calls = {
    .open = open, .read = read, .close = close, .write = write,
    .fsync = fsync, .rename = rename, .random = getrandom };
static const struct file_calls bad_calls = {
    .open = bad_open, .read = read, .close = bad_close,
    .write = bad_write, .fsync = bad_fsync, .rename = bad_rename,
    .random = getrandom };
// A file that says which save it is from
enum { COPIES = 16384 };

static bool save_number(const char *path, size_t number, size_t copies,
                        struct message *m)
{
    static real values[COPIES];
    const struct tensor t = { .name = "t", .rank = 1,
                              .shape = { copies }, .data = values };
    for (size_t i = 0; i < copies; i++)
        values[i] = (real)number;
    return safetensors_write(path, &t, 1, NULL, 0, m);
}

static size_t number_in(const char *path)
{
    static real values[COPIES];
    struct message m = { 0, "" };
    struct safetensors s;
    ck_assert_msg(safetensors_open(&s, path, &m), "%s", m.text);
    ck_assert(s.verified);
    size_t count = s.list[0].shape[0];
    ck_assert(tensor_copy(values, &s, "t", 1, &count, &m));
    safetensors_close(&s);
    for (size_t i = 1; i < count; i++)
        ck_assert(values[i] == values[0]);
    return (size_t)values[0];
}

static void calls_of_the_system(void)
{
    file_calls = good_calls;
}
// Test failing calls
/* fails if an answer of the system is not looked at, or a failure
   leaves the partial file behind */
START_TEST(any_failed_call_is_reported_and_a_whole_file_stands)
{
    static char path[512];
    size_t k = 0, kept = 0, reported = 0;
    struct message m = { 0, "" };
    strcpy(path, folder_file("x.safetensors"));
    ck_assert(save_number(path, 1, 100, &m));
    for (bool reached = true; reached; k++) {
        m = (struct message){ 0, "" };
        called[0] = '\0';
        left = k;
        for_ever = _i;
        file_calls = bad_calls;
        bool good = save_number(path, k + 2, 100, &m);
        file_calls = good_calls;
        reached = strlen(called) > k;
        // Look at what this failure has left
        bool written = good || strstr(m.text, "it is written, but") != NULL;
        ck_assert_uint_eq(number_in(path), written ? k + 2 : 1);
        ck_assert_uint_eq(partials_there(), 0);
        ck_assert_int_eq(opened, 0);
        ck_assert_int_eq(m.status, good ? 0 : k < 3 ? EX_CANTCREAT : EX_IOERR);
        ck_assert(good || strstr(m.text, ": Input/output error") != NULL);
        ck_assert(good || strncmp(m.text, path, strlen(path)) == 0);
        kept += !written;
        reported += !good;
        if (written) {
            m = (struct message){ 0, "" };
            ck_assert(save_number(path, 1, 100, &m));
        }
    }
    size_t calls = strlen(called), unseen = for_ever ? 0 : 1;
    ck_assert_uint_eq(k, calls + 1);
    ck_assert_uint_eq(kept, calls - 3 - unseen);
    ck_assert_uint_eq(reported, calls - 1 - unseen);
}
END_TEST
// Test the order of the calls
/* fails if the file or its folder is not flushed, or the file is
   renamed before it is flushed */
START_TEST(the_bytes_are_flushed_before_the_name_and_the_name_after)
{
    struct message m = { 0, "" };
    called[0] = '\0';
    left = SIZE_MAX;
    file_calls = bad_calls;
    bool good = save_number(folder_file("x.safetensors"), 1, 1, &m);
    file_calls = good_calls;
    ck_assert(good);
    ck_assert(strncmp(called, "oow", 3) == 0);
    ck_assert(strspn(called + 2, "w") > 1);
    ck_assert_str_eq(called + 2 + strspn(called + 2, "w"), "fcrofc");
}
END_TEST
static bool interrupted;

static ssize_t write_interrupted(int handle, const void *bytes,
                                 size_t count)
{
    interrupted = !interrupted;
    errno = EINTR;
    return interrupted ? -1 : write(handle, bytes, count);
}

static ssize_t write_nothing(int handle, const void *bytes,
                             size_t count)
{
    (void)handle, (void)bytes, (void)count;
    return 0;
}

static mode_t unflushable;

static int fsync_invalid(int handle)
{
    struct stat about;
    if (fstat(handle, &about) != 0
        || (about.st_mode & S_IFMT) == unflushable) {
        errno = EINVAL;
        return -1;
    }
    return fsync(handle);
}

/* fails if EINTR is taken for a failure of the disk */
START_TEST(an_interrupted_write_goes_on)
{
    struct message m = { 0, "" };
    const char *path = folder_file("x.safetensors");
    file_calls.write = write_interrupted;
    bool good = save_number(path, 3, 100, &m);
    file_calls = good_calls;
    ck_assert_msg(good, "%s", m.text);
    ck_assert_uint_eq(number_in(path), 3);
}
END_TEST

/* fails if a write that takes no byte is tried again for ever */
START_TEST(a_write_that_takes_nothing_is_not_repeated_for_ever)
{
    struct message m = { 0, "" };
    const char *path = folder_file("x.safetensors");
    file_calls.write = write_nothing;
    bool good = save_number(path, 3, 100, &m);
    file_calls = good_calls;
    ck_assert(!good && m.status == EX_IOERR);
    ck_assert_ptr_nonnull(strstr(m.text, "Input/output error"));
    ck_assert(!file_there(path));
}
END_TEST

/* fails if EINVAL is a failure for a folder, or none for a file */
START_TEST(a_folder_that_cannot_be_flushed_is_no_failure)
{
    struct message m = { 0, "" };
    const char *path = folder_file("x.safetensors");
    unflushable = _i == 0 ? S_IFDIR : S_IFREG;
    file_calls.fsync = fsync_invalid;
    bool good = save_number(path, 3, 100, &m);
    file_calls = good_calls;
    ck_assert_msg(good == (_i == 0), "%s", m.text);
    ck_assert(file_there(path) == good);
}
END_TEST
// Test full disks and missing folders
/* fails if a write that takes a part of its bytes counts as done */
START_TEST(a_full_disk_leaves_the_old_file)
{
    struct message m = { 0, "" };
    struct rlimit before, limit;
    const char *path = folder_file("x.safetensors");
    struct stat about;
    ck_assert(save_number(path, 1, 100, &m));
    ck_assert(stat(path, &about) == 0);
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    limit = before;
    for (limit.rlim_cur = 0; limit.rlim_cur < (rlim_t)about.st_size;
         limit.rlim_cur++) {
        m = (struct message){ 0, "" };
        setrlimit(RLIMIT_FSIZE, &limit);
        bool good = save_number(path, 2, 100, &m);
        setrlimit(RLIMIT_FSIZE, &before);
        ck_assert(!good && m.status == EX_IOERR);
        ck_assert_ptr_nonnull(strstr(m.text, "File too large"));
        ck_assert_uint_eq(number_in(path), 1);
        ck_assert_uint_eq(partials_there(), 0);
    }
}
END_TEST
/* fails if a missing folder counts as a failed write, or as none */
START_TEST(a_place_where_nothing_can_be_made_is_reported)
{
    static const char *const name[] = { "no/x.safetensors",
                                        "x.safetensors/y" };
    static const char *const reason[] = { "No such file",
                                          "Not a directory" };
    struct message m = { 0, "" };
    ck_assert(save_number(folder_file("x.safetensors"), 1, 1, &m));
    ck_assert(!save_number(folder_file(name[_i]), 2, 1, &m));
    ck_assert_int_eq(m.status, EX_CANTCREAT);
    ck_assert_ptr_nonnull(strstr(m.text, ": cannot make it: "));
    ck_assert_ptr_nonnull(strstr(m.text, reason[_i]));
    ck_assert_uint_eq(number_in(folder_file("x.safetensors")), 1);
}
END_TEST

/* fails if a partial file is made although a folder has the name */
START_TEST(a_folder_in_the_place_is_left_alone)
{
    struct message m = { 0, "" };
    ck_assert(mkdir(folder_file("x.safetensors"), 0777) == 0);
    ck_assert(!save_number(folder_file("x.safetensors"), 2, 1, &m));
    ck_assert_int_eq(m.status, EX_CANTCREAT);
    ck_assert_ptr_nonnull(strstr(m.text, ": cannot make it: Is a dir"));
    ck_assert_uint_eq(partials_there(), 0);
    ck_assert(rmdir(folder_file("x.safetensors")) == 0);
}
END_TEST

/* fails if to abandon forgets the handle or the partial file */
START_TEST(an_abandoned_file_leaves_nothing)
{
    struct message m = { 0, "" };
    struct durable d;
    const char *path = folder_file("x.safetensors");
    ck_assert(durable_open(&d, path, &m));
    ck_assert(durable_write(&d, "abc", 3, &m));
    int handle = d.handle;
    ck_assert_uint_eq(partials_there(), 1);
    durable_abandon(&d);
    ck_assert(fcntl(handle, F_GETFD) < 0);
    ck_assert(!file_there(path));
    ck_assert_uint_eq(partials_there(), 0);
}
END_TEST
// Test what stands under the name
static char *text_of(const char *name)
{
    static char text[8192];
    FILE *in = fopen(folder_file(name), "r");
    ck_assert_ptr_nonnull(in);
    text[fread(text, 1, sizeof text - 1, in)] = '\0';
    fclose(in);
    return text;
}

static bool write_word(const char *name, const char *word,
                       struct message *m)
{
    struct durable d;
    char path[512];
    strcpy(path, folder_file(name));
    return durable_open(&d, path, m)
        && durable_write(&d, word, strlen(word), m)
        && durable_commit(&d, m);
}

static mode_t mode_of(const char *name)
{
    struct stat about;
    ck_assert(lstat(folder_file(name), &about) == 0);
    return about.st_mode;
}

/* fails if the link itself is replaced, or a relative one counts from
   the wrong folder */
START_TEST(a_link_is_followed_and_stays)
{
    struct message m = { 0, "" };
    char far[512];
    strcpy(far, folder_file("far/x"));
    ck_assert(mkdir(folder_file("far"), 0777) == 0);
    ck_assert(symlink("far/third", folder_file("first")) == 0);
    ck_assert(symlink(far, folder_file("far/third")) == 0);
    int here = open(".", O_RDONLY);
    for (int k = 0; k < 3; k++) {
        struct durable d;
        const char *word = k == 0 ? "made" : k == 1 ? "again" : "near";
        if (k < 2)
            ck_assert_msg(write_word("first", word, &m), "%s", m.text);
        else
            // Write through the link from its own folder
            ck_assert(chdir(folder_file(".")) == 0
                      && durable_open(&d, "first", &m)
                      && durable_write(&d, word, strlen(word), &m)
                      && durable_commit(&d, &m) && fchdir(here) == 0);
        ck_assert_str_eq(text_of("far/x"), word);
        ck_assert(S_ISREG(mode_of("far/x")));
        ck_assert(S_ISLNK(mode_of("first")));
        ck_assert(S_ISLNK(mode_of("far/third")));
    }
    close(here);
    unlink(far);
    unlink(folder_file("far/third"));
}
END_TEST
static char opened_last[512];

static int open_nothing(const char *path, int flags, ...)
{
    (void)flags;
    snprintf(opened_last, sizeof opened_last, "%s", path);
    errno = ENOENT;
    return -1;
}

/* fails if links are followed without a limit */
START_TEST(a_link_that_becomes_a_circle_is_not_followed_for_ever)
{
    struct message m = { 0, "" };
    ck_assert(symlink("x", folder_file("x")) == 0);
    file_calls.open = open_nothing;
    bool good = write_word("x", "no", &m);
    file_calls = good_calls;
    ck_assert(!good && m.status == EX_CANTCREAT);
    ck_assert_ptr_nonnull(strstr(m.text, "evels of symbolic links"));
}
END_TEST

/* fails if the folder of a path without a slash, or with one in front,
   is not found */
START_TEST(the_partial_file_is_in_the_folder_of_the_file)
{
    static const char *const path[] = { "/x", "x", "no/such/x", "n/x" };
    static const char *const begins[] = { "/.x.", ".x.",
                                          "no/such/.x.", "n/.x." };
    struct message m = { 0, "" };
    struct durable d;
    file_calls.open = open_nothing;
    bool good = durable_open(&d, path[_i], &m);
    file_calls = good_calls;
    ck_assert(!good);
    ck_assert_ptr_eq(strstr(opened_last, begins[_i]), opened_last);
}
END_TEST

/* a link to a path that is as long as one may be; such a path */
/* fails if a path that is too long is cut off, and a file made
   elsewhere */
START_TEST(a_path_without_room_for_more_is_refused)
{
    struct message m = { 0, "" };
    struct durable d;
    char path[PATH_MAX] = "", *end = path;
    if (_i == 1)
        end = stpcpy(path, folder_file(""));
    while (end < path + PATH_MAX - 6)
        end = stpcpy(end, "./");
    strcpy(end, "y");
    if (_i == 0)
        ck_assert(symlink(path, folder_file("x")) == 0);
    ck_assert(_i == 1 ? !durable_text(&d, path, &m)
              : !durable_open(&d, folder_file("x"), &m));
    ck_assert_int_eq(m.status, EX_CANTCREAT);
    ck_assert(_i == 1 || strstr(m.text, ": File name too long"));
    ck_assert(!file_there(folder_file("y")));
    ck_assert_uint_eq(partials_there(), 0);
}
END_TEST

/* fails if a circle of links is taken for a name that is free */
START_TEST(a_link_to_itself_is_refused)
{
    struct message m = { 0, "" };
    ck_assert(symlink("x", folder_file("x")) == 0);
    ck_assert(!write_word("x", "no", &m));
    ck_assert_int_eq(m.status, EX_CANTCREAT);
    ck_assert_ptr_nonnull(strstr(m.text, "evels of symbolic links"));
    ck_assert(S_ISLNK(mode_of("x")));
}
END_TEST
/* fails if a pipe is replaced by a regular file */
START_TEST(a_pipe_is_written_through)
{
    struct message m = { 0, "" };
    char got[8] = "";
    ck_assert(mkfifo(folder_file("pipe"), 0600) == 0);
    int reader = open(folder_file("pipe"), O_RDONLY | O_NONBLOCK);
    ck_assert(reader >= 0);
    ck_assert_msg(write_word("pipe", "water", &m), "%s", m.text);
    ck_assert_int_eq(read(reader, got, sizeof got), 5);
    close(reader);
    ck_assert_str_eq(got, "water");
    ck_assert(S_ISFIFO(mode_of("pipe")));
    ck_assert_uint_eq(partials_there(), 0);
}
END_TEST

static int flush_error;

static int fsync_failing(int handle)
{
    (void)handle;
    errno = flush_error;
    return -1;
}

/* fails if a device is replaced, or its EINVAL at fsync is a failure */
START_TEST(a_device_is_written_through)
{
    struct message m = { 0, "" };
    char path[512];
    struct stat about;
    strcpy(path, folder_file("device"));
    bool own = mknod(path, S_IFCHR | 0666, makedev(1, _i ? 7 : 3)) == 0
               && access(path, W_OK) == 0;
    if (!own)
        strcpy(path, _i ? "/dev/full" : "/dev/null");
    struct durable d;
    ck_assert_msg(durable_open(&d, path, &m), "%s", m.text);
    bool good = durable_write(&d, "x", 1, &m) && durable_commit(&d, &m);
    ck_assert_int_eq(good, !_i);
    ck_assert_int_eq(m.status, _i ? EX_IOERR : 0);
    ck_assert(!_i || strstr(m.text, "No space left") != NULL);
    ck_assert(stat(path, &about) == 0 && S_ISCHR(about.st_mode));
    // One that cannot flush is no failure, one that fails to is
    for (int k = 0; k < 3 && !_i; k++) {
        flush_error = (int[]){ EINVAL, EROFS, EIO }[k];
        file_calls.fsync = fsync_failing;
        ck_assert(durable_open(&d, path, &m));
        good = durable_write(&d, "x", 1, &m) && durable_commit(&d, &m);
        file_calls = good_calls;
        ck_assert_int_eq(good, k < 2);
    }
}
END_TEST
/* fails if the file behind the standard output is emptied or
   replaced */
START_TEST(standard_output_is_written_through)
{
    struct message m = { 0, "" };
    int before = dup(STDOUT_FILENO);
    fflush(stdout);
    int file = open(folder_file("out"), O_WRONLY | O_CREAT, 0666);
    ck_assert(dup2(file, STDOUT_FILENO) >= 0);
    printf("one ");
    struct durable d;
    char path[512];
    strcpy(path, folder_file("stdout"));
    ck_assert(symlink("/proc/self/fd/1", path) == 0);
    bool aside = durable_aside(path) == stderr
              && durable_aside(folder_file("other")) == stdout
              && durable_aside("/dev/null") == stdout;
    bool good = durable_open(&d, path, &m)
             && durable_write(&d, "two ", 4, &m)
             && durable_commit(&d, &m);
    printf("three");
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    close(file);
    ck_assert_msg(good, "%s", m.text);
    ck_assert_str_eq(text_of("out"), "one two three");
    ck_assert(aside);
}
END_TEST
/* fails if a file that was secret can be read once it is replaced */
START_TEST(a_file_keeps_its_mode)
{
    static const mode_t mode[] = { 0600, 0640, 0666, 0755 };
    struct message m = { 0, "" };
    mode_t before = umask(022);
    ck_assert(write_word("x", "new", &m));
    ck_assert_int_eq(mode_of("x") & 07777, 0644);
    ck_assert(chmod(folder_file("x"), mode[_i]) == 0);
    ck_assert(write_word("x", "old", &m));
    ck_assert_int_eq(mode_of("x") & 07777, mode[_i]);
    umask(before);
}
END_TEST

/* fails if renaming replaces a file that one may not write to */
START_TEST(a_file_that_may_not_be_written_is_not_replaced)
{
    struct message m = { 0, "" };
    ck_assert(write_word("x", "mine", &m));
    ck_assert(chmod(folder_file("x"), 0444) == 0);
    ck_assert(chmod(folder_file("."), 0777) == 0);
    if (geteuid() == 0)
        ck_assert(seteuid(65534) == 0);
    bool good = write_word("x", "yours", &m);
    if (getuid() == 0)
        ck_assert(seteuid(0) == 0);
    ck_assert(!good && m.status == EX_CANTCREAT);
    ck_assert_ptr_nonnull(strstr(m.text, "Permission denied"));
    ck_assert_str_eq(text_of("x"), "mine");
}
END_TEST
/* fails if names are compared and not files, so that a link is
   missed */
START_TEST(what_is_read_is_not_written)
{
    static const char *const alias[] = { "x", "./x", "hard", "soft",
                                         "folder/../x" };
    struct message m = { 0, "" };
    char path[512], input[512];
    ck_assert(write_word("x", "read", &m) && write_word("y", "", &m));
    strcpy(input, folder_file("x"));
    ck_assert(link(input, folder_file("hard")) == 0);
    ck_assert(symlink("x", folder_file("soft")) == 0);
    ck_assert(mkdir(folder_file("folder"), 0777) == 0);
    const char *const read[] = { "no/such/file", input, NULL };
    strcpy(path, folder_file(alias[_i]));
    ck_assert(!durable_apart(path, read, &m));
    ck_assert_int_eq(m.status, EX_USAGE);
    ck_assert(strncmp(m.text, path, strlen(path)) == 0);
    m = (struct message){ 0, "" };
    ck_assert(durable_apart(folder_file("y"), read, &m));
    ck_assert(durable_apart(folder_file("new"), read, &m));
    ck_assert(durable_apart("/dev/null",
              (const char *const[]){ "/dev/null", NULL }, &m));
}
END_TEST
// Test partial files
#define LEFT ".x.0123456789abcdef.partial"

/* fails if the sweep removes what is being written, or what only has a
   similar name */
START_TEST(what_a_killed_save_left_is_swept)
{
    static const char *const other[] = { ".x.partial",
        "x.0123456789abcdef.partial", ".x.0123456789abcdef.partial2",
        ".x.0123456789abcdeF.partial", ".x_0123456789abcdef.partial" };
    enum { OTHERS = sizeof other / sizeof *other };
    struct message m = { 0, "" };
    struct durable d;
    char path[512];
    strcpy(path, folder_file("busy"));
    for (size_t i = 0; i < OTHERS; i++)
        ck_assert(write_word(other[i], "keep", &m));
    ck_assert(mkdir(folder_file(".d" LEFT), 0777) == 0);
    ck_assert(symlink("kept", folder_file(".l" LEFT)) == 0);
    ck_assert(write_word("kept", "kept", &m));
    int left = creat(folder_file(LEFT), 0666);
    ck_assert(left >= 0 && close(left) == 0);
    ck_assert(durable_open(&d, path, &m));
    ck_assert(!file_there(folder_file(LEFT)));
    ck_assert(write_word("x", "new", &m));
    ck_assert_uint_eq(partials_there(), OTHERS + 3);
    ck_assert_msg(durable_commit(&d, &m), "%s", m.text);
    ck_assert_str_eq(text_of("kept"), "kept");
}
END_TEST
static uint64_t numbers_given;

static ssize_t count_up(void *bytes, size_t count, unsigned flags)
{
    (void)flags;
    memcpy(bytes, &numbers_given, sizeof numbers_given);
    numbers_given++;
    return (ssize_t)count;
}

static ssize_t no_number(void *bytes, size_t count, unsigned flags)
{
    (void)bytes, (void)count, (void)flags;
    errno = ENOSYS;
    return -1;
}

/* fails if the partial file is opened without O_EXCL, or a name that is
   taken ends the save */
START_TEST(a_link_at_the_name_of_a_partial_file_is_not_followed)
{
    struct message m = { 0, "" };
    const char *planted = ".x.0000000000000007.partial";
    ck_assert(write_word("victim", "whole", &m));
    ck_assert((_i ? symlink("victim", folder_file(planted))
                  : mkfifo(folder_file(planted), 0666)) == 0);
    numbers_given = 7;
    file_calls.random = count_up;
    bool good = write_word("x", "new", &m);
    file_calls.random = no_number;
    bool none = write_word("y", "new", &m);
    file_calls = good_calls;
    ck_assert_ptr_nonnull(strstr(m.text, "not implemented"));
    ck_assert_uint_eq(numbers_given, 9);
    ck_assert_str_eq(text_of("victim"), "whole");
    ck_assert(good && !none && m.status == EX_CANTCREAT);
    ck_assert_str_eq(text_of("x"), "new");
    ck_assert(!file_there(folder_file("y")));
}
END_TEST
static int made, rival;
static bool holds_on;           /* or has removed it already */

static int open_and_lose(const char *path, int flags, ...)
{
    int handle = open(path, flags, 0666);
    if ((flags & O_CREAT) && made++ == 0) {
        rival = open(path, O_RDONLY);
        ck_assert(flock(rival, LOCK_EX | LOCK_NB) == 0);
        if (!holds_on) {
            unlink(path);
            close(rival);
        }
    }
    return handle;
}

/* fails if the writer does not look whether its file still has a name
   and who has the lock */
START_TEST(a_partial_file_that_is_swept_at_once_is_made_again)
{
    struct message m = { 0, "" };
    made = 0, holds_on = _i;
    file_calls.open = open_and_lose;
    bool good = write_word("x", "new", &m);
    file_calls = good_calls;
    if (holds_on)
        close(rival);
    ck_assert_msg(good, "%s", m.text);
    ck_assert_int_eq(made, 2);
    ck_assert_str_eq(text_of("x"), "new");
    ck_assert(write_word("x", "newer", &m));
    ck_assert_uint_eq(partials_there(), 0);
}
END_TEST
/* fails if the whole name goes into that of the partial file */
START_TEST(the_longest_names_have_partial_files)
{
    struct message m = { 0, "" };
    char name[300];
    memset(name, 'n', 255);
    name[255] = '\0';
    ck_assert_msg(write_word(name, "long", &m), "%s", m.text);
    ck_assert_str_eq(text_of(name), "long");
    name[255] = 'n', name[256] = '\0';
    ck_assert(!write_word(name, "too long", &m));
    ck_assert_int_eq(m.status, EX_CANTCREAT);
    ck_assert_ptr_nonnull(strstr(m.text, "File name too long"));
}
END_TEST

/* fails if the partial file has a fixed name */
START_TEST(two_writers_of_one_file_do_not_mix)
{
    struct message m = { 0, "" };
    struct durable a, b;
    char path[512];
    strcpy(path, folder_file("x"));
    ck_assert(durable_open(&a, path, &m) && durable_open(&b, path, &m));
    ck_assert_str_ne(a.partial, b.partial);
    ck_assert(durable_write(&a, "aaaa", 4, &m));
    ck_assert(durable_write(&b, "b", 1, &m));
    ck_assert(durable_commit(&a, &m));
    ck_assert_str_eq(text_of("x"), "aaaa");
    ck_assert(durable_commit(&b, &m));
    ck_assert_str_eq(text_of("x"), "b");
    ck_assert_uint_eq(partials_there(), 0);
}
END_TEST
// Test text
/* fails if only the last write of a stream is looked at */
START_TEST(a_text_whose_writing_fails_once_is_not_put_in_place)
{
    struct message m = { 0, "" };
    struct durable d;
    char path[512];
    strcpy(path, folder_file("x"));
    ck_assert(write_word("x", "old", &m));
    called[0] = '\0';
    left = 3 + (size_t)_i;
    for_ever = false;
    file_calls = bad_calls;
    FILE *text = durable_text(&d, path, &m);
    ck_assert_ptr_nonnull(text);
    for (int i = 0; i < 1000; i++)
        fprintf(text, "line %d\n", i);
    bool good = durable_commit(&d, &m);
    file_calls = good_calls;
    ck_assert(strlen(called) > 3 + (size_t)_i);
    ck_assert(!good && m.status == EX_IOERR);
    ck_assert_str_eq(text_of("x"), "old");
    ck_assert_int_eq(opened, 0);
    ck_assert_uint_eq(partials_there(), 0);
}
END_TEST

/* fails if the stream is not flushed before the renaming, or what was
   abandoned is put in place */
START_TEST(a_text_arrives_whole_or_is_abandoned)
{
    struct message m = { 0, "" };
    struct durable d;
    char path[512];
    strcpy(path, folder_file("x"));
    fprintf(durable_text(&d, path, &m), "%d words", 2);
    ck_assert_msg(durable_commit(&d, &m), "%s", m.text);
    ck_assert_str_eq(text_of("x"), "2 words");
    fprintf(durable_text(&d, path, &m), "%d words", 3);
    durable_abandon(&d);
    ck_assert_str_eq(text_of("x"), "2 words");
    ck_assert_uint_eq(partials_there(), 0);
}
END_TEST
// Test kills
static void save_for_ever(const char *path, size_t number)
{
    struct message m = { 0, "" };
    while (save_number(path, ++number, COPIES, &m))
        ;
    fprintf(stderr, "%s\n", m.text);
    _exit(1);
}

/* fails if a save writes in place, or renames a file that is not
   whole */
START_TEST(two_hundred_kills_cost_no_checkpoint)
{
    static char path[512];
    struct message m = { 0, "" };
    size_t number = 0, hits = 0;
    strcpy(path, folder_file("x.safetensors"));
    ck_assert(save_number(path, 0, COPIES, &m));
    for (uint64_t kill_number = 0; kill_number < 200; kill_number++) {
        // Let a child save, and kill it
        int status;
        pid_t child = fork();
        ck_assert(child >= 0);
        if (child == 0)
            save_for_ever(path, number);
        usleep((useconds_t)random_below(1, 2, kill_number, 20000));
        ck_assert(kill(child, SIGKILL) == 0);
        ck_assert(waitpid(child, &status, 0) == child);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        ck_assert_uint_le(partials_there(), 1);
        hits += partials_there();
        size_t found = number_in(path);
        ck_assert(found >= number);
        number = found;
    }
    ck_assert_uint_ge(hits, 50);
    ck_assert_uint_ge(number, 50);
    ck_assert(save_number(path, 0, COPIES, &m));
    ck_assert_uint_eq(partials_there(), 0);
}
END_TEST

// The suite of durable files
Suite *durable_suite(void);
Suite *durable_suite(void)
{
    Suite *s = suite_create("durable");
    TCase *c = tcase_create("writing");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, folder_make, folder_remove);
    tcase_add_checked_fixture(c, calls_of_the_system, NULL);
    tcase_add_loop_test(c,
        any_failed_call_is_reported_and_a_whole_file_stands, 0, 2);
    tcase_add_test(c,
        the_bytes_are_flushed_before_the_name_and_the_name_after);
    tcase_add_test(c, an_interrupted_write_goes_on);
    tcase_add_test(c,
        a_write_that_takes_nothing_is_not_repeated_for_ever);
    tcase_add_loop_test(c,
        a_folder_that_cannot_be_flushed_is_no_failure, 0, 2);
    tcase_add_test(c, a_full_disk_leaves_the_old_file);
    tcase_add_loop_test(c,
        a_place_where_nothing_can_be_made_is_reported, 0, 2);
    tcase_add_test(c, a_folder_in_the_place_is_left_alone);
    tcase_add_test(c, an_abandoned_file_leaves_nothing);
    // The other cases of durable files
    tcase_add_test(c, a_link_is_followed_and_stays);
    tcase_add_test(c, a_link_to_itself_is_refused);
    tcase_add_test(c,
        a_link_that_becomes_a_circle_is_not_followed_for_ever);
    tcase_add_loop_test(c, the_partial_file_is_in_the_folder_of_the_file,
                        0, 4);
    tcase_add_loop_test(c, a_path_without_room_for_more_is_refused, 0, 2);
    tcase_add_loop_test(c,
        a_link_at_the_name_of_a_partial_file_is_not_followed, 0, 2);
    tcase_add_loop_test(c,
        a_partial_file_that_is_swept_at_once_is_made_again, 0, 2);
    tcase_add_test(c, a_pipe_is_written_through);
    tcase_add_loop_test(c, a_device_is_written_through, 0, 2);
    tcase_add_test(c, standard_output_is_written_through);
    tcase_add_loop_test(c, a_file_keeps_its_mode, 0, 4);
    tcase_add_test(c, a_file_that_may_not_be_written_is_not_replaced);
    tcase_add_loop_test(c, what_is_read_is_not_written, 0, 5);
    tcase_add_test(c, what_a_killed_save_left_is_swept);
    tcase_add_test(c, the_longest_names_have_partial_files);
    tcase_add_test(c, two_writers_of_one_file_do_not_mix);
    tcase_add_loop_test(c,
        a_text_whose_writing_fails_once_is_not_put_in_place, 0, 3);
    tcase_add_test(c, a_text_arrives_whole_or_is_abandoned);

    c = tcase_create("kills");
    suite_add_tcase(s, c);
    tcase_set_tags(c, "slow");
    tcase_add_checked_fixture(c, folder_make, folder_remove);
    tcase_add_checked_fixture(c, calls_of_the_system, NULL);
    tcase_add_test(c, two_hundred_kills_cost_no_checkpoint);
    return s;
}
