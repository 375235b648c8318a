/* expect: of 3 tiles in their turn */
#include "boundary/mixing.h"
#include "layers/norm.h"

void mixing_cross(const struct crossing *s)
{
    const struct layout *l = s->layout;
    size_t n = l->streams, C = l->width, K = layout_row(l);
    for (size_t t = 0; t < s->tokens; t += 16) {
        size_t rest = s->tokens - t, count = rest < 16 ? rest : 16;
        size_t all = t * n * C;
        mixing_write(s->next + all, s->stream + all, s->answer + t * C,
                     s->left + t * K, l, count);
        mixing_coefficients(s->reached + t * K, s->next + all, s->phi,
                            s->alpha, s->bias, l, count);
    }
    mixing_read(s->input, s->next, s->reached, l, s->tokens);
    norm_forward(s->normed, s->inverse_rms, s->input, s->gain,
                 s->tokens, C);
}
