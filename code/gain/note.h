#ifndef NOTE_H
#define NOTE_H
#include "journal/journal.h"
#include "training/training.h"
/* writes the event "gain" into a run's log: composite gains over all
   depths and the streams' cosine at the exit, from as many held-out
   windows as are in a batch. Nothing for connections without a mix. */
bool gain_note(struct journal *j, struct trainer *t, struct message *m);
#endif
