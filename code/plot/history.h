#ifndef HISTORY_H
#define HISTORY_H
#include "journal/log.h"

enum { MOST_POINTS = 2000 };
struct points {
    size_t count, room;
    double *x, *y;              /* step; nats a token */
    size_t seen, each;          /* points added; one of so many kept */
};
/* Adds a point. Only the first one needs memory. */
bool points_add(struct points *p, double x, double y,
                struct message *m);
void points_free(struct points *p);

/* What a run's log says. */
struct history {
    char path[4096];            /* fit to stand in a picture */
    double unigram, bigram;     /* nats a token; 0: not in the log */
    struct points loss;         /* its running mean */
    struct points held_out;
    char warnings[LOG_WARNINGS];
};
/* run: a run folder, or a log file. EX_DATAERR if no step is in it. On
   failure there is nothing to free. */
bool history_read(struct history *h, const char *run,
                  struct message *m);
/* what the log is called; the first thing to be known of a history */
void history_name(struct history *h, const char *run);
/* what the line says that was read last */
bool history_take(struct history *h, const struct log *l,
                  struct message *m);
bool history_loss(struct history *h, double step, double loss,
                  struct message *m);
void history_free(struct history *h);
#endif
