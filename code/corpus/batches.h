#ifndef BATCHES_H
#define BATCHES_H
#include "corpus/corpus.h"
#include "ground/language.h"

LANGUAGE_C_BEGIN
/* Where a run is in its text: window number `index` of an epoch's
   order comes next. Two plain numbers, for a checkpoint to hold. */
struct position { size_t epoch, index; };

struct batches {
    struct text text;
    size_t context, windows;
    uint64_t seed;
    size_t epoch;           /* whose order this is */
    size_t *order;          /* [windows] */
};

// Functions of the batches
/* input[i] = byte[start + i], target[i] = the byte after it */
void window_cut(token *input, token *target, struct text t,
                size_t start, size_t context);
/* by how many bytes the tiling is shifted in this epoch */
size_t epoch_offset(const struct batches *b, size_t epoch);
/* a fair permutation of 0 .. windows-1, made of (seed, epoch) alone */
void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch);
/* text.size > context */
bool batches_open(struct batches *b, struct text text, size_t context,
                  uint64_t seed, struct message *m);
void batches_close(struct batches *b);
/* input, target [sequences][context]: the windows from position p on;
   returns the position after them. p.index < windows. */
struct position batches_fill(token *input, token *target,
                             struct batches *b, struct position p,
                             size_t sequences);
/* The held-out windows: number i of windows_of(size, context). */
struct window { size_t start, skip; /* positions not to be counted */ };
size_t windows_of(size_t size, size_t context);
struct window window_of(size_t size, size_t context, size_t i);
LANGUAGE_C_END
#endif
