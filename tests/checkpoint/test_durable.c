#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/durable.h"
#include "checkpoint/image.h"
#include "checkpoint/safetensors.h"
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

static const struct file_calls good_calls = { open, read, write, fsync,
                                              close, rename };
static const struct file_calls bad_calls = { bad_open, read, bad_write,
                                             bad_fsync, bad_close,
                                             bad_rename };
// A file that says which save it is from
enum { COPIES = 16384 };

static bool save_number(const char *path, size_t number, size_t copies,
                        struct message *m)
{
    static real values[COPIES];
    const struct tensor t = { "t", 1, { copies }, values };
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
    ck_assert(safetensors_copy(values, &s, "t", 1, &count, &m));
    safetensors_close(&s);
    for (size_t i = 1; i < count; i++)
        ck_assert(values[i] == values[0]);
    return (size_t)values[0];
}

static void calls_of_the_system(void)
{
    file_calls = good_calls;
}

static bool partial_there(void)
{
    return file_there(folder_file("x.safetensors.partial"));
}
// Test failing calls
START_TEST(any_failed_call_is_reported_and_a_whole_file_stands)
{
    static char path[512];
    size_t k = 0, kept = 0;
    struct message m = { 0, "" };
    strcpy(path, folder_file("x.safetensors"));
    ck_assert(save_number(path, 1, 100, &m));
    for (bool good = false; !good; k++) {
        m = (struct message){ 0, "" };
        called[0] = '\0';
        left = k;
        for_ever = _i;
        file_calls = bad_calls;
        good = save_number(path, k + 2, 100, &m);
        file_calls = good_calls;
        // Look at what this failure has left
        bool written = good || strstr(m.text, "it is written, but") != NULL;
        ck_assert_uint_eq(number_in(path), written ? k + 2 : 1);
        ck_assert(!partial_there());
        ck_assert_int_eq(opened, 0);
        ck_assert_int_eq(m.status, good ? 0 : k == 0 ? EX_CANTCREAT : EX_IOERR);
        ck_assert(good || strstr(m.text, ": Input/output error") != NULL);
        ck_assert(good || strncmp(m.text, path, strlen(path)) == 0);
        kept += !written;
        if (written && !good) {
            m = (struct message){ 0, "" };
            ck_assert(save_number(path, 1, 100, &m));
        }
    }
    ck_assert_uint_eq(k, strlen(called));
    ck_assert_uint_eq(kept, k - 3);
}
END_TEST
// Test the order of the calls
START_TEST(the_bytes_are_flushed_before_the_name_and_the_name_after)
{
    struct message m = { 0, "" };
    called[0] = '\0';
    left = SIZE_MAX;
    file_calls = bad_calls;
    bool good = save_number(folder_file("x.safetensors"), 1, 1, &m);
    file_calls = good_calls;
    ck_assert(good);
    ck_assert(strspn(called + 1, "w") > 1);
    ck_assert(called[0] == 'o');
    ck_assert_str_eq(called + 1 + strspn(called + 1, "w"), "fcrofc");
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
        ck_assert(!file_there(folder_file("x.safetensors.partial")));
        path = folder_file("x.safetensors");
    }
}
END_TEST

START_TEST(a_partial_file_of_an_earlier_day_is_used_up)
{
    struct message m = { 0, "" };
    FILE *old = fopen(folder_file("x.safetensors.partial"), "w");
    for (size_t i = 0; i < 10000; i++)
        putc('x', old);
    fclose(old);
    ck_assert(save_number(folder_file("x.safetensors"), 4, 100, &m));
    ck_assert_uint_eq(number_in(folder_file("x.safetensors")), 4);
    ck_assert(!partial_there());
}
END_TEST
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

START_TEST(a_folder_in_the_place_is_left_alone)
{
    struct message m = { 0, "" };
    ck_assert(mkdir(folder_file("x.safetensors"), 0777) == 0);
    ck_assert(!save_number(folder_file("x.safetensors"), 2, 1, &m));
    ck_assert_int_eq(m.status, EX_IOERR);
    ck_assert_ptr_nonnull(strstr(m.text, "put it in its place: Is a "));
    ck_assert(!partial_there());
    ck_assert(rmdir(folder_file("x.safetensors")) == 0);
}
END_TEST

START_TEST(an_abandoned_file_leaves_nothing)
{
    struct message m = { 0, "" };
    struct durable d;
    const char *path = folder_file("x.safetensors");
    ck_assert(durable_open(&d, path, &m));
    ck_assert(durable_write(&d, "abc", 3, &m));
    int handle = d.handle;
    ck_assert(partial_there());
    durable_abandon(&d);
    ck_assert(fcntl(handle, F_GETFD) < 0);
    ck_assert(!file_there(path));
    ck_assert(!partial_there());
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
        hits += partial_there();
        unlink(folder_file("x.safetensors.partial"));
        size_t found = number_in(path);
        ck_assert(found >= number);
        number = found;
    }
    ck_assert_uint_ge(hits, 50);
    ck_assert_uint_ge(number, 50);
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
    tcase_add_test(c, a_partial_file_of_an_earlier_day_is_used_up);
    tcase_add_loop_test(c,
        a_place_where_nothing_can_be_made_is_reported, 0, 2);
    tcase_add_test(c, a_folder_in_the_place_is_left_alone);
    tcase_add_test(c, an_abandoned_file_leaves_nothing);

    c = tcase_create("kills");
    suite_add_tcase(s, c);
    tcase_set_tags(c, "slow");
    tcase_add_checked_fixture(c, folder_make, folder_remove);
    tcase_add_checked_fixture(c, calls_of_the_system, NULL);
    tcase_add_test(c, two_hundred_kills_cost_no_checkpoint);
    return s;
}
