#include "support/lab_kernels.h"
#include "support/fill.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { N = 4, ENTRIES = N * N, ROW = 2 * N + ENTRIES, TILE = 8,
       TOKENS = 40, WIDTH = 130 };
static real stream[TOKENS * N * WIDTH], z[TOKENS * ROW], alpha[3],
    bias[ROW], input[TOKENS * WIDTH], when[TOKENS * WIDTH],
    rows[TOKENS * ROW], ticks[TOKENS], zeros[TOKENS],
    want[TOKENS * N * WIDTH];

// Mistakes beside the path
enum mistake { NONE, STALE, ONE_FEWER, ONE_MORE, FIRST_PAIR, NOT_AT_ALL,
               OTHER_TOKEN, BY_POST, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "iterations that begin with exp(z), without alpha and bias",
    "an iteration too few",
    "an iteration too many",
    "a matrix that is iterated for two tokens of a tile alone",
    "a matrix before the iterations",
    "numbers read by the weights of the tile's first token",
    "numbers read by the writing weights" };

static double line_sum(const double *x, size_t e, bool row)
{
    double sum = 0;
    for (size_t k = 0; k < N; k++)
        sum += row ? x[e / N * N + k] : x[k * N + e % N];
    return sum;
}

static void iterate(double x[ENTRIES], size_t iterations)
{
    for (size_t h = 0; h < 2 * iterations; h++) {
        double sum[ENTRIES];
        for (size_t e = 0; e < ENTRIES; e++)
            sum[e] = line_sum(x, e, h % 2 == 1);
        for (size_t e = 0; e < ENTRIES; e++)
            x[e] /= sum[e];
    }
}

static void find_rows(size_t tokens, size_t iterations,
                      enum mistake mistake)
{
    for (size_t t = 0; t < tokens; t++) {
        double x[ROW];
        for (size_t e = 0; e < ROW; e++) {
            double v = (double)z[t * ROW + e], logit = v
                * (double)alpha[e < 2 * N ? e / N : 2]
                + (double)bias[e];
            x[e] = e < N ? 1 / (1 + exp(-logit))
                 : e < 2 * N ? 2 / (1 + exp(-logit))
                 : exp(mistake == STALE ? v : logit);
        }
        size_t many = iterations + (mistake == ONE_MORE)
                                 - (mistake == ONE_FEWER);
        if (mistake == NOT_AT_ALL
            || (mistake == FIRST_PAIR && t % TILE > 1))
            many = 0;
        iterate(x + 2 * N, many);
        for (size_t e = 0; e < ROW; e++)
            want[t * ROW + e] = (real)x[e];
    }
}

static void find_input(size_t tokens, size_t width,
                       enum mistake mistake)
{
    for (size_t k = 0; k < tokens * width; k++) {
        size_t t = k / width, c = k % width;
        const real *pre = rows + (mistake == BY_POST ? N : 0)
            + (mistake == OTHER_TOKEN ? t / TILE * TILE : t) * ROW;
        double sum = 0;
        for (size_t j = 0; j < N; j++)
            sum += (double)pre[j]
                 * (double)stream[(t * N + j) * width + c];
        want[k] = (real)sum;
    }
}

// Check who waits for whom
/* of one tile */
static void who_waits(size_t tokens, size_t width, bool last_first)
{
    const double all = (double)ticks[0];
    size_t k = 0;
    if (!lab_true("iterations are counted", all > 0, "iterate was not "
                  "called"))
        return;
    while (k < tokens * width
           && (double)when[k] == (last_first ? all : 0))
        k++;
    const double at = k < tokens * width ? (double)when[k] : 0;
    if (last_first)
        lab_true("iterating does not wait for reading",
                 k == tokens * width, "warp 3 went first, and yet "
                 "input[t=%zu][c=%zu] was stored after %g of %g "
                 "iterations", k / width, k % width, at, all);
    else
        lab_true("reading does not wait for iterating",
                 k == tokens * width, "warps 0 to 2 went first, and "
                 "yet input[t=%zu][c=%zu] was stored after %g of %g "
                 "iterations", k / width, k % width, at, all);
}

// Check an arrival off the path
static void inputs(size_t tokens, size_t width)
{
    static uint64_t seed;
    fill_normal(stream, tokens * N * width, ++seed, 1);
    fill_normal(z, tokens * ROW, ++seed, 1);
    fill_normal(bias, ROW, ++seed, 1);
    for (size_t k = 0; k < 3; k++)
        alpha[k] = (real)(0.5 + 0.8 * (double)k);
    lab_input("stream", stream, tokens * N * width * sizeof *stream);
    lab_input("z", z, tokens * ROW * sizeof *z);
    lab_input("alpha", alpha, sizeof alpha);
    lab_input("bias", bias, sizeof bias);
}

static bool compare(size_t tokens, size_t width, size_t iterations)
{
    const size_t of_rows[] = { tokens, ROW };
    const size_t of_input[] = { tokens, width };
    char what[80];
    snprintf(what, sizeof what, "rows, %zu tokens, iterations: %zu",
             tokens, iterations);
    find_rows(tokens, iterations, NONE);
    lab_axes("te");
    if (!lab_compare(what, rows, want, of_rows, 2, 1e-5)) {
        for (int m = STALE; m <= NOT_AT_ALL; m++) {
            find_rows(tokens, iterations, (enum mistake)m);
            lab_mistake(saying[m], want);
        }
        return false;
    }
    snprintf(what, sizeof what, "input, %zu tokens of %zu", tokens,
             width);
    find_input(tokens, width, NONE);
    lab_axes("tc");
    if (lab_compare(what, input, want, of_input, 2, 1e-5))
        return true;
    for (int m = OTHER_TOKEN; m < MISTAKES; m++) {
        find_input(tokens, width, (enum mistake)m);
        lab_mistake(saying[m], want);
    }
    return false;
}

static void check(size_t tokens, size_t width, int iterations,
                  const char *order)
{
    const size_t all = tokens * width;
    const size_t tiles = (tokens + TILE - 1) / TILE;
    inputs(tokens, width);
    lab_unset(input, all);
    lab_unset(when, all);
    lab_unset(rows, tokens * ROW);
    lab_start(ticks, zeros, tiles);
    lab_gpu_call(order,
        struct arrival a = {
            .input = lab_gpu(input, all), .when = lab_gpu(when, all),
            .rows = lab_gpu(rows, tokens * ROW),
            .clock = lab_gpu(ticks, tiles),
            .stream = lab_gpu(stream, N * all),
            .z = lab_gpu(z, tokens * ROW),
            .alpha = lab_gpu(alpha, 3), .bias = lab_gpu(bias, ROW),
            .tokens = tokens, .width = width,
            .iterations = iterations };
        arrive_off_path(a));
    if (tokens == 0)
        lab_true("no tokens", true, "it launches something");
    else if (compare(tokens, width, (size_t)iterations)
             && tokens == TILE && order[0] != 'r')
        who_waits(tokens, width, false);
    else if (tokens == TILE && strcmp(order, "reverse") == 0)
        who_waits(tokens, width, true);
}

int main(void)
{
    lab_gpu_begin("Lab 49: Sinkhorn off the path");
    check(TILE, 40, 20, "forward");
    check(TILE, 40, 20, "reverse");
    check(1, 5, 1, "forward");
    check(3, 33, 2, "random:1");
    for (size_t k = 0; k < 4; k++) {
        char order[30];
        snprintf(order, sizeof order, "random:%zu", k + 2);
        check(lab_size(k, 2, TOKENS), lab_size(k + 10, 1, WIDTH),
              (int)lab_size(k + 20, 2, 20), order);
    }
    check(0, 8, 20, "forward");
    return lab_end();
}
