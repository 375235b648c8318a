#ifndef ONEDNN_H
#define ONEDNN_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* Products by oneDNN, on one thread, the same bits for any number */
/* Does oneDNN multiply bf16 faster than floats on this processor, or
   floats faster than OpenBLAS? Said by what it has, once. */
bool onednn_chosen(bool sixteen);
/* "oneDNN 2.6.3 (AMX)", or NULL if it is not chosen */
const char *onednn_library(bool sixteen);

/* c = op(a) op(b), or +=: op(a) [m][k], op(b) [k][n]; sums are floats.
   a and b are floats or bf16, c too. row: numbers from one row as it
   is stored to the next. */
struct onednn_shape {
    size_t m, n, k, row_a, row_b, row_c;
    bool transpose_a, transpose_b, sixteen, c_sixteen, add;
};
struct onednn;
/* ready to run until the next call of onednn_prepare by this thread;
   NULL: not on this processor */
const struct onednn *onednn_prepare(struct onednn_shape s);
/* bytes of scratch that a run needs */
size_t onednn_scratch(const struct onednn *p);
/* did it work? From any thread. */
bool onednn_run(const struct onednn *p, void *c, const void *a,
                const void *b, void *scratch);
/* a whole product, if it is large and this is the faster way */
bool onednn_multiply(struct onednn_shape s, void *c, const void *a,
                     const void *b);
LANGUAGE_C_END
#endif
