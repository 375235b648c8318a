#ifndef EXPERIMENT_H
#define EXPERIMENT_H
#include <stdio.h>
#include "corpus/corpus.h"
#include "experiment/plan.h"

/* What a run shows at an evaluation; means, medians and largest values
   are over the updates since the one before. */
struct observation {
    size_t step;
    double held_out, loss;          /* nats a byte */
    double norm, largest_norm;      /* of the gradient; norm: median */
    double forward, backward;       /* largest composite gains */
    double seconds;                 /* median, an update */
};
/* Trains, on one thread. Leaves folder/ARM-SEED.safetensors and then,
   whole, folder/ARM-SEED.csv. A loss or gradient that is not finite
   ends a run, but is no failure: its record ends there with a NaN. */
bool experiment_run(const struct planned *p,
                    const struct corpus *corpus, const char *folder,
                    struct message *m);
/* Is there a record of this very configuration? */
bool experiment_done(const struct planned *p, const char *folder);
/* Runs all that are not done, `jobs` processes at a time, and says on
   `progress` how far it is. */
bool experiment_all(const struct plan *plan,
                    const struct corpus *corpus, const char *folder,
                    size_t jobs, FILE *progress, struct message *m);
/* All records as one table. */
bool experiment_print(FILE *out, const struct plan *plan,
                      const char *folder, struct message *m);
#endif
