#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include "checkpoint/durable.h"
#include "journal/journal.h"
#include "journal/log.h"

// Join a folder and a file
bool journal_path(char path[PATH_ROOM], const struct journal *j,
                  const char *file, struct message *m)
{
    int n = snprintf(path, PATH_ROOM, "%s/%s", j->folder, file);
    return n < PATH_ROOM
        || fail(m, EX_CANTCREAT, "%.80s...: the path is too long",
                j->folder);
}
// Find out where a folder is
static bool find_folder(struct journal *j, const char *name,
                        struct message *m)
{
    char here[PATH_ROOM], place[PATH_ROOM];
    struct stat s;
    errno = 0;
    if (!realpath(name, place) || stat(place, &s) != 0
        || !S_ISDIR(s.st_mode))
        return fail(m, EX_NOINPUT, "%.200s: %s", name,
                    errno == ENAMETOOLONG ? "the path is too long"
                    : "no such folder");
    size_t length = getcwd(here, sizeof here) ? strlen(here) : 0;
    bool below = length > 1 && strncmp(place, here, length) == 0
              && place[length] == '/';
    strcpy(j->folder, below ? place + length + 1 : place);
    return true;
}
// Lock a run folder
static bool clear_lock(FILE *lock)
{
    struct stat s;
    return fstat(fileno(lock), &s) == 0 && S_ISREG(s.st_mode)
        && s.st_nlink == 1 && ftruncate(fileno(lock), 0) == 0;
}

static void say_holder(FILE *lock)
{
    char host[256] = "", when[32];
    time_t now = time(NULL);
    gethostname(host, sizeof host - 1);
    strftime(when, sizeof when, "%F %T", localtime(&now));
    fprintf(lock, "process %ld on %s since %s\n", (long)getpid(), host,
            when);
    fflush(lock);
}

static bool take_lock(struct journal *j, struct message *m)
{
    char path[PATH_ROOM], holder[200] = "another process\n";
    if (!journal_path(path, j, "lock", m))
        return false;
    int handle = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                      0666);
    j->lock = handle < 0 ? NULL : fdopen(handle, "r+");
    if (!j->lock)
        return fail(m, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    if (flock(handle, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) {
        if (clear_lock(j->lock))
            say_holder(j->lock);
        return true;
    }
    if (fgets(holder, sizeof holder, j->lock) == NULL)
        strcpy(holder, "another process\n");
    holder[strcspn(holder, "\n")] = '\0';
    fclose(j->lock);
    j->lock = NULL;
    return fail(m, EX_TEMPFAIL, "%.200s: in use by %s", j->folder,
                holder);
}
// Open the two logs
static bool open_log(FILE **log, const struct journal *j,
                     const char *file, struct message *m)
{
    char path[PATH_ROOM];
    if (!journal_path(path, j, file, m))
        return false;
    *log = fopen(path, "a");
    return *log
        || fail(m, EX_CANTCREAT, "%s: %s", path, strerror(errno));
}

static bool open_logs(struct journal *j, struct message *m)
{
    return open_log(&j->log, j, "log.jsonl", m)
        && open_log(&j->timing, j, "timing.jsonl", m);
}
// Make a new run folder
static bool not_made(const char *folder, struct message *m)
{
    return fail(m, EX_CANTCREAT, "%s: cannot make this folder: %s",
                folder, strerror(errno));
}

static bool move_in(struct journal *j, const char *made,
                    struct message *m)
{
    *j = (struct journal){0};
    if (!find_folder(j, made, m)) {
        rmdir(made);                    /* j does not know it */
        return false;
    }
    if (take_lock(j, m) && open_logs(j, m))
        return true;
    if (m->status != EX_TEMPFAIL)       /* nobody else is in it */
        journal_discard(j);
    return false;
}

bool journal_make(struct journal *j, const char *folder,
                  struct message *m)
{
    return mkdir(folder, 0777) == 0 ? move_in(j, folder, m)
                                    : not_made(folder, m);
}

static void make_parents(const char *folder)
{
    char path[PATH_ROOM] = "";
    for (size_t i = 0; folder[i] && i < PATH_ROOM - 1; i++) {
        if (i > 0 && folder[i] == '/')
            mkdir(path, 0777);
        path[i] = folder[i];
    }
}

bool journal_create(struct journal *j, const char *folder,
                    const char *name, struct message *m)
{
    make_parents(folder);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return not_made(folder, m);
    for (int k = 1; k <= 2000; k++) {
        char number[16] = "", path[PATH_ROOM];
        if (k > 1)
            snprintf(number, sizeof number, "-%d", k);
        if (snprintf(path, sizeof path, "%s/%s%s", folder, name, number)
            >= (int)sizeof path)
            break;
        if (mkdir(path, 0777) == 0)
            return move_in(j, path, m);
        if (errno != EEXIST)
            return not_made(path, m);
    }
    return fail(m, EX_CANTCREAT, "%s/%s: no name left for a new run",
                folder, name);
}
void journal_discard(struct journal *j)
{
    static const char *const file[] = { "latest.safetensors",
        "log.jsonl", "timing.jsonl", "lock" };
    char path[PATH_ROOM];
    struct message ignored = {0};
    for (size_t k = 0; k < sizeof file / sizeof *file; k++)
        if (journal_path(path, j, file[k], &ignored))
            unlink(path);
    rmdir(j->folder);
    journal_close(j, &ignored);
}
bool journal_point(const struct journal *j)
{
    char link[PATH_ROOM + 16], next[PATH_ROOM + 16];
    struct stat about;
    const char *slash = strrchr(j->folder, '/');
    const char *name = slash ? slash + 1 : j->folder;
    snprintf(link, sizeof link, "%.*slatest", (int)(name - j->folder),
             j->folder);
    snprintf(next, sizeof next, "%s/latest", j->folder);
    if (lstat(link, &about) == 0 && !S_ISLNK(about.st_mode))
        return false;
    if (symlink(name, next) != 0)
        return false;
    bool good = rename(next, link) == 0;
    if (!good)
        unlink(next);
    return good;
}
// Take a run folder that exists
bool journal_open(struct journal *j, const char *folder,
                  struct message *m)
{
    char path[PATH_ROOM];
    *j = (struct journal){0};
    if (!find_folder(j, folder, m)
        || !journal_path(path, j, "latest.safetensors", m))
        return false;
    if (access(path, F_OK) != 0)
        return fail(m, EX_NOINPUT, "%s: %s", path, strerror(errno));
    if (!take_lock(j, m))
        return false;
    // Sweep the run's folder
    struct stat about;
    durable_sweep(j->folder);
    if (journal_path(path, j, "latest", m) && lstat(path, &about) == 0
        && S_ISLNK(about.st_mode))
        unlink(path);
    return true;
}
// Cut a log off after a step
static bool cut_log(const struct journal *j, const char *file,
                    size_t step, struct message *m)
{
    struct log l;
    char path[PATH_ROOM];
    if (!journal_path(path, j, file, m))
        return false;
    if (access(path, F_OK) != 0)
        return true;
    if (!log_open(&l, path, m))
        return false;
    bool counts = false;
    while (log_next(&l, m) && l.step <= step)
        counts = true;
    if (!counts && !l.line && (l.bad > 0 || l.torn))
        fail(m, EX_DATAERR, "%s: this is no log; to go on, move it "
             "away", path);
    bool good = m->status == 0
        && (truncate(path, l.begin) == 0
            || fail(m, EX_IOERR, "%s: cannot be cut off: %s", path,
                    strerror(errno)));
    log_close(&l);
    return good;
}

bool journal_resume(struct journal *j, size_t step, struct message *m)
{
    return cut_log(j, "log.jsonl", step, m)
        && cut_log(j, "timing.jsonl", step, m) && open_logs(j, m);
}
// Write lines into the logs
static bool not_written(const struct journal *j, struct message *m)
{
    return fail(m, EX_IOERR, "%s: the log cannot be written: %s",
                j->folder, strerror(errno));
}

static bool flushed(const struct journal *j, FILE *f, struct message *m)
{
    return (fflush(f) == 0 && !ferror(f)) || not_written(j, m);
}

// Write the first line
static bool differs(const struct field *f,
                    const struct configuration *a,
                    const struct configuration *b)
{
    char had[64], has[64];
    field_get(a, f, had);
    field_get(b, f, has);
    return strcmp(had, has) != 0;
}

static void write_field(FILE *out, const struct field *f,
                        const struct configuration *c)
{
    char text[64];
    field_get(c, f, text);
    bool quoted = f->type == WORD || f->type == SWITCH;
    fprintf(out, quoted ? ",\"%s\":\"%s\"" : ",\"%s\":%s", f->name,
            text);
}

bool journal_begin(struct journal *j, const struct configuration *c,
                   const struct texts *texts, double unigram,
                   double bigram, struct message *m)
{
    fprintf(j->log, "{\"unigram\":%.9g,\"bigram\":%.9g", unigram,
            bigram);
    texts_write(j->log, texts);
    for (const struct field *f = configuration_fields; f->name; f++)
        write_field(j->log, f, c);
    fprintf(j->log, "}\n");
    return flushed(j, j->log, m);
}

bool journal_change(struct journal *j, size_t step,
                    const struct configuration *was,
                    const struct configuration *is,
                    const struct texts *texts, struct message *m)
{
    bool any = texts != NULL;
    for (const struct field *f = configuration_fields; f->name; f++)
        any = any || differs(f, was, is);
    if (!any)
        return true;
    fprintf(j->log, "{\"step\":%zu,\"event\":\"change\"", step);
    if (texts)
        texts_write(j->log, texts);
    for (const struct field *f = configuration_fields; f->name; f++)
        if (differs(f, was, is))
            write_field(j->log, f, is);
    fprintf(j->log, "}\n");
    return flushed(j, j->log, m);
}

bool journal_step(struct journal *j, size_t step, double loss,
                  double rate, double gradient_norm, double seconds,
                  size_t tokens, struct message *m)
{
    fprintf(j->log, "{\"step\":%zu,\"loss\":%.9g,\"rate\":%.9g,"
            "\"gradient_norm\":%.9g}\n", step, loss, rate,
            gradient_norm);
    fprintf(j->timing, "{\"step\":%zu,\"seconds\":%.6f,"
            "\"tokens_per_second\":%.0f}\n", step, seconds,
            (double)tokens / seconds);
    return flushed(j, j->log, m) && flushed(j, j->timing, m);
}

bool journal_held_out(struct journal *j, size_t step, double loss,
                      bool whole, struct message *m)
{
    fprintf(j->log, "{\"step\":%zu,\"%s\":%.9g}\n", step,
            whole ? "held_out_whole" : "held_out", loss);
    return flushed(j, j->log, m);
}

bool journal_close(struct journal *j, struct message *m)
{
    bool good = true;
    FILE *const log[] = { j->log, j->timing };
    for (int k = 0; k < 2; k++)
        if (log[k] && fclose(log[k]) != 0)
            good = not_written(j, m);
    if (j->lock) {
        clear_lock(j->lock);
        fclose(j->lock);
    }
    j->log = j->timing = j->lock = NULL;
    return good;
}
bool journal_keep(struct journal *j, struct message *m)
{
    return file_calls.fsync(fileno(j->log)) == 0 || errno == EINVAL
        || fail(m, EX_IOERR, "%s: the log cannot be flushed to the"
                " disk: %s", j->folder, strerror(errno));
}

bool journal_event(struct journal *j, size_t step, const char *event,
                   const struct figure *figures, struct message *m)
{
    fprintf(j->log, "{\"step\":%zu,\"event\":\"%s\"", step, event);
    for (const struct figure *f = figures; f->name; f++)
        if (f->value - f->value == 0)
            fprintf(j->log, ",\"%s\":%.9g", f->name, f->value);
        else
            fprintf(j->log, ",\"%s\":null", f->name);
    fprintf(j->log, "}\n");
    return flushed(j, j->log, m);
}

bool journal_precision(struct journal *j, size_t step, const char *name,
                       struct message *m)
{
    fprintf(j->log, "{\"step\":%zu,\"event\":\"precision\","
            "\"precision\":\"%s\"}\n", step, name);
    return flushed(j, j->log, m);
}

bool journal_range(struct journal *j, size_t step, const char *name,
                   const struct fp8_range *range, struct message *m)
{
    fprintf(j->log, "{\"step\":%zu,\"event\":\"range\","
            "\"tensor\":\"%s\",\"amax\":%.9g,\"zero\":%.6g,"
            "\"saturated\":%zu}\n", step, name, (double)range->amax,
            (double)range->vanished / (double)range->count,
            range->saturated);
    return flushed(j, j->log, m);
}
