#ifndef JOURNAL_H
#define JOURNAL_H
#include <stdio.h>
#include "configuration/configuration.h"

enum { PATH_ROOM = 4096 };

/* A run folder, open for writing. */
struct journal {
    char folder[PATH_ROOM];
    FILE *log, *timing;
    bool latest;                /* does the link point here? */
};
/* Makes folder/name, or folder/name-2, ...; and points folder/latest
   at it, unless that is no link. Status EX_CANTCREAT where no folder
   can be made. */
bool journal_create(struct journal *j, const char *folder,
                    const char *name, struct message *m);
/* Opens a run folder again and drops what its logs say of steps after
   `step`, which the run is about to take once more. */
bool journal_resume(struct journal *j, const char *folder, size_t step,
                    struct message *m);
/* folder/file; false and a message if that is too long */
bool journal_path(char path[PATH_ROOM], const struct journal *j,
                  const char *file, struct message *m);
/* First line: the configuration, the texts (held_out may be NULL), and
   what tables of single bytes and of pairs cost (nats a byte). */
bool journal_begin(struct journal *j, const struct configuration *c,
                   const char *data, const char *held_out,
                   double unigram, double bigram, struct message *m);
bool journal_step(struct journal *j, size_t step, double loss,
                  double rate, double gradient_norm, double seconds,
                  size_t tokens, struct message *m);
bool journal_held_out(struct journal *j, size_t step, double loss,
                      bool whole, struct message *m);
bool journal_close(struct journal *j, struct message *m);
// More lines of a log
/* {"step":S,"event":"EVENT","NAME":VALUE,...}; null where a value is
   not finite. The last name is NULL. */
struct figure { const char *name; double value; };
bool journal_event(struct journal *j, size_t step, const char *event,
                   const struct figure *figures, struct message *m);
#endif
