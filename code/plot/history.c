#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include "plot/history.h"

// Add a point
static bool add_point(struct points *p, double x, double y,
                      struct message *m)
{
    if (p->count == p->room) {
        size_t room = p->room ? 2 * p->room : 256;
        double *more_x = realloc(p->x, room * sizeof *more_x);
        if (more_x)
            p->x = more_x;
        double *more_y = realloc(p->y, room * sizeof *more_y);
        if (more_y)
            p->y = more_y;
        if (!more_x || !more_y)
            return fail(m, EX_OSERR, "out of memory for a log");
        p->room = room;
    }
    p->x[p->count] = x;
    p->y[p->count++] = y;
    return true;
}
// Take what a line says
static bool take_line(struct history *h, const json_t *line,
                      struct message *m)
{
    const json_t *step = json_object_get(line, "step");
    const json_t *loss = json_object_get(line, "loss");
    const json_t *held_out = json_object_get(line, "held_out");
    if (!step) {
        h->unigram = json_number_value(json_object_get(line,
                                                       "unigram"));
        h->bigram = json_number_value(json_object_get(line, "bigram"));
        return true;
    }
    double x = json_number_value(step);
    return (!loss || add_point(&h->loss, x, json_number_value(loss), m))
        && (!held_out || add_point(&h->held_out, x,
                                   json_number_value(held_out), m));
}
// Name a run after its folder
static void name_run(struct history *h, const char *run)
{
    if (!realpath(run, h->path))
        snprintf(h->path, sizeof h->path, "%s", run);
    json_t *text = json_string(h->path);
    for (char *c = h->path; *c; c++)
        if (strchr("<>&\"'", *c) || (unsigned char)*c < ' '
            || (!text && (unsigned char)*c > '~'))
            *c = '_';
    json_decref(text);
}
// Read a log
bool history_read(struct history *h, const char *run, struct message *m)
{
    *h = (struct history){0};
    char path[4096];
    struct stat s;
    bool folder = stat(run, &s) == 0 && S_ISDIR(s.st_mode);
    if (snprintf(path, sizeof path, folder ? "%s/log.jsonl" : "%s", run)
        >= (int)sizeof path)
        return fail(m, EX_NOINPUT, "%.80s...: the path is too long",
                    run);
    name_run(h, run);
    FILE *in = fopen(path, "r");
    if (!in)
        return fail(m, EX_NOINPUT, "%s: %s", path, strerror(errno));
    size_t number = 0;
    json_error_t error;
    bool good = true;
    for (json_t *line; good && (line = json_loadf(in,
             JSON_DISABLE_EOF_CHECK, &error)); json_decref(line)) {
        number++;
        good = take_line(h, line, m);
    }
    // Refuse a log that stops in the middle, or says nothing
    int c = good ? fgetc(in) : EOF;
    while (c == ' ' || c == '\n')
        c = fgetc(in);
    bool rest = c != EOF || strstr(error.text, "end of file") == NULL;
    if (good && (rest || number == 0))
        good = fail(m, EX_DATAERR, "%s: not a log: %s after line %zu", path,
                    error.text, number);
    if (good && h->loss.count == 0)
        good = fail(m, EX_DATAERR, "%s: no step is in this log yet", path);
    fclose(in);
    return good;
}

void history_free(struct history *h)
{
    free(h->loss.x);
    free(h->loss.y);
    free(h->held_out.x);
    free(h->held_out.y);
    *h = (struct history){0};
}
