#ifndef PROGRESS_H
#define PROGRESS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct progress {
    FILE *out;
    bool terminal, bold;
    size_t steps, first;        /* the last step; where we began */
    double mean, held_out;      /* nats a token; 0: not known yet */
    double seconds;             /* since we began */
};
/* Looks at out: a terminal? colours wanted (NO_COLOR, TERM)? */
struct progress progress_begin(FILE *out, size_t first, size_t steps);
void progress_step(struct progress *p, size_t step, double loss,
                   double seconds, size_t tokens);
void progress_held_out(struct progress *p, double loss);
/* Ends the line, so that other things may be printed. */
void progress_end(struct progress *p);
/* "2:05", "1:02:03"; text has room for 32 bytes */
void progress_time(char *text, double seconds);
#endif
