#include "boundary/lens.h"
#include "array/narrow.h"
#include <omp.h>

size_t lens_room(const struct layout *l)
{
    return TILE * (3 * l->streams + 4) * l->width;
}

/* some tokens of an array, which may not be there */
static void see(real *to, struct array from, size_t first,
                size_t tokens)
{
    if (from.at != NULL)
        widen(to, from, first * from.columns, tokens * from.columns);
}

static void store(struct array to, const real *from, size_t first,
                  size_t tokens)
{
    narrow(to, first * to.columns, from, tokens * to.columns);
}

/* arrays that stand one behind the other, and where the floats of a
   tile are */
struct crossing lens_widen(const struct crossing *s, size_t first,
                           size_t tokens)
{
    const struct layout *l = s->layout;
    size_t C = l->width, nC = l->streams * C, K = layout_row(l);
    real *room = s->lens->room
               + (size_t)omp_get_thread_num() * s->lens->each;
    struct crossing wide = *s;
    real *stream = room, *answer = room + 2 * TILE * nC;
    if (s->lens->next.at != NULL)
        see(stream, s->lens->stream, first, tokens);
    see(answer, s->lens->answer, first, tokens);
    wide.stream = stream;
    wide.answer = answer;
    wide.next = stream + TILE * nC;
    wide.input = answer + TILE * C;
    wide.normed = wide.input + TILE * C;
    wide.left += first * K;
    wide.reached += first * K;
    wide.inverse_rms += first;
    return wide;
}

void lens_narrow(const struct crossing *wide, size_t first,
                 size_t tokens)
{
    store(wide->lens->input, wide->input, first, tokens);
    store(wide->lens->normed, wide->normed, first, tokens);
}

struct crossing lens_widen_backward(struct crossing_gradients *wide,
                                    const struct crossing *s,
                                    const struct crossing_gradients *g,
                                    size_t first, size_t tokens)
{
    const struct lens *lens = s->lens;
    struct crossing all = lens_widen(s, first, tokens);
    size_t C = s->layout->width, K = layout_row(s->layout);
    real *dstream = all.normed + 2 * TILE * C;
    see(all.next, lens->next, first, tokens);
    see(all.input, lens->input, first, tokens);
    see(all.normed, lens->dnormed, first, tokens);
    see(dstream, lens->dnext, first, tokens);
    *wide = *g;
    wide->dnormed = all.normed;
    wide->danswer = all.normed + TILE * C;
    wide->dnext = wide->dstream = dstream;
    wide->dleft += first * K;
    wide->dreached += first * K;
    return all;
}

void lens_narrow_backward(const struct crossing *wide,
                          const struct crossing_gradients *g,
                          size_t first, size_t tokens)
{
    store(wide->lens->dstream, g->dstream, first, tokens);
    store(wide->lens->danswer, g->danswer, first, tokens);
}
