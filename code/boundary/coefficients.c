#include "boundary/mixing.h"
#include "ground/lanes.h"
#include "ground/slices.h"
#include "layers/norm.h"
#include <assert.h>

// Pack the weights
enum { WIDE = 4, PIECE = WIDE * LANES };    /* channels */

/* phi [outputs][inputs] as [pieces][outputs][PIECE], padded with 0 */
static size_t packed_size(const struct layout *l)
{
    size_t inputs = layout_inputs(l);
    return (inputs + PIECE - 1) / PIECE * l->outputs * PIECE;
}

struct weights mixing_pack(real *packed, const real *phi,
                           const struct layout *l)
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
    return (struct weights){ packed, PIECE, m * PIECE };
}

// Project a tile
enum { ROWS = REGISTERS == 1 ? 4 : 2,
       COLUMNS = REGISTERS == 1 ? 6 : 3 };

INLINE void project_lanes(lanes sum[][COLUMNS], const real *x,
                          size_t stride, const real *phi, size_t row,
                          size_t rows, size_t columns, size_t count)
{
    lanes in, weight;
    for (size_t k = 0; k < columns; k++) {
        load(&weight, phi + k * row, count);
        for (size_t r = 0; r < rows; r++) {
            load(&in, x + r * stride, count);
            add_product(&sum[r][k], &in, &weight);
        }
    }
}

INLINE const real *weights_at(struct weights phi, size_t i)
{
    return phi.at + i / PIECE * phi.piece + i % PIECE;
}

INLINE void project_block(real *raw, size_t K, const real *x,
                          size_t stride, struct weights phi,
                          size_t inputs, size_t rows, size_t columns)
{
    lanes sum[ROWS][COLUMNS];
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < columns; k++)
            sum[r][k] = (lanes){ 0 };
    // Add up the block's products
    size_t i = 0;
    for (; i + LANES <= inputs; i += LANES)
        project_lanes(sum, x + i, stride, weights_at(phi, i), phi.row,
                      rows, columns, LANES);
    if (i < inputs)
        project_lanes(sum, x + i, stride, weights_at(phi, i), phi.row,
                      rows, columns, inputs - i);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < columns; k++)
            raw[r * K + k] = total(&sum[r][k]);
}

INLINE void project_rows(real *raw, size_t K, const real *x,
                         size_t stride, struct weights phi, size_t m,
                         size_t inputs, size_t rows)
{
    size_t k = 0;
    for (; k + COLUMNS <= m; k += COLUMNS, phi.at += COLUMNS * phi.row)
        project_block(raw + k, K, x, stride, phi, inputs, rows,
                      COLUMNS);
    for (; k < m; k++, phi.at += phi.row)
        project_block(raw + k, K, x, stride, phi, inputs, rows, 1);
}

static inline real square(struct operands o, size_t c)
{
    return o.a[c] * o.a[c];
}

static void project_tile(real *coefficients, const real *stream,
                         struct weights phi, const struct layout *l,
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

// Coefficients, forward
void mixing_coefficients_tile(real *coefficients, const real *stream,
                              struct weights phi, const real *alpha,
                              const real *bias, const struct layout *l,
                              size_t tokens)
{
    project_tile(coefficients, stream, phi, l, tokens);
    mix_forward(coefficients, alpha, bias, l, tokens);
}

void mixing_coefficients(real *coefficients, const real *stream,
                         const real *phi, const real *alpha,
                         const real *bias, const struct layout *l,
                         size_t tokens)
{
    size_t K = layout_row(l), all = l->streams * l->width;
    struct weights stored = { phi, layout_inputs(l), PIECE };
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t += TILE)
        mixing_coefficients_tile(
            coefficients + t * K, stream + t * all, stored, alpha, bias,
            l, tokens - t < TILE ? tokens - t : TILE);
}

// Project a tile, backward
// Gradients of the raw projections
static void raw_gradients(real *draw, real *along,
                          const real *dcoefficients,
                          const real *coefficients, size_t p,
                          const struct layout *l, size_t tokens)
{
    size_t K = layout_row(l), m = l->outputs;
    size_t at = layout_raw(l) + p * m;
    for (size_t t = 0; t < tokens; t++, at += K) {
        const real *raw = coefficients + at, *dz = dcoefficients + at;
        real r = coefficients[t * K + layout_rms(l) + p], sum = 0;
        for (size_t k = 0; k < m; k++) {
            draw[t * m + k] = r * dz[k];
            sum += dz[k] * (r * raw[k]);
        }
        along[t] = sum * (r * r / (real)layout_inputs(l));
    }
}

// Project backward to the streams
INLINE void rows_backward(real *out, const real *draw, const real *phi,
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
                add_scaled(&sum[r][w], draw[r * m + k], &weight);
        }
    for (size_t r = 0; r < ROWS; r++)
        for (size_t w = 0; w < WIDE; w++)
            store(out + r * PIECE + w * LANES, &sum[r][w], LANES);
}

// Project backward to the weights
INLINE void columns_backward(real *dphi, const real *draw,
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
                add_scaled(&sum[k][w], draw[t * m + k], &x);
        }
    for (size_t k = 0; k < columns; k++)
        for (size_t w = 0; w < WIDE; w++)
            store(dphi + k * PIECE + w * LANES, &sum[k][w], LANES);
}

// Project a piece backward
static void project_piece_backward(real *dx, real *dphi,
                                   const real *draw, const real *along,
                                   const real *x, const real *phi,
                                   const struct layout *l,
                                   size_t tokens, size_t count)
{
    real in[TILE * PIECE], out[TILE * PIECE];
    size_t m = l->outputs, stride = l->streams * l->width, k = 0;
    if (count < PIECE)
        memset(in, 0, sizeof in);
    for (size_t t = 0; t < tokens; t++)
        memcpy(in + t * PIECE, x + t * stride, count * sizeof(real));
    for (size_t t = 0; t < tokens; t += ROWS)
        rows_backward(out + t * PIECE, draw + t * m, phi, m);
    for (; k + COLUMNS <= m; k += COLUMNS)
        columns_backward(dphi + k * PIECE, draw + k, in, m, tokens,
                         COLUMNS);
    for (; k < m; k++)
        columns_backward(dphi + k * PIECE, draw + k, in, m, tokens, 1);
    // Add the piece to the gradient of the streams
    for (size_t t = 0; t < tokens; t++)
        for (size_t c = 0; c < count; c++) {
            size_t at = t * PIECE + c;
            dx[t * stride + c] += out[at] - in[at] * along[t];
        }
}

static void project_tile_backward(real *dx, real *dphi,
                                  const real *dcoefficients,
                                  const real *x,
                                  const real *coefficients,
                                  const real *phi,
                                  const struct layout *l, size_t tokens)
{
    size_t inputs = layout_inputs(l), m = l->outputs;
    real draw[TILE * MIX_OUTPUTS], along[TILE];
    memset(draw, 0, sizeof draw);
    for (size_t p = 0; p < l->parts; p++) {
        raw_gradients(draw, along, dcoefficients, coefficients, p, l,
                      tokens);
        for (size_t c = 0; c < inputs; c += PIECE) {
            size_t at = p * inputs + c, rest = inputs - c;
            project_piece_backward(dx + at, dphi + c * m, draw, along,
                                   x + at, phi + c * m, l, tokens,
                                   rest < PIECE ? rest : PIECE);
        }
    }
}

// The sums of a slice
static size_t size_of_sums(const struct layout *l)
{
    return MIX_SCALES + MIX_OUTPUTS + l->width + packed_size(l);
}

size_t mixing_work(const struct layout *l)
{
    return packed_size(l) + SWEEPS * size_of_sums(l);
}

static struct partial_sums sums_at(real *at, const struct layout *l)
{
    struct partial_sums own = { .phi = at };
    own.gain = at + packed_size(l);
    own.bias = own.gain + l->width;
    own.alpha = own.bias + MIX_OUTPUTS;
    return own;
}

struct partial_sums mixing_sums(size_t i, real *work,
                                const struct layout *l)
{
    size_t size = size_of_sums(l);
    assert(l->outputs <= MIX_OUTPUTS
           && mix_biases(l->mix, l->streams) <= MIX_OUTPUTS);
    return sums_at(memset(work + packed_size(l) + i * size, 0,
                          size * sizeof(real)), l);
}

void mixing_add_sums(real *dphi, real *dgain, real *dalpha, real *dbias,
                     real *work, const struct layout *l)
{
    size_t inputs = layout_inputs(l), m = l->outputs;
    real *at = work + packed_size(l);
    for (size_t i = 0; i < SWEEPS; i++) {
        struct partial_sums own = sums_at(at + i * size_of_sums(l), l);
        for (size_t k = 0; k < mix_scales(l->mix); k++)
            dalpha[k] += own.alpha[k];
        for (size_t k = 0; k < mix_biases(l->mix, l->streams); k++)
            dbias[k] += own.bias[k];
        for (size_t c = 0; dgain != NULL && c < l->width; c++)
            dgain[c] += own.gain[c];
    }
    // Unpack the gradient of the weights
    #pragma omp parallel for schedule(static)
    for (size_t first = 0; first < inputs; first += PIECE) {
        size_t rest = inputs - first, count = rest < PIECE ? rest : PIECE;
        for (size_t i = 0; i < SWEEPS; i++) {
            const real *own = at + i * size_of_sums(l) + first * m;
            for (size_t k = 0; k < m; k++)
                for (size_t c = 0; c < count; c++)
                    dphi[k * inputs + first + c] += own[k * PIECE + c];
        }
    }
}

// Coefficients, backward
void mixing_coefficients_tile_backward(
    real *dstream, const struct partial_sums *own, real *dcoefficients,
    const real *stream, const real *coefficients, struct weights packed,
    const real *alpha, const real *bias, const struct layout *l,
    size_t tokens)
{
    mix_backward(dcoefficients, own->alpha, own->bias, coefficients,
                 alpha, bias, l, tokens);
    project_tile_backward(dstream, own->phi, dcoefficients, stream,
                          coefficients, packed.at, l, tokens);
}

void mixing_coefficients_backward(
    real *dstream, real *dphi, real *dalpha, real *dbias,
    real *dcoefficients, real *work, const real *stream,
    const real *coefficients, const real *phi, const real *alpha,
    const real *bias, const struct layout *l, size_t tokens)
{
    size_t K = layout_row(l), all = l->streams * l->width;
    struct weights packed = mixing_pack(work, phi, l);
    #pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < SWEEPS; i++) {
        struct slice slice = slice_of(i, SWEEPS, tokens);
        struct partial_sums own = mixing_sums(i, work, l);
        for (size_t t = slice.begin; t < slice.end; t += TILE)
            mixing_coefficients_tile_backward(
                dstream + t * all, &own, dcoefficients + t * K,
                stream + t * all, coefficients + t * K, packed, alpha,
                bias, l, slice.end - t < TILE ? slice.end - t : TILE);
    }
    mixing_add_sums(dphi, NULL, dalpha, dbias, work, l);
}
