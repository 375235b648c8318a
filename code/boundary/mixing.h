#ifndef MIXING_H
#define MIXING_H
#include "mix/mix.h"
// Headers of the mixing
#include "boundary/past.h"

LANGUAGE_C_BEGIN
// What crosses a boundary
/* A boundary, from the site that is left to the one that is reached */
struct crossing {
    const struct layout *layout;
    size_t tokens;
    const real *phi, *alpha, *bias, *gain;  /* of the one reached */
    const real *stream, *answer;        /* [T][n][C], [T][C] */
    const real *left;                   /* [T][K], of the one left */
    real *next;                         /* [T][n][C] */
    real *reached;                      /* [T][K], of the one reached */
    real *input, *normed;               /* [T][C] */
    real *inverse_rms;                  /* [T] */
    real *work;                         /* mixing_work(layout) */
    // More of a crossing
    const struct lens *lens;            /* or NULL: boundary/lens.h */
    bool again;     /* on the way back stream, next, input are not there */
    struct past past;               /* what makes the stream */
};

struct crossing_gradients {
    real *dphi, *dalpha, *dbias, *dgain;    /* += */
    real *dstream, *danswer;            /* = */
    real *dleft;                        /* its post and res = */
    const real *dnext, *dnormed;
    real *dreached;                     /* its pre =; raw is used up */
};

// The operations on streams
/* stream [tokens][n][C]; vector, input, answer [tokens][C];
   coefficients [tokens][K]; phi [outputs][inputs] */
/* stream[t][i] = vector[t] */
void mixing_expand(real *stream, const real *vector,
                   const struct layout *l, size_t tokens);
/* dvector[t] = sum over i of dstream[t][i] */
void mixing_expand_backward(real *dvector, const real *dstream,
                            const struct layout *l, size_t tokens);
/* vector[t] = scale * sum over i of stream[t][i] */
void mixing_collapse(real *vector, const real *stream, real scale,
                     const struct layout *l, size_t tokens);
/* dstream[t][i] += scale * dvector[t] */
void mixing_collapse_backward(real *dstream, const real *dvector,
                              real scale, const struct layout *l,
                              size_t tokens);
// Coefficients from streams, and back
/* all of a row: raw[k] = sum x phi[k], inverse_rms, then the mix */
void mixing_coefficients(real *coefficients, const real *stream,
                         const real *phi, const real *alpha,
                         const real *bias, const struct layout *l,
                         size_t tokens);
/* dstream, dphi, dalpha, dbias += ; uses up the raw part of
   dcoefficients */
void mixing_coefficients_backward(
    real *dstream, real *dphi, real *dalpha, real *dbias,
    real *dcoefficients, real *work, const real *stream,
    const real *coefficients, const real *phi, const real *alpha,
    const real *bias, const struct layout *l, size_t tokens);
/* reals of work that the way back needs */
size_t mixing_work(const struct layout *l);
// The same for a tile of tokens
/* phi as it is stored, or packed: element i of row k is
   at[i / 64 * piece + k * row + i % 64] */
struct weights { const real *at; size_t row, piece; };
struct weights mixing_pack(real *packed, const real *phi,
                           const struct layout *l);
enum { TILE = 16 };     /* most tokens of a tile */
void mixing_coefficients_tile(real *coefficients, const real *stream,
                              struct weights phi, const real *alpha,
                              const real *bias, const struct layout *l,
                              size_t tokens);
enum { SWEEPS = 16 };   /* slices of the tokens */
/* what a slice has added up; phi is packed, gain [C] is for the norm
   that may follow */
struct partial_sums { real *phi, *gain, *bias, *alpha; };
/* the sums of slice i, cleared; they stand in work, behind phi */
struct partial_sums mixing_sums(size_t i, real *work,
                                const struct layout *l);
/* dstream, own += */
void mixing_coefficients_tile_backward(
    real *dstream, const struct partial_sums *own, real *dcoefficients,
    const real *stream, const real *coefficients, struct weights packed,
    const real *alpha, const real *bias, const struct layout *l,
    size_t tokens);
/* what all slices have, in order, += ; dgain may be NULL */
void mixing_add_sums(real *dphi, real *dgain, real *dalpha, real *dbias,
                     real *work, const struct layout *l);
// Read and write, and back
/* input[t] = sum over i of pre[i] stream[t][i], i ascending */
void mixing_read(real *input, const real *stream,
                 const real *coefficients, const struct layout *l,
                 size_t tokens);
/* dstream += ; pre of dcoefficients = */
void mixing_read_backward(real *dstream, real *dcoefficients,
                          const real *dinput, const real *stream,
                          const real *coefficients,
                          const struct layout *l, size_t tokens);
/* next[t][i] = (sum over j of res[i][j] stream[t][j], j ascending)
   + post[i] answer[t] */
void mixing_write(real *next, const real *stream, const real *answer,
                  const real *coefficients, const struct layout *l,
                  size_t tokens);
/* dstream =, danswer =, post and res of dcoefficients = */
void mixing_write_backward(real *dstream, real *danswer,
                           real *dcoefficients, const real *dnext,
                           const real *stream, const real *answer,
                           const real *coefficients,
                           const struct layout *l, size_t tokens);
// Cross at once
/* write; coefficients, read and norm of the next site */
void mixing_cross(const struct crossing *s);
void mixing_cross_backward(const struct crossing *s,
                           const struct crossing_gradients *g);
/* reals of work, behind the rest, that the way back needs where
   streams are made again */
size_t mixing_again(const struct layout *l);
LANGUAGE_C_END
#endif
