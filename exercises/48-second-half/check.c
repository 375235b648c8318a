#include "support/lab_kernels.h"
#include "ground/bf16.h"
#include "layers/norm.h"
#include "support/fill.h"
#include "support/lab_banks.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { N = 4, ROW = 24, TOKENS = 40, WIDTH = 160,
       ONE = TOKENS * WIDTH, ALL = N * ONE };
/* as the device has them: bf16, in words */
static bf16 stream[ALL], answer[ONE];
static real next[ALL / 2], input[ONE / 2], normed[ONE / 2];
static real left[TOKENS * ROW], phi[ROW * N * WIDTH], alpha[3],
    bias[ROW], gain[WIDTH], row[TOKENS * ROW], inverse_rms[TOKENS];
/* and as numbers */
static real x[ALL], y[ONE], next_of[ALL], input_of[ONE], normed_of[ONE],
    exact[ALL], want[ALL];

// What a boundary is given
static void sixteen(bf16 *kept, real *of, size_t count, uint64_t seed)
{
    fill_normal(of, count, seed, 1);
    bf16_store(kept, of, count);
    bf16_load(of, kept, count);
}

static void numbers_of(real *to, const real *words, size_t count)
{
    static bf16 kept[ALL];
    memcpy(kept, words, count * sizeof *kept);
    bf16_load(to, kept, count);
}

static void inputs(size_t tokens, size_t width)
{
    static uint64_t seed;
    sixteen(stream, x, tokens * N * width, ++seed);
    sixteen(answer, y, tokens * width, ++seed);
    fill_normal(left, tokens * ROW, ++seed, 0.6);
    fill_normal(phi, ROW * N * width, ++seed,
                1 / sqrt((double)(N * width)));
    fill_normal(bias, ROW, ++seed, 1);
    fill_normal(gain, width, ++seed, 1);
    for (size_t k = 0; k < 3; k++)
        alpha[k] = (real)(0.6 + 0.7 * (double)k);
    lab_input("stream", stream, tokens * N * width * sizeof *stream);
    lab_input("answer", answer, tokens * width * sizeof *answer);
    lab_input("left", left, tokens * ROW * sizeof *left);
    lab_input("phi", phi, ROW * N * width * sizeof *phi);
    lab_input("alpha", alpha, sizeof alpha);
    lab_input("bias", bias, sizeof bias);
    lab_input("gain", gain, width * sizeof *gain);
}

// Mistakes in the second half of a boundary
enum mistake { NONE, ONE_WARP, ONE_STREAM, NO_TWO, FIRST_ALPHA,
               FIRST_TOKEN, BY_POST, UNROUNDED, ALL_STREAMS, NO_GAIN,
               MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "a row from the shares of warp 0 alone",
    "a root of one stream's mean, not of all four",
    "writing weights without the 2",
    "alpha[0] for all",
    "numbers read by the gates of the tile's first token",
    "numbers read by the writing weights",
    "squares of what was not rounded",
    "a mean over four times the width",
    "a norm without the gain" };

/* want = got where got is exact, rounded; or else exact, rounded */
static void settle(const real *got, double scale, size_t i)
{
    double e = (double)exact[i], far = fabs((double)got[i] - e);
    want[i] = far <= fabs(e) / 256 + 2e-5 * scale
        ? got[i] : (real)bf16_widen(bf16_round((float)e));
}

static void find_next(size_t tokens, size_t C)
{
    for (size_t k = 0; k < tokens * N * C; k++) {
        size_t t = k / C / N, i = k / C % N, c = k % C;
        const real *gates = left + t * ROW + N;
        double sum = (double)(gates[i] * y[t * C + c]);
        for (size_t j = 0; j < N; j++)
            sum += (double)(gates[N + i * N + j]
                            * x[(t * N + j) * C + c]);
        exact[k] = (real)sum;
        settle(next_of, 1, k);
    }
}

static void find_rows(size_t tokens, size_t C, enum mistake mistake)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t e = 0; e < ROW; e++) {
            double sum = 0, square = 0;
            for (size_t k = 0; k < N * C; k++) {
                double v = (double)next_of[t * N * C + k];
                if (mistake == ONE_WARP && k % C / 8 % 16 >= 4)
                    continue;
                sum += v * (double)phi[e * N * C + k];
                square += v * v;
            }
            square /= (double)(mistake == ONE_STREAM ? C : N * C);
            size_t which = e / N < 2 ? e / N : 2;
            double a = (double)alpha[mistake == FIRST_ALPHA ? 0
                                                            : which];
            double logit = a * sum / sqrt(square + NORM_EPSILON)
                         + (double)bias[e];
            double two = which == 1 && mistake != NO_TWO ? 2 : 1;
            want[t * ROW + e] = (real)(which == 2 ? logit
                                       : two / (1 + exp(-logit)));
        }
}

static void find_input(size_t tokens, size_t C, enum mistake mistake)
{
    for (size_t k = 0; k < tokens * C; k++) {
        size_t t = k / C, c = k % C;
        const real *pre = row
            + (mistake == FIRST_TOKEN ? t / 16 * 16 : t) * ROW
            + (mistake == BY_POST ? N : 0);
        double sum = 0;
        for (size_t j = 0; j < N; j++)
            sum += (double)pre[j]
                 * (double)next_of[(t * N + j) * C + c];
        exact[k] = (real)sum;
        settle(input_of, 1, k);
    }
}

static void find_roots(size_t tokens, size_t C, enum mistake mistake)
{
    const real *of = mistake == UNROUNDED ? exact : input_of;
    size_t many = mistake == ALL_STREAMS ? N * C : C;
    find_input(tokens, C, NONE);
    for (size_t t = 0; t < tokens; t++) {
        double square = 0;
        for (size_t c = 0; c < C; c++)
            square += (double)of[t * C + c] * (double)of[t * C + c];
        want[t] = (real)(1 / sqrt(square / (double)many
                                  + NORM_EPSILON));
    }
}

static void find_normed(size_t tokens, size_t C, enum mistake mistake)
{
    for (size_t k = 0; k < tokens * C; k++) {
        double g = mistake == NO_GAIN ? 1 : (double)gain[k % C];
        exact[k] = (real)(g * (double)input_of[k]
                          * (double)inverse_rms[k / C]);
        settle(normed_of, 0.1, k);
    }
}

// Check the second half of a boundary
typedef void find(size_t tokens, size_t width, enum mistake mistake);

static bool right(const char *name, const char *what, const real *got,
                  find *of, enum mistake first, enum mistake last,
                  const size_t *shape, size_t rank, double tolerance)
{
    char text[120];
    snprintf(text, sizeof text, "%s, %s", name, what);
    of(shape[0], shape[rank], NONE);
    if (lab_compare(text, got, want, shape, rank, tolerance))
        return true;
    for (int m = (int)first; m <= (int)last; m++) {
        of(shape[0], shape[rank], (enum mistake)m);
        lab_mistake(saying[m], want);
    }
    return false;
}

static void compare(size_t tokens, size_t C, const size_t reads[3])
{
    const size_t streams[] = { tokens, N, C };
    const size_t rows[] = { tokens, ROW, C }, one[] = { tokens, C, C };
    char what[80];
    snprintf(what, sizeof what, "%zu tokens of %zu", tokens, C);
    numbers_of(next_of, next, tokens * N * C);
    numbers_of(input_of, input, tokens * C);
    numbers_of(normed_of, normed, tokens * C);
    find_next(tokens, C);
    lab_axes("tic");
    if (!lab_compare("next", next_of, want, streams, 3, 1e-6))
        return;
    lab_axes("te");
    if (!right("row", what, row, find_rows, ONE_WARP, FIRST_ALPHA,
               rows, 2, 1e-5))
        return;
    lab_axes("tc");
    if (!right("input", what, input_of, find_input, FIRST_TOKEN,
               BY_POST, one, 2, 1e-6))
        return;
    lab_axes("t");
    if (!right("inverse_rms", what, inverse_rms, find_roots, UNROUNDED,
               ALL_STREAMS, one, 1, 1e-5))
        return;
    lab_axes("tc");
    if (!right("normed", what, normed_of, find_normed, NO_GAIN, NO_GAIN,
               one, 2, 1e-6))
        return;
    lab_true("stream and answer are fetched once",
             reads[0] <= 1 && reads[1] <= 1, "numbers of stream are "
             "fetched %zu times, of answer %zu times", reads[0],
             reads[1]);
    lab_true("next is not fetched", reads[2] == 0, "numbers of next "
             "are fetched from memory: X' is in the tile");
}

static void check(size_t tokens, size_t C, const char *order)
{
    const size_t one = tokens * C / 2;
    size_t reads[3] = { 0 };
    inputs(tokens, C);
    lab_unset(next, N * one);
    lab_unset(input, one);
    lab_unset(normed, one);
    lab_unset(row, tokens * ROW);
    lab_unset(inverse_rms, tokens);
    lab_output(reads, sizeof reads);
    lab_gpu_call(order,
        float *of_x = lab_gpu((const void *)stream, N * one);
        float *of_y = lab_gpu((const void *)answer, one);
        float *of_next = lab_gpu(next, N * one);
        struct passage p = {
            .next = (unsigned *)(void *)of_next,
            .input = (unsigned *)(void *)lab_gpu(input, one),
            .normed = (unsigned *)(void *)lab_gpu(normed, one),
            .row = lab_gpu(row, tokens * ROW),
            .inverse_rms = lab_gpu(inverse_rms, tokens),
            .stream = (const unsigned *)(void *)of_x,
            .answer = (const unsigned *)(void *)of_y,
            .left = lab_gpu(left, tokens * ROW),
            .phi = lab_gpu(phi, ROW * N * C),
            .alpha = lab_gpu(alpha, 3), .bias = lab_gpu(bias, ROW),
            .gain = lab_gpu(gain, C), .tokens = tokens, .width = C };
        lab_banks_begin();
        cross_by_tiles(p);
        reads[0] = lab_reads(of_x, N * one);
        reads[1] = lab_reads(of_y, one);
        reads[2] = lab_reads(of_next, N * one));
    if (tokens == 0)
        lab_true("no tokens", true, "it launches something");
    else
        compare(tokens, C, reads);
}

int main(void)
{
    lab_gpu_begin("Lab 48: the second half of a boundary");
    check(1, 8, "forward");
    check(16, 48, "forward");
    check(16, 48, "reverse");
    check(17, 160, "random:1");
    check(TOKENS, 40, "random:2");
    for (size_t k = 0; k < 3; k++) {
        char order[30];
        snprintf(order, sizeof order, "random:%zu", k + 3);
        check(lab_size(k, 2, TOKENS), 8 * lab_size(k + 10, 1, 12),
              order);
    }
    check(0, 16, "forward");
    return lab_end();
}
