/* expect: of 3 tiles in their turn */
#include "boundary/mixing.h"
#include "layers/norm.h"

void mixing_cross(const struct crossing *s)
{
    const struct layout *l = s->layout;
    mixing_write(s->next, s->stream, s->answer, s->left, l, s->tokens);
    mixing_coefficients(s->reached, s->next, s->phi, s->alpha, s->bias,
                        l, s->tokens);
    mixing_read(s->input, s->next, s->reached, l, s->tokens);
    norm_forward(s->normed, s->inverse_rms, s->input, s->gain,
                 s->tokens, l->width);
}
