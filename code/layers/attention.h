#ifndef ATTENTION_H
#define ATTENTION_H
#include "ground/real.h"

LANGUAGE_C_BEGIN
enum { ATTENTION_TILE = 64 };

// The shape of attention
/* Queries, keys and values lie side by side, one row a position:
   qkv [sequences][first + length][3][heads][head_size].
   Training: first = 0. Sampling: the rows before `first` are
   there already, and only the `length` rows from there ask. */
struct attention_shape {
    size_t sequences, first, length, heads, head_size;
    size_t tile;        /* queries a product; 0: ATTENTION_TILE */
    size_t lent;        /* reals of scratch; 0: what
                           attention_scratch asks for now */
};

// The functions of attention
/* reals of scratch for forward and backward, for as many threads
   as OpenMP may start now */
size_t attention_scratch(const struct attention_shape *s);

/* cosine, sine [positions][head_size/2] of the angles
   position * 10000^(-2i/head_size); in host memory */
void attention_rotation(real *cosine, real *sine,
                        size_t positions, size_t head_size);

/* rotary embedding, in place, of q and k in the rows that ask;
   channel i is paired with i + head_size/2 */
void attention_rotate(real *qkv, const real *cosine,
                      const real *sine,
                      const struct attention_shape *s);

/* the inverse rotation, which is the transpose: for gradients */
void attention_rotate_back(real *dqkv, const real *cosine,
                           const real *sine,
                           const struct attention_shape *s);

/* of a qkv whose q and k are rotated:
   out [sequences][length][heads*head_size],
   lse [sequences][length][heads]: logarithm of the softmax's sum */
void attention_forward(real *out, real *lse, const real *qkv,
                       const struct attention_shape *s,
                       real *scratch);

/* dqkv is overwritten, and still rotated; s->first is 0 */
void attention_backward(real *dqkv, const real *dout,
                        const real *out, const real *lse,
                        const real *qkv,
                        const struct attention_shape *s,
                        real *scratch);
LANGUAGE_C_END
#endif
