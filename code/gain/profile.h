#ifndef PROFILE_H
#define PROFILE_H
#include "gain/gain.h"
#include "training/training.h"

/* What the tokens that were looked at say of a site, on average. At the
   exit only the cosine counts. */
struct level {
    struct gain single;     /* of the mixing H_l */
    struct gain composite;  /* forward: of H_l .. H_0, from the start;
                               backward: of H_last .. H_l, to the end */
    double cosine;          /* mean over pairs of streams that arrive;
                               1 where there is one stream */
};
struct profile {
    size_t sublayers, streams, tokens;
    struct level *level;    /* [sublayers + 1] */
    // What watching needs
    size_t room, count;     /* tokens of a pass; those of them that count */
    real *row, *stream;     /* of one site, on the host */
    double *mixer;          /* [room][sublayers][n][n] */
    struct gain *composite; /* [sublayers] of one token */
};

/* room for one forward pass of this model */
bool profile_open(struct profile *p, const struct model *model,
                  struct message *m);
void profile_close(struct profile *p);
/* a watch that adds up what the first `count` tokens of each forward
   pass say; and, after the last, sums become means */
struct watch profile_watch(struct profile *p, size_t count);
void profile_finish(struct profile *p);
/* opens, looks at so many windows of the held-out text, spread evenly,
   and finishes; 0: all. Changes nothing in the run. Status 1 if the
   loss is not finite; if it fails, there is nothing to close. */
bool profile_measure(struct profile *p, struct trainer *t,
                     size_t windows, struct message *m);
/* over all depths: the largest and the least composite gain */
struct gain profile_extremes(const struct profile *p);
#endif
