#ifndef RANGE_H
#define RANGE_H
#include "ground/blocks.h"
#include "journal/journal.h"
#include "training/training.h"

enum ranged { RANGED_STREAM, RANGED_NORMED, RANGED_ANSWER,
              RANGED_DSTREAM, RANGED_DANSWER, RANGED };
/* What E4M3, in blocks of 128 of a row, makes of each site's arrays in
   the trainer's last batch; `vanished`: all codes that are zero. */
struct ranges {
    size_t sites;
    struct fp8_range (*of)[RANGED];     /* [sites]; count 0: none */
    // What looking at ranges needs
    real *numbers;          /* of the largest array, on the host */
    fp8 *code;
    int8_t *exponent;
};
/* Takes a forward and a backward of its own, which leave the gradient
   of that batch; changes nothing else in the run. To be closed. */
bool ranges_measure(struct ranges *r, struct trainer *t,
                    struct message *m);
void ranges_close(struct ranges *r);
/* "sublayer.3.dstream", "exit.stream" */
void ranges_name(char name[48], const struct ranges *r, size_t site,
                 enum ranged what);
/* measures, and writes a line of the log for each */
bool ranges_note(struct journal *j, struct trainer *t,
                 struct message *m);
#endif
