#ifndef COUNTS_H
#define COUNTS_H
#include "corpus/corpus.h"

/* Nats a byte that tables of counts pay for held_out, first byte
   excepted. order 1: counts of bytes; 2: of pairs; 3: of triples. */
bool counts_loss(double *nats, struct text held_out,
                 struct text training, size_t order,
                 struct message *m);

#define COUNTS_MOST_ORDER 3
#define COUNTS_SMOOTHING 16.0       /* kappa, in bytes */
#include "ground/language.h"

LANGUAGE_C_BEGIN
LANGUAGE_C_END
#endif
