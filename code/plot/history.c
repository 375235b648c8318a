#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "ground/memory.h"
#include "plot/history.h"

// Add a point
bool points_add(struct points *p, double x, double y, struct message *m)
{
    if (!p->x) {
        p->x = memory_new(2 * MOST_POINTS, sizeof *p->x, m);
        if (!p->x)
            return false;
        p->y = p->x + MOST_POINTS;
        p->room = MOST_POINTS;
        p->each = 1;
    }
    if (p->seen > 0 && (p->seen - 1) % p->each != 0)
        p->count--;
    if (p->count == p->room)
        // Keep every second point
        {
            p->count /= 2;
            p->each *= 2;
            for (size_t i = 0; i < p->count; i++) {
                p->x[i] = p->x[2 * i];
                p->y[i] = p->y[2 * i];
            }
        }
    p->x[p->count] = x;
    p->y[p->count++] = y;
    p->seen++;
    return true;
}

void points_free(struct points *p)
{
    memory_free(p->x);
    *p = (struct points){0};
}
// Take what a line says
bool history_loss(struct history *h, double step, double loss,
                  struct message *m)
{
    const struct points *p = &h->loss;
    double mean = p->count == 0 ? loss
                : .95 * p->y[p->count - 1] + .05 * loss;
    return points_add(&h->loss, step, mean, m);
}

bool history_take(struct history *h, const struct log *l,
                  struct message *m)
{
    double x = (double)l->step, y;
    log_number(&h->unigram, l, "unigram");
    log_number(&h->bigram, l, "bigram");
    return (!log_number(&y, l, "loss") || history_loss(h, x, y, m))
        && (!log_number(&y, l, "held_out")
            || points_add(&h->held_out, x, y, m));
}
// Name a run after its folder
void history_name(struct history *h, const char *run)
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
    struct log l;
    *h = (struct history){0};
    history_name(h, run);
    if (!log_open(&l, run, m))
        return false;
    while (log_next(&l, m) && history_take(h, &l, m))
        ;
    log_warnings(h->warnings, &l);
    if (h->loss.count == 0)
        fail(m, EX_DATAERR, "%s: %s", l.path, l.bad > 0
             ? "this is no log" : "no step is in this log yet");
    log_close(&l);
    if (m->status)
        history_free(h);
    return m->status == 0;
}

void history_free(struct history *h)
{
    points_free(&h->loss);
    points_free(&h->held_out);
    *h = (struct history){0};
}
