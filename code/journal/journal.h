#ifndef JOURNAL_H
#define JOURNAL_H
#include <stdio.h>
#include "model/configuration.h"
#include "journal/texts.h"
// Headers of a journal
#include "ground/blocks.h"

/* A run folder, open for writing; nobody else has it open. */
struct journal {
    char folder[PATH_ROOM];     /* without links; never moves */
    FILE *lock, *log, *timing;
};
/* Makes this folder, which must not exist; or folder/name, or
   folder/name-2, ... EX_CANTCREAT */
bool journal_make(struct journal *j, const char *folder,
                  struct message *m);
bool journal_create(struct journal *j, const char *folder,
                    const char *name, struct message *m);
/* Removes a new folder again, with the journal. */
void journal_discard(struct journal *j);
/* Points `latest`, beside the run's folder, at it, unless that is no
   link; does it now? */
bool journal_point(const struct journal *j);
/* Takes a run folder that exists. EX_NOINPUT if it has no checkpoint;
   EX_TEMPFAIL, and who has it, if another process does. */
bool journal_open(struct journal *j, const char *folder,
                  struct message *m);
/* Drops what the logs say of steps after `step`, which the run is about
   to take once more, and opens them. */
bool journal_resume(struct journal *j, size_t step, struct message *m);
/* folder/file; false and a message if that is too long */
bool journal_path(char path[PATH_ROOM], const struct journal *j,
                  const char *file, struct message *m);
/* First line: the configuration, the texts, and what tables of single
   bytes and of pairs cost (nats a byte). */
bool journal_begin(struct journal *j, const struct configuration *c,
                   const struct texts *texts, double unigram,
                   double bigram, struct message *m);
/* From `step` on this is different: fields, and the texts if they are
   not NULL. Nothing is written if nothing is. */
bool journal_change(struct journal *j, size_t step,
                    const struct configuration *was,
                    const struct configuration *is,
                    const struct texts *texts, struct message *m);
bool journal_step(struct journal *j, size_t step, double loss,
                  double rate, double gradient_norm, double seconds,
                  size_t tokens, struct message *m);
bool journal_held_out(struct journal *j, size_t step, double loss,
                      bool whole, struct message *m);
/* The log as it is now outlives a failure of the power. */
bool journal_keep(struct journal *j, struct message *m);
bool journal_close(struct journal *j, struct message *m);
// More lines of a log
/* {"step":S,"event":"EVENT","NAME":VALUE,...}; null where a value is
   not finite. The last name is NULL. */
struct figure { const char *name; double value; };
bool journal_event(struct journal *j, size_t step, const char *event,
                   const struct figure *figures, struct message *m);
/* {"step":S,"event":"precision","precision":"NAME"} */
bool journal_precision(struct journal *j, size_t step, const char *name,
                       struct message *m);
/* {"step":S,"event":"range","tensor":"NAME","amax":A,"zero":SHARE,
   "saturated":COUNT} */
bool journal_range(struct journal *j, size_t step, const char *name,
                   const struct fp8_range *range, struct message *m);
#endif
