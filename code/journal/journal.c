#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
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
// Open the two logs
static bool open_logs(struct journal *j, struct message *m)
{
    char path[PATH_ROOM];
    if (!journal_path(path, j, "log.jsonl", m))
        return false;
    j->log = fopen(path, "a");
    if (!j->log)
        return fail(m, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    if (!journal_path(path, j, "timing.jsonl", m))
        return false;
    j->timing = fopen(path, "a");
    if (!j->timing)
        return fail(m, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    return true;
}
// Make a new run folder
static void make_parents(const char *folder)
{
    char path[PATH_ROOM] = "";
    for (size_t i = 0; folder[i] && i < PATH_ROOM - 1; i++) {
        if (i > 0 && folder[i] == '/')
            mkdir(path, 0777);
        path[i] = folder[i];
    }
}

// Point latest at the new folder
static bool point_latest(const char *folder, const char *run)
{
    char link[PATH_ROOM + 16], next[PATH_ROOM + 16];
    struct stat about;
    snprintf(link, sizeof link, "%s/latest", folder);
    snprintf(next, sizeof next, "%s/latest", run);
    if (lstat(link, &about) == 0 && !S_ISLNK(about.st_mode))
        return false;
    if (symlink(strrchr(run, '/') + 1, next) != 0)
        return false;
    bool good = rename(next, link) == 0;
    if (!good)
        unlink(next);
    return good;
}

bool journal_create(struct journal *j, const char *folder,
                    const char *name, struct message *m)
{
    *j = (struct journal){0};
    make_parents(folder);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return fail(m, EX_CANTCREAT, "%s: cannot make this folder: %s",
                    folder, strerror(errno));
    for (int k = 1; k <= 2000; k++) {
        char number[16] = "";
        if (k > 1)
            snprintf(number, sizeof number, "-%d", k);
        int n = snprintf(j->folder, sizeof j->folder, "%s/%s%s", folder,
                         name, number);
        if (n >= (int)sizeof j->folder)
            break;
        if (mkdir(j->folder, 0777) == 0) {
            j->latest = point_latest(folder, j->folder);
            return open_logs(j, m);
        }
        if (errno != EEXIST)
            return fail(m, EX_CANTCREAT, "%s: cannot make this folder:"
                        " %s", j->folder, strerror(errno));
    }
    return fail(m, EX_CANTCREAT, "%s/%s: no name left for a new run",
                folder, name);
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
    while (log_next(&l, m) && l.step <= step)
        ;
    bool good = m->status == 0
        && (truncate(path, l.begin) == 0
            || fail(m, EX_IOERR, "%s: cannot be cut off: %s", path,
                    strerror(errno)));
    log_close(&l);
    return good;
}
// Open a run folder again
bool journal_resume(struct journal *j, const char *folder, size_t step,
                    struct message *m)
{
    *j = (struct journal){0};
    if (snprintf(j->folder, sizeof j->folder, "%s", folder)
        >= (int)sizeof j->folder)
        return fail(m, EX_USAGE, "%.80s...: the path is too long",
                    folder);
    return cut_log(j, "log.jsonl", step, m)
        && cut_log(j, "timing.jsonl", step, m) && open_logs(j, m);
}
// Write lines into the logs
static bool flushed(const struct journal *j, FILE *f, struct message *m)
{
    if (fflush(f) == 0 && !ferror(f))
        return true;
    return fail(m, EX_IOERR, "%s: the log cannot be written: %s",
                j->folder, strerror(errno));
}

// Write the first line
static void write_text(FILE *out, const char *name, const char *text)
{
    json_t *string = text ? json_string(text) : NULL;
    char *escaped = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    fprintf(out, ",\"%s\":%s", name, escaped ? escaped : "null");
    free(escaped);
    json_decref(string);
}

bool journal_begin(struct journal *j, const struct configuration *c,
                   const char *data, const char *held_out,
                   double unigram, double bigram, struct message *m)
{
    fprintf(j->log, "{\"unigram\":%.9g,\"bigram\":%.9g", unigram,
            bigram);
    write_text(j->log, "data", data);
    write_text(j->log, "held_out", held_out);
    for (const struct field *f = configuration_fields; f->name; f++) {
        char text[64];
        configuration_get(c, f, text);
        bool quoted = f->type == WORD || f->type == SWITCH;
        fprintf(j->log, quoted ? ",\"%s\":\"%s\"" : ",\"%s\":%s",
                f->name, text);
    }
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
    if (j->log && fclose(j->log) != 0)
        good = fail(m, EX_IOERR, "%s: the log cannot be written: %s",
                    j->folder, strerror(errno));
    if (j->timing && fclose(j->timing) != 0)
        good = fail(m, EX_IOERR, "%s: the log cannot be written: %s",
                    j->folder, strerror(errno));
    j->log = j->timing = NULL;
    return good;
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
