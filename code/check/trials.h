#ifndef CHECK_TRIALS_H
#define CHECK_TRIALS_H
#include "reference/reference.h"

enum { TRIALS = 512, SAYING = 88 };
struct trial {
    char saying[SAYING];
    const char *where;          /* "", " (forward only)", ... */
    uint64_t forward, backward; /* mistakes */
    unsigned there, back;       /* numbers, as bits, that are ... */
    double value;               /* ... this */
    bool quiet;                 /* one of many values: not listed as */
    bool blind;                 /* what would not show in this file */
};
/* What is tried first; without gradients mistakes of the function. */
size_t trials_known(struct trial list[TRIALS], const struct settings *s,
                    bool gradients);
/* Every number of half steps, and one epsilon for each place, to be
   refined. */
size_t trials_scan(struct trial list[TRIALS], const struct settings *s,
                   bool gradients);
void trial_refine(struct trial *t, double epsilon);
/* does the released form not mind, since it begins with a softmax? */
bool trial_is_harmless(const struct trial *t, bool released);
/* the rules, with the trial made */
struct rules trial_rules(struct rules r, const struct trial *t);
#endif
