#include "boundary/lens.h"
#include <omp.h>

size_t lens_room(const struct layout *l)
{
    return TILE * (3 * l->streams + 4) * l->width;
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
    if (s->lens->next != NULL)
        bf16_load(stream, s->lens->stream + first * nC, tokens * nC);
    bf16_load(answer, s->lens->answer + first * C, tokens * C);
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
    const struct lens *lens = wide->lens;
    size_t C = wide->layout->width, nC = wide->layout->streams * C;
    bf16_store(lens->next + first * nC, wide->next, tokens * nC);
    bf16_store(lens->input + first * C, wide->input, tokens * C);
    bf16_store(lens->normed + first * C, wide->normed, tokens * C);
}

struct crossing lens_widen_backward(struct crossing_gradients *wide,
                                    const struct crossing *s,
                                    const struct crossing_gradients *g,
                                    size_t first, size_t tokens)
{
    const struct lens *lens = s->lens;
    struct crossing all = lens_widen(s, first, tokens);
    size_t C = s->layout->width, nC = s->layout->streams * C;
    size_t K = layout_row(s->layout);
    real *dstream = all.normed + 2 * TILE * C;
    if (lens->next != NULL) {
        bf16_load(all.next, lens->next + first * nC, tokens * nC);
        bf16_load(all.input, lens->input + first * C, tokens * C);
    }
    bf16_load(all.normed, lens->dnormed + first * C, tokens * C);
    bf16_load(dstream, lens->dnext + first * nC, tokens * nC);
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
    const struct lens *lens = wide->lens;
    size_t C = wide->layout->width, nC = wide->layout->streams * C;
    bf16_store(lens->dstream + first * nC, g->dstream, tokens * nC);
    bf16_store(lens->danswer + first * C, g->danswer, tokens * C);
}
