#include "boundary/mixing.h"
#include "layers/norm.h"

enum { LAST = 1 };
#define STEP K
#define FROM next
#define BY reached

// Cross, in a lab
void mixing_cross(const struct crossing *s)
{
    const struct layout *l = s->layout;
    size_t n = l->streams, C = l->width, K = layout_row(l);
    for (size_t t = 0; t + LAST <= s->tokens; t += 16) {
        size_t rest = s->tokens - t, count = rest < 16 ? rest : 16;
        size_t all = t * n * C, row = t * STEP;
        mixing_write(s->next + all, s->stream + all, s->answer + t * C,
                     s->left + row, l, count);
        mixing_coefficients(s->reached + row, s->FROM + all, s->phi,
                            s->alpha, s->bias, l, count);
        mixing_read(s->input + t * C, s->next + all, s->BY + row, l,
                    count);
        norm_forward(s->normed + t * C, s->inverse_rms + t,
                     s->input + t * C, s->gain, count, C);
    }
    (void)K;
}
