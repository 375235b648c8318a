#ifndef LENS_H
#define LENS_H
#include "boundary/mixing.h"
#include "ground/bf16.h"

/* What a crossing keeps in sixteen bits, as in struct crossing and its
   gradients; tiles of floats for each thread */
struct lens {
    const bf16 *stream, *answer;
    bf16 *next, *input, *normed;
    bf16 *dstream, *danswer;
    const bf16 *dnext, *dnormed;
    real *room;
    size_t each;                /* numbers a thread: lens_room */
};
LANGUAGE_C_BEGIN
size_t lens_room(const struct layout *l);
/* a crossing of these tokens alone, in this thread's floats; next,
   input and normed are to be made */
struct crossing lens_widen(const struct crossing *s, size_t first,
                           size_t tokens);
void lens_narrow(const struct crossing *wide, size_t first,
                 size_t tokens);
/* the same for the way back */
struct crossing lens_widen_backward(struct crossing_gradients *wide,
                                    const struct crossing *s,
                                    const struct crossing_gradients *g,
                                    size_t first, size_t tokens);
void lens_narrow_backward(const struct crossing *wide,
                          const struct crossing_gradients *g,
                          size_t first, size_t tokens);
LANGUAGE_C_END
#endif
