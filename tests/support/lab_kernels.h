#ifndef LAB_KERNELS_H
#define LAB_KERNELS_H
#include "ground/real.h"
LANGUAGE_C_BEGIN
/* All pointers but those said to be the host's are to the device's
   memory. No sizes, no launch; nothing waits for the device. */
// What CUDA labs define
/* lab 36: out = gain * x / rms(x), as norm_forward. x, out
   [rows][width]; gain [width]; inverse_rms [rows]; width >= 1 */
void rms_norm_by_warps(float *out, float *inverse_rms, const float *x,
                       const float *gain, size_t rows, size_t width);
/* lab 37: sums[r][c] = x[r][0] + ... + x[r][c]; [rows][width] */
void running_sums(float *sums, const float *x, size_t rows,
                  size_t width);
/* lab 38: the turns beyond the first that an access to shared memory
   takes; word[lanes] is the host's, lanes <= 32 */
unsigned bank_conflicts(const unsigned *word, unsigned lanes);
/* out[c][r] = x[r][c]; x [rows][columns] */
void transpose(float *out, const float *x, size_t rows,
               size_t columns);
/* lab 39: sums[c] = the sum over r of x[r][c]; x [rows][columns];
   partial [16][columns] = the sums of rows s, s + 16, s + 32 ... */
void column_sums(float *sums, float *partial, const float *x,
                 size_t rows, size_t columns);
/* lab 40: out = x / rms(x), row by row, by blocks of `threads`: a
   multiple of 32, up to 1024. x, out [rows][width]; no row is zero */
void normalise_by_blocks(float *out, const float *x, size_t rows,
                         size_t width, unsigned threads);
/* lab 41: sinkhorn_backward for n = 4; dlogits, dmatrix, logits
   [tokens][4][4]; 0 <= iterations <= 32 */
void sinkhorn_backward_warp(float *dlogits, const float *dmatrix,
                            const float *logits, size_t tokens,
                            int iterations);
/* lab 42: y[t][o] = the sum over i of x[t][i] w[o][i]. x [rows][inputs]
   and w [outputs][inputs] in bf16, two in a word, the first in its low
   half; rows and inputs multiples of 16, outputs of 8 */
void multiply_by_warps(float *y, const unsigned *x, const unsigned *w,
                       size_t rows, size_t outputs, size_t inputs);
/* lab 43: the host's and the device's. Where chunk `chunk`, 0 to 3, of
   row `row`, 0 to 63, of a tile stands: one of 0 to 255 */
unsigned chunk_place(unsigned row, unsigned chunk);
/* as multiply_by_warps; rows and outputs multiples of 64, inputs of
   32 */
void multiply_by_tiles(float *y, const unsigned *x, const unsigned *w,
                       size_t rows, size_t outputs, size_t inputs);
/* lab 44: dots[r] = the sum over c of x[r][c] * y[r][c]; dots [rows],
   x, y [rows][width] */
void dot_rows(float *dots, const float *x, const float *y, size_t rows,
              size_t width);
/* lab 45: mean[r] = the sum over k of p[r][k] value[k], lse[r] = log
   of the sum of exp(score[r][k]); p = softmax of score [rows][keys];
   value [keys]; mean, lse [rows]; scores may be -INFINITY, but not
   score[r][0] */
void online_means(float *mean, float *lse, const float *score,
                  const float *value, size_t rows, size_t keys);
/* lab 46: updates 1, 2, ... of Adam, number k with the gradients
   [k - 1][count], at a rate of 0.04 / (3 + k); weight, first, second
   [count]; number: memory for one */
void adam_recorded(float *weight, float *first, float *second,
                   float *number, const float *gradients, size_t count,
                   unsigned updates);
/* lab 48: a crossing of four streams but for the iterations. X' = res X
   + post y, and what is read from it; numbers in bf16, two in a word,
   the first in its low half; width a multiple of 8. A row: pre [4],
   post [4] and res [4][4], or its logits */
struct passage {
    unsigned *next;             /* X' [tokens][4][width] */
    unsigned *input, *normed;   /* [tokens][width] */
    float *row;                 /* [tokens][24], with logits */
    float *inverse_rms;         /* [tokens] */
    const unsigned *stream;     /* X [tokens][4][width] */
    const unsigned *answer;     /* y [tokens][width] */
    const float *left;          /* [tokens][24], with res */
    const float *phi;           /* [24][4][width] */
    const float *alpha, *bias;  /* [3], [24] */
    const float *gain;          /* [width] */
    size_t tokens, width;
};
void cross_by_tiles(struct passage p);
/* lab 49: the rows of four streams, and what is read by them. A row:
   pre [4], post [4], res [4][4]; 1 <= iterations <= 20; width >= 1 */
struct arrival {
    float *input;               /* [tokens][width] */
    float *rows;                /* [tokens][24] */
    float *when;                /* [tokens][width], read_channel's */
    float *clock;               /* [tiles] of 8 tokens, iterate's; 0 */
    const float *stream;        /* [tokens][4][width] */
    const float *z;             /* [tokens][24] */
    const float *alpha, *bias;  /* [3], [24] */
    size_t tokens, width;
    int iterations;
};
void arrive_off_path(struct arrival a);
LANGUAGE_C_END
#endif
