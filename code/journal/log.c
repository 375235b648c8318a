#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "journal/log.h"

// Open a log
bool log_open(struct log *l, const char *run, struct message *m)
{
    struct stat s;
    *l = (struct log){0};
    bool folder = stat(run, &s) == 0 && S_ISDIR(s.st_mode);
    if (snprintf(l->path, sizeof l->path,
                 folder ? "%s/log.jsonl" : "%s", run)
        >= (int)sizeof l->path)
        return fail(m, EX_NOINPUT, "%.80s...: the path is too long",
                    run);
    int handle = open(l->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    l->in = handle < 0 ? NULL : fdopen(handle, "r");
    if (l->in) {
        fcntl(handle, F_SETFL, 0);
        return true;
    }
    fail(m, EX_NOINPUT, "%s: %s", l->path, strerror(errno));
    if (handle >= 0)
        close(handle);
    return false;
}
// Take in a line of a log
static bool take_in(struct log *l, size_t length, struct message *m)
{
    json_error_t error;
    l->line = json_loadb(l->text, length, 0, &error);
    if (!l->line && json_error_code(&error) == json_error_out_of_memory)
        return fail(m, EX_OSERR, "%s: no memory for line %zu", l->path,
                    l->number);
    json_t *step = json_object_get(l->line, "step");
    json_int_t at = json_integer_value(step);
    if (json_is_object(l->line)
        && (!step || (json_is_integer(step) && at >= 0))) {
        l->step = (size_t)at;
        if (json_object_get(l->line, "loss"))
            log_expect(l, l->step);
        return true;
    }
    if (l->bad++ == 0)
        l->first_bad = l->number;
    json_decref(l->line);
    l->line = NULL;
    return false;
}

void log_expect(struct log *l, size_t step)
{
    if (l->begun && step != l->last + 1 && l->holes++ == 0) {
        l->before = l->last;
        l->after = step;
    }
    l->begun = true;
    l->last = step;
}

bool log_number(double *x, const struct log *l, const char *name)
{
    const json_t *value = json_object_get(l->line, name);
    if (!json_is_number(value))
        return false;
    *x = json_number_value(value);
    return true;
}
// Read the next line of a log
bool log_next(struct log *l, struct message *m)
{
    ssize_t length;
    json_decref(l->line);
    l->line = NULL;
    l->begin = l->end;
    while ((length = getline(&l->text, &l->room, l->in)) >= 0) {
        l->torn = l->text[length - 1] != '\n';
        if (l->torn)
            return false;
        l->number++;
        l->end += length;
        if (take_in(l, (size_t)length - 1, m))
            return true;
        if (m->status)
            return false;
    }
    return feof(l->in) ? false
        : fail(m, EX_IOERR, "%s: %s", l->path, strerror(errno));
}
// Say what is wrong with a log
void log_warnings(char text[LOG_WARNINGS], const struct log *l)
{
    char bad[400] = "", torn[300] = "", hole[400] = "";
    if (l->bad > 0)
        snprintf(bad, sizeof bad, "%.200s:%zu: this is no line of a"
                 " log and was left out%s\n", l->path, l->first_bad,
                 l->bad > 1 ? ", like others after it" : "");
    if (l->torn)
        snprintf(torn, sizeof torn, "%.200s: its last line is torn and"
                 " was left out\n", l->path);
    if (l->holes > 0 && l->after > l->before + 1)
        snprintf(hole, sizeof hole, "%.200s: there are no steps from"
                 " %zu to %zu\n", l->path, l->before + 1, l->after - 1);
    else if (l->holes > 0)
        snprintf(hole, sizeof hole, "%.200s: after step %zu comes step"
                 " %zu again\n", l->path, l->before, l->after);
    snprintf(text, LOG_WARNINGS, "%s%s%s", bad, torn, hole);
}

void log_close(struct log *l)
{
    json_decref(l->line);
    free(l->text);
    if (l->in)
        fclose(l->in);
    *l = (struct log){0};
}
