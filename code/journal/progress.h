#ifndef PROGRESS_H
#define PROGRESS_H
#include <stdio.h>
#include "model/configuration.h"

/* What each takes, in seconds. */
struct costs {
    double step;                /* the mean so far */
    double look, save;          /* the last one */
    double whole;               /* the evaluation at the end */
    size_t steps;               /* that have been measured */
};
void costs_step(struct costs *c, double seconds);
/* after `step` of a run that stops after step `last` */
double costs_left(const struct costs *costs,
                  const struct configuration *c, size_t step,
                  size_t last);

struct progress {
    FILE *out;
    bool terminal, bold;
    size_t steps;               /* the last step */
    double mean, held_out;      /* nats a token; 0: not known yet */
    double next;                /* when a line is due */
};
/* Looks at out: a terminal? colours wanted (NO_COLOR, TERM)? */
struct progress progress_begin(FILE *out, size_t steps);
/* speed: tokens a second; left, now: seconds */
void progress_step(struct progress *p, size_t step, double loss,
                   double speed, double left, double now);
/* how much of the held-out text has been read, 0 to 1 */
void progress_judge(struct progress *p, double share, double now);
void progress_held_out(struct progress *p, double loss);
/* Ends the line, so that other things may be printed. */
void progress_end(struct progress *p);
/* "2:05", "1:02:03"; text has room for 32 bytes */
void progress_time(char *text, double seconds);
#endif
