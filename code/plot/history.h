#ifndef HISTORY_H
#define HISTORY_H
#include "ground/message.h"
#include "ground/real.h"

/* What a run's log says. */
struct points {
    size_t count, room;
    double *x, *y;              /* step; nats a token */
};
struct history {
    char path[4096];            /* fit to stand in a picture */
    double unigram, bigram;     /* nats a token; 0: not in the log */
    struct points loss, held_out;
};
/* run: a run folder, or a log file */
bool history_read(struct history *h, const char *run,
                  struct message *m);
void history_free(struct history *h);
#endif
