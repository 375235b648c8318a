#ifndef LOG_H
#define LOG_H
#include <jansson.h>
#include <stdio.h>
#include "ground/message.h"

/* A run's log, read line by line. */
struct log {
    char path[4096];
    FILE *in;
    char *text;                 /* of the line */
    size_t room, number;        /* of text, bytes; of the line */
    json_t *line;               /* what it says; NULL at the end */
    size_t step;                /* its step; 0: it has none */
    off_t begin, end;           /* where it lies, bytes */
    size_t bad, first_bad;      /* how many; the first one's number */
    bool torn;                  /* was the last line not whole? */
    bool begun;                 /* has there been a step? */
    size_t last;                /* the last step with a loss */
    size_t holes, before, after;        /* how many; the first */
};
/* run: a run folder, or a log file. EX_NOINPUT */
bool log_open(struct log *l, const char *run, struct message *m);
/* The next line that counts. False at the end, where begin is the end
   of what counts; or with a message, EX_IOERR or EX_OSERR. */
bool log_next(struct log *l, struct message *m);
/* *x = the number of this name in the line; false if it has none */
bool log_number(double *x, const struct log *l, const char *name);
/* the next step with a loss should be this one; else that is a hole */
void log_expect(struct log *l, size_t step);
/* what is wrong with the log as far as it was read: a line each */
enum { LOG_WARNINGS = 1200 };
void log_warnings(char text[LOG_WARNINGS], const struct log *l);
void log_close(struct log *l);
#endif
