#ifndef EMBEDDING_H
#define EMBEDDING_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* w, dw [vocabulary][width]; out, dout [tokens][width]; each id names
   a row of w */
/* out[t] = w[id[t]] */
void embedding_forward(real *out, const token *id, const real *w,
                       size_t tokens, size_t width);
/* dw[id[t]] += dout[t], in order of t */
void embedding_backward(real *dw, const real *dout, const token *id,
                        size_t tokens, size_t width);
LANGUAGE_C_END
#endif
