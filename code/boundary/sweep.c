#include "ground/slices.h"
#include "boundary/mixing.h"
#include "layers/norm.h"
#include "ground/reduction.h"
#include <assert.h>

// Sixteen numbers at once
#define INLINE static inline __attribute__((always_inline))
typedef real lanes __attribute__((vector_size(LANES * sizeof(real))));

INLINE void load(lanes *v, const real *x, size_t count)
{
    *v = (lanes){ 0 };
    memcpy(v, x, count * sizeof(real));
}

INLINE void store(real *x, const lanes *v, size_t count)
{
    memcpy(x, v, count * sizeof(real));
}

INLINE real total(const lanes *v)
{
    real part[LANES];
    memcpy(part, v, sizeof part);
    // Add the lanes in pairs
    for (size_t half = LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++)
            part[l] += part[l + half];
    return part[0];
}

// Pack the weights
enum { WIDE = 4, PIECE = WIDE * LANES };    /* channels */

/* phi [outputs][inputs] as [pieces][outputs][PIECE], padded with 0 */
static size_t packed_size(const struct layout *l)
{
    size_t inputs = layout_inputs(l);
    return (inputs + PIECE - 1) / PIECE * l->outputs * PIECE;
}

static void pack(real *packed, const real *phi, const struct layout *l)
{
    size_t inputs = layout_inputs(l), m = l->outputs;
    #pragma omp parallel for schedule(static)
    for (size_t c = 0; c < inputs; c += PIECE) {
        size_t count = inputs - c < PIECE ? inputs - c : PIECE;
        for (size_t k = 0; k < m; k++) {
            real *to = packed + c * m + k * PIECE;
            memset(to, 0, PIECE * sizeof(real));
            memcpy(to, phi + k * inputs + c, count * sizeof(real));
        }
    }
}

// Write a tile
INLINE void write_lanes(real *next, const real *x, const real *y,
                        const real *post, const real *res, size_t n,
                        size_t C, size_t count)
{
    lanes in[MIX_STREAMS], answer;
    load(&answer, y, count);
    for (size_t j = 0; j < n; j++)
        load(&in[j], x + j * C, count);
    for (size_t i = 0; i < n; i++) {
        lanes sum = res[i * n] * in[0];
        for (size_t j = 1; j < n; j++)
            sum += res[i * n + j] * in[j];
        sum += post[i] * answer;
        store(next + i * C, &sum, count);
    }
}

INLINE void write_tile(const struct crossing *s, size_t first,
                       size_t tokens, size_t n)
{
    size_t C = s->layout->width, K = layout_row(s->layout);
    for (size_t t = first; t < first + tokens; t++) {
        const real *x = s->stream + t * n * C, *y = s->answer + t * C;
        const real *post = s->left + t * K + n, *res = post + n;
        real *next = s->next + t * n * C;
        size_t c = 0;
        for (; c + LANES <= C; c += LANES)
            write_lanes(next + c, x + c, y + c, post, res, n, C, LANES);
        if (c < C)
            write_lanes(next + c, x + c, y + c, post, res, n, C, C - c);
    }
}

// Project a tile
enum { ROWS = 4, COLUMNS = 6 };

INLINE void project_lanes(lanes sum[][COLUMNS], const real *x,
                          size_t stride, const real *phi, size_t rows,
                          size_t columns, size_t count)
{
    lanes in, weight;
    for (size_t k = 0; k < columns; k++) {
        load(&weight, phi + k * PIECE, LANES);
        for (size_t r = 0; r < rows; r++) {
            load(&in, x + r * stride, count);
            sum[r][k] += in * weight;
        }
    }
}

INLINE void project_block(real *raw, size_t K, const real *x,
                          size_t stride, const real *phi, size_t m,
                          size_t inputs, size_t rows, size_t columns)
{
    lanes sum[ROWS][COLUMNS];
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < columns; k++)
            sum[r][k] = (lanes){ 0 };
    // Add up the block's products
    size_t i = 0;
    for (; i + LANES <= inputs; i += LANES)
        project_lanes(sum, x + i, stride,
                      phi + i / PIECE * PIECE * m + i % PIECE, rows,
                      columns, LANES);
    if (i < inputs)
        project_lanes(sum, x + i, stride,
                      phi + i / PIECE * PIECE * m + i % PIECE, rows,
                      columns, inputs - i);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < columns; k++)
            raw[r * K + k] = total(&sum[r][k]);
}

INLINE void project_rows(real *raw, size_t K, const real *x,
                         size_t stride, const real *phi, size_t m,
                         size_t inputs, size_t rows)
{
    size_t k = 0;
    for (; k + COLUMNS <= m; k += COLUMNS)
        project_block(raw + k, K, x, stride, phi + k * PIECE, m, inputs,
                      rows, COLUMNS);
    for (; k < m; k++)
        project_block(raw + k, K, x, stride, phi + k * PIECE, m, inputs,
                      rows, 1);
}

static inline real square(struct operands o, size_t c)
{
    return o.a[c] * o.a[c];
}

static void project_tile(real *coefficients, const real *stream,
                         const real *phi, const struct layout *l,
                         size_t tokens)
{
    size_t inputs = layout_inputs(l), K = layout_row(l);
    size_t stride = l->streams * l->width, m = l->outputs;
    for (size_t p = 0; p < l->parts; p++) {
        const real *x = stream + p * inputs;
        real *raw = coefficients + layout_raw(l) + p * m;
        real *rms = coefficients + layout_rms(l) + p;
        // Project part p of all tokens
        size_t t = 0;
        for (; t + ROWS <= tokens; t += ROWS)
            project_rows(raw + t * K, K, x + t * stride, stride, phi, m, inputs,
                         ROWS);
        for (; t < tokens; t++)
            project_rows(raw + t * K, K, x + t * stride, stride, phi, m, inputs,
                         1);
        // Find the root mean squares of part p
        for (t = 0; t < tokens; t++) {
            struct operands o = { .a = x + t * stride };
            double mean = (double)sum_in_lanes(square, o, inputs)
                        / (double)inputs;
            rms[t * K] = (real)(1 / sqrt(mean + NORM_EPSILON));
        }
    }
}

// Read a tile
INLINE void read_lanes(real *input, const real *x, const real *pre,
                       size_t n, size_t C, size_t count)
{
    lanes in, sum;
    load(&in, x, count);
    sum = pre[0] * in;
    for (size_t i = 1; i < n; i++) {
        load(&in, x + i * C, count);
        sum += pre[i] * in;
    }
    store(input, &sum, count);
}

INLINE void read_tile(const struct crossing *s, size_t first,
                      size_t tokens, size_t n)
{
    size_t C = s->layout->width, K = layout_row(s->layout);
    for (size_t t = first; t < first + tokens; t++) {
        const real *x = s->next + t * n * C, *pre = s->reached + t * K;
        real *input = s->input + t * C;
        size_t c = 0;
        for (; c + LANES <= C; c += LANES)
            read_lanes(input + c, x + c, pre, n, C, LANES);
        if (c < C)
            read_lanes(input + c, x + c, pre, n, C, C - c);
    }
}

// Cross
enum { TILE = 16 };     /* tokens */

INLINE void cross_tile(const struct crossing *s, size_t first,
                       size_t tokens, size_t n)
{
    size_t C = s->layout->width, K = layout_row(s->layout);
    real *reached = s->reached + first * K;
    write_tile(s, first, tokens, n);
    project_tile(reached, s->next + first * n * C, s->work, s->layout,
                 tokens);
    mix_forward(reached, s->alpha, s->bias, s->layout, tokens);
    read_tile(s, first, tokens, n);
    norm_forward(s->normed + first * C, s->inverse_rms + first,
                 s->input + first * C, s->gain, tokens, C);
}

void mixing_cross(const struct crossing *s)
{
    size_t n = s->layout->streams;
    pack(s->work, s->phi, s->layout);
    #pragma omp parallel for schedule(dynamic)
    for (size_t first = 0; first < s->tokens; first += TILE) {
        size_t rest = s->tokens - first;
        size_t tokens = rest < TILE ? rest : TILE;
        if (n == 4)
            cross_tile(s, first, tokens, 4);
        else if (n == 2)
            cross_tile(s, first, tokens, 2);
        else
            cross_tile(s, first, tokens, n);
    }
}

// Read a tile, backward
INLINE void unread_lanes(lanes dpre[], real *dx, const real *dnext,
                         const real *dinput, const real *x,
                         const real *pre, size_t n, size_t C,
                         size_t count)
{
    lanes d, in, out;
    load(&d, dinput, count);
    for (size_t i = 0; i < n; i++) {
        load(&in, x + i * C, count);
        load(&out, dnext + i * C, count);
        dpre[i] += d * in;
        out += pre[i] * d;
        store(dx + i * C, &out, count);
    }
}

INLINE void unread_tile(const struct crossing *s,
                        const struct crossing_gradients *g,
                        size_t first, size_t tokens, size_t n)
{
    size_t C = s->layout->width, K = layout_row(s->layout);
    for (size_t t = first; t < first + tokens; t++) {
        size_t at = t * n * C, c = 0;
        real *dx = g->dstream + at;
        const real *dnext = g->dnext + at, *x = s->next + at;
        const real *d = g->danswer + t * C, *pre = s->reached + t * K;
        lanes dpre[MIX_STREAMS];
        for (size_t i = 0; i < n; i++)
            dpre[i] = (lanes){ 0 };
        for (; c + LANES <= C; c += LANES)
            unread_lanes(dpre, dx + c, dnext + c, d + c, x + c, pre, n,
                         C, LANES);
        if (c < C)
            unread_lanes(dpre, dx + c, dnext + c, d + c, x + c, pre, n,
                         C, C - c);
        for (size_t i = 0; i < n; i++)
            g->dreached[t * K + i] = total(&dpre[i]);
    }
}

// Project a tile, backward
// Gradients of the raw projections
static void raw_gradients(real *draw, real *along, const real *dreached,
                          const real *reached, size_t p,
                          const struct layout *l, size_t tokens)
{
    size_t K = layout_row(l), m = l->outputs;
    for (size_t t = 0; t < tokens; t++) {
        const real *raw = reached + t * K + layout_raw(l) + p * m;
        const real *dz = dreached + t * K + layout_raw(l) + p * m;
        real r = reached[t * K + layout_rms(l) + p], sum = 0;
        for (size_t k = 0; k < m; k++) {
            draw[t * m + k] = r * dz[k];
            sum += dz[k] * (r * raw[k]);
        }
        along[t] = sum * (r * r / (real)layout_inputs(l));
    }
}

// Project backward to the streams
INLINE void unproject_rows(real *out, const real *draw, const real *phi,
                           size_t m)
{
    lanes sum[ROWS][WIDE], weight;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t w = 0; w < WIDE; w++)
            sum[r][w] = (lanes){ 0 };
    for (size_t k = 0; k < m; k++)
        for (size_t w = 0; w < WIDE; w++) {
            load(&weight, phi + k * PIECE + w * LANES, LANES);
            for (size_t r = 0; r < ROWS; r++)
                sum[r][w] += draw[r * m + k] * weight;
        }
    for (size_t r = 0; r < ROWS; r++)
        for (size_t w = 0; w < WIDE; w++)
            store(out + r * PIECE + w * LANES, &sum[r][w], LANES);
}

// Project backward to the weights
INLINE void unproject_columns(real *dphi, const real *draw,
                              const real *in, size_t m, size_t tokens,
                              size_t columns)
{
    lanes sum[COLUMNS][WIDE], x;
    for (size_t k = 0; k < columns; k++)
        for (size_t w = 0; w < WIDE; w++)
            load(&sum[k][w], dphi + k * PIECE + w * LANES, LANES);
    for (size_t t = 0; t < tokens; t++)
        for (size_t w = 0; w < WIDE; w++) {
            load(&x, in + t * PIECE + w * LANES, LANES);
            for (size_t k = 0; k < columns; k++)
                sum[k][w] += draw[t * m + k] * x;
        }
    for (size_t k = 0; k < columns; k++)
        for (size_t w = 0; w < WIDE; w++)
            store(dphi + k * PIECE + w * LANES, &sum[k][w], LANES);
}

// Project a piece backward
static void unproject_piece(real *dphi, real *dx, const real *draw,
                            const real *along, const real *x,
                            const real *phi, const struct layout *l,
                            size_t tokens, size_t count)
{
    real in[TILE * PIECE], out[TILE * PIECE];
    size_t m = l->outputs, stride = l->streams * l->width, k = 0;
    memset(in, 0, sizeof in);
    for (size_t t = 0; t < tokens; t++)
        memcpy(in + t * PIECE, x + t * stride, count * sizeof(real));
    for (size_t t = 0; t < tokens; t += ROWS)
        unproject_rows(out + t * PIECE, draw + t * m, phi, m);
    for (; k + COLUMNS <= m; k += COLUMNS)
        unproject_columns(dphi + k * PIECE, draw + k, in, m, tokens,
                          COLUMNS);
    for (; k < m; k++)
        unproject_columns(dphi + k * PIECE, draw + k, in, m, tokens, 1);
    // Add the piece to the gradient of the streams
    for (size_t t = 0; t < tokens; t++)
        for (size_t c = 0; c < count; c++) {
            size_t at = t * PIECE + c;
            dx[t * stride + c] += out[at] - in[at] * along[t];
        }
}

static void unproject_tile(real *dphi, real *dx, const real *dreached,
                           const real *x, const real *reached,
                           const real *phi, const struct layout *l,
                           size_t tokens)
{
    size_t inputs = layout_inputs(l), m = l->outputs;
    real draw[TILE * MIX_OUTPUTS], along[TILE];
    memset(draw, 0, sizeof draw);
    for (size_t p = 0; p < l->parts; p++) {
        raw_gradients(draw, along, dreached, reached, p, l, tokens);
        for (size_t c = 0; c < inputs; c += PIECE) {
            size_t at = p * inputs + c, rest = inputs - c;
            unproject_piece(dphi + c * m, dx + at, draw, along, x + at,
                            phi + c * m, l, tokens,
                            rest < PIECE ? rest : PIECE);
        }
    }
}

// Write a tile, backward
INLINE void unwrite_lanes(lanes dpost[],
                          lanes dres[][MIX_STREAMS], real *dx,
                          real *dy, const real *x, const real *y,
                          const real *post, const real *res, size_t n,
                          size_t C, size_t count)
{
    lanes d[MIX_STREAMS], in, out;
    for (size_t i = 0; i < n; i++)
        load(&d[i], dx + i * C, count);
    load(&in, y, count);
    out = post[0] * d[0];
    for (size_t i = 1; i < n; i++)
        out += post[i] * d[i];
    store(dy, &out, count);
    for (size_t i = 0; i < n; i++)
        dpost[i] += d[i] * in;
    // Go back to the streams and their mix
    for (size_t j = 0; j < n; j++) {
        load(&in, x + j * C, count);
        for (size_t i = 0; i < n; i++)
            dres[j][i] += d[i] * in;
    }
    for (size_t j = 0; j < n; j++) {
        out = res[j] * d[0];
        for (size_t i = 1; i < n; i++)
            out += res[i * n + j] * d[i];
        store(dx + j * C, &out, count);
    }
}

INLINE void unwrite_tile(const struct crossing *s,
                         const struct crossing_gradients *g,
                         size_t first, size_t tokens, size_t n)
{
    size_t C = s->layout->width, K = layout_row(s->layout);
    for (size_t t = first; t < first + tokens; t++) {
        const real *x = s->stream + t * n * C, *y = s->answer + t * C;
        const real *post = s->left + t * K + n, *res = post + n;
        real *dx = g->dstream + t * n * C, *dy = g->danswer + t * C;
        lanes dpost[MIX_STREAMS];
        lanes dres[MIX_STREAMS][MIX_STREAMS];
        size_t c = 0;
        // Start the token's sums at zero
        for (size_t i = 0; i < n; i++) {
            dpost[i] = (lanes){ 0 };
            for (size_t j = 0; j < n; j++)
                dres[i][j] = (lanes){ 0 };
        }
        for (; c + LANES <= C; c += LANES)
            unwrite_lanes(dpost, dres, dx + c, dy + c, x + c, y + c,
                          post, res, n, C, LANES);
        if (c < C)
            unwrite_lanes(dpost, dres, dx + c, dy + c, x + c, y + c,
                          post, res, n, C, C - c);
        // Store the token's sums
        real *dleft = g->dleft + t * K + n;
        for (size_t i = 0; i < n; i++) {
            dleft[i] = total(&dpost[i]);
            for (size_t j = 0; j < n; j++)
                dleft[n + i * n + j] = total(&dres[j][i]);
        }
    }
}

// Cross, backward
enum { SWEEPS = 16 };   /* slices of the tokens */

// The sums of a slice
struct sums { real *phi, *gain, *bias, *alpha; };

static size_t size_of_sums(const struct layout *l)
{
    return MIX_SCALES + MIX_OUTPUTS + l->width + packed_size(l);
}

size_t mixing_cross_work(const struct layout *l)
{
    return packed_size(l) + SWEEPS * size_of_sums(l);
}

static struct sums sums_of(size_t i, real *work, const struct layout *l)
{
    real *at = work + packed_size(l) + i * size_of_sums(l);
    struct sums own = { .phi = at };
    own.gain = at + packed_size(l);
    own.bias = own.gain + l->width;
    own.alpha = own.bias + MIX_OUTPUTS;
    return own;
}

// Cross a tile, backward
INLINE void uncross_tile(const struct crossing *s,
                         const struct crossing_gradients *g,
                         const struct sums *own, size_t first,
                         size_t tokens, size_t n)
{
    const struct layout *l = s->layout;
    size_t C = l->width, K = layout_row(l);
    size_t row = first * C, all = n * row;
    real *dreached = g->dreached + first * K;
    const real *reached = s->reached + first * K;
    /* danswer holds dinput until unwrite_tile overwrites it. dstream
       is dnext + pre dinput after unread_tile, all of the gradient of
       next after unproject_tile, that of stream after unwrite_tile. */
    norm_backward(g->danswer + row, own->gain, g->dnormed + row,
                  s->input + row, s->inverse_rms + first, s->gain,
                  tokens, C, false);
    unread_tile(s, g, first, tokens, n);
    mix_backward(dreached, own->alpha, own->bias, reached, s->alpha,
                 s->bias, l, tokens);
    unproject_tile(own->phi, g->dstream + all, dreached, s->next + all,
                   reached, s->work, l, tokens);
    unwrite_tile(s, g, first, tokens, n);
}

void mixing_cross_backward(const struct crossing *s,
                           const struct crossing_gradients *g)
{
    const struct layout *l = s->layout;
    size_t n = l->streams;
    assert(l->outputs <= MIX_OUTPUTS
           && mix_biases(s->layout->mix, n) <= MIX_OUTPUTS);
    pack(s->work, s->phi, l);
    #pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < SWEEPS; i++) {
        struct slice slice = slice_of(i, SWEEPS, s->tokens);
        struct sums own = sums_of(i, s->work, l);
        memset(own.phi, 0, size_of_sums(l) * sizeof(real));
        // Go back over the tiles of a slice
        for (size_t t = slice.begin; t < slice.end; t += TILE) {
            size_t rest = slice.end - t;
            size_t tokens = rest < TILE ? rest : TILE;
            if (n == 4)
                uncross_tile(s, g, &own, t, tokens, 4);
            else if (n == 2)
                uncross_tile(s, g, &own, t, tokens, 2);
            else
                uncross_tile(s, g, &own, t, tokens, n);
        }
    }
    // Add up what the slices have
    for (size_t i = 0; i < SWEEPS; i++) {
        struct sums own = sums_of(i, s->work, l);
        for (size_t k = 0; k < mix_scales(s->layout->mix); k++)
            g->dalpha[k] += own.alpha[k];
        for (size_t k = 0; k < mix_biases(s->layout->mix, n); k++)
            g->dbias[k] += own.bias[k];
        for (size_t c = 0; c < l->width; c++)
            g->dgain[c] += own.gain[c];
    }
    // Unpack the gradient of the weights
    size_t inputs = layout_inputs(l), m = l->outputs;
    #pragma omp parallel for schedule(static)
    for (size_t first = 0; first < inputs; first += PIECE) {
        size_t rest = inputs - first, count = rest < PIECE ? rest : PIECE;
        for (size_t i = 0; i < SWEEPS; i++) {
            const real *own = sums_of(i, s->work, l).phi + first * m;
            for (size_t k = 0; k < m; k++)
                for (size_t c = 0; c < count; c++)
                    g->dphi[k * inputs + first + c] += own[k * PIECE + c];
        }
    }
}
