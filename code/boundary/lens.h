#ifndef LENS_H
#define LENS_H
#include "array/array.h"
#include "boundary/mixing.h"

/* What a crossing keeps in fewer bits, as in struct crossing and its
   gradients; tiles of floats for each thread */
struct lens {
    struct array stream, answer, next, input, normed;
    struct array dstream, danswer, dnext, dnormed;
    real *room;
    size_t each;                /* numbers a thread: lens_room */
};
LANGUAGE_C_BEGIN
size_t lens_room(const struct layout *l);
/* a crossing of these tokens alone, in this thread's floats; next,
   input and normed are to be made */
struct crossing lens_widen(const struct crossing *s, size_t first,
                           size_t tokens);
/* all but next */
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
