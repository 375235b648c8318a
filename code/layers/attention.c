#include "layers/attention.h"
#include "layers/matmul.h"
#include "ground/reduction.h"
#include <assert.h>
#include <omp.h>

// Attention rotation
void attention_rotation(real *cosine, real *sine,
                        size_t positions, size_t head_size)
{
    assert(head_size % 2 == 0);
    size_t half = head_size / 2;
    for (size_t i = 0; i < half; i++) {
        double step = pow(10000, -(double)i / (double)half);
        for (size_t p = 0; p < positions; p++) {
            cosine[p * half + i] = (real)cos((double)p * step);
            sine[p * half + i] = (real)sin((double)p * step);
        }
    }
}

// Attention rotate
// Turn the pairs of one vector
static void turn_pairs(real *x, const real *cosine,
                       const real *sine, real direction, size_t half)
{
    for (size_t i = 0; i < half; i++) {
        real a = x[i], b = x[i + half], s = direction * sine[i];
        x[i] = a * cosine[i] - b * s;
        x[i + half] = a * s + b * cosine[i];
    }
}

static void turn_rows(real *qkv, const real *cosine, const real *sine,
                      real direction, const struct attention_shape *s)
{
    size_t half = s->head_size / 2;
    size_t row = 3 * s->heads * s->head_size;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < s->sequences * s->length; t++) {
        size_t position = s->first + t % s->length;
        size_t before = t / s->length * (s->first + s->length);
        real *x = qkv + (before + position) * row;
        for (size_t h = 0; h < 2 * s->heads; h++)
            turn_pairs(x + h * s->head_size, cosine + position * half,
                       sine + position * half, direction, half);
    }
}

void attention_rotate(real *qkv, const real *cosine,
                      const real *sine,
                      const struct attention_shape *s)
{
    turn_rows(qkv, cosine, sine, 1, s);
}

void attention_rotate_back(real *dqkv, const real *cosine,
                           const real *sine,
                           const struct attention_shape *s)
{
    turn_rows(dqkv, cosine, sine, -1, s);
}

// Heads and tiles
struct query_tile { size_t row, rows, keys; };

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t tile_rows(const struct attention_shape *s)
{
    return smaller(s->tile ? s->tile : ATTENTION_TILE, s->length);
}

static struct query_tile tile_from(size_t row,
                                   const struct attention_shape *s)
{
    size_t rows = smaller(s->length - row, tile_rows(s));
    return (struct query_tile){ row, rows, s->first + row + rows };
}

static size_t scratch_of_a_thread(const struct attention_shape *s)
{
    return 2 * tile_rows(s) * (s->first + s->length);
}

struct head_place { size_t qkv, out, lse; };

static struct head_place head_of(size_t task,
                                 const struct attention_shape *s)
{
    size_t sequence = task / s->heads, head = task % s->heads;
    size_t width = s->heads * s->head_size;
    size_t asking = sequence * s->length;
    return (struct head_place){
        .qkv = sequence * (s->first + s->length) * 3 * width
               + head * s->head_size,
        .out = asking * width + head * s->head_size,
        .lse = asking * s->heads + head,
    };
}

static real score_scale(const struct attention_shape *s)
{
    return (real)(1 / sqrt((double)s->head_size));
}

static int workers(const struct attention_shape *s)
{
    size_t most = (size_t)omp_get_max_threads();
    size_t shares = s->lent / scratch_of_a_thread(s);
    return (int)(s->lent > 0 && shares < most ? shares : most);
}

size_t attention_scratch(const struct attention_shape *s)
{
    return scratch_of_a_thread(s) * (size_t)omp_get_max_threads();
}

// Attention forward
// Make probabilities of a row of scores
static inline real probability(struct operands o, size_t j)
{
    return o.a[j];
}

static real softmax(real *p, size_t seen, size_t keys)
{
    real most = largest(p, seen);
    for (size_t j = 0; j < seen; j++)
        p[j] = exponential(p[j] - most);
    real sum = sum_in_lanes(probability,
                            (struct operands){ .a = p }, seen);
    for (size_t j = 0; j < seen; j++)
        p[j] /= sum;
    for (size_t j = seen; j < keys; j++)
        p[j] = 0;
    return most + (real)log((double)sum);
}

// Let one head ask
static void attend(real *out, real *lse, const real *q,
                   const struct attention_shape *s, real *p)
{
    size_t size = s->head_size, width = s->heads * size;
    const real *k = q + width, *v = k + width;
    size_t step = 3 * width, most = tile_rows(s);
    for (size_t row = 0; row < s->length; row += most) {
        struct query_tile t = tile_from(row, s);
        // Score the tile's queries against all keys up to its end
        matmul_serial(false, true, t.rows, t.keys, size, score_scale(s),
                      q + (s->first + row) * step, step, k, step,
                      0, p, t.keys);
        // Make probabilities of the tile's rows
        for (size_t i = 0; i < t.rows; i++)
            lse[(row + i) * s->heads] =
                softmax(p + i * t.keys, t.keys - t.rows + i + 1, t.keys);
        // Average the values under these probabilities
        matmul_serial(false, false, t.rows, size, t.keys,
                      1, p, t.keys, v, step, 0, out + row * width, width);
    }
}

void attention_forward(real *out, real *lse, const real *qkv,
                       const struct attention_shape *s,
                       real *scratch)
{
    size_t share = scratch_of_a_thread(s);
    #pragma omp parallel for schedule(static) num_threads(workers(s))
    for (size_t task = 0; task < s->sequences * s->heads; task++) {
        struct head_place h = head_of(task, s);
        real *mine = scratch + (size_t)omp_get_thread_num() * share;
        attend(out + h.out, lse + h.lse, qkv + h.qkv, s, mine);
    }
}

// Attention backward
// Let the gradients of one head flow back
// The product of two entries
static inline real product(struct operands o, size_t c)
{
    return o.a[c] * o.b[c];
}

static void attend_back(real *dq, const real *dout, const real *out,
                        const real *lse, const real *q,
                        const struct attention_shape *s, real *p)
{
    size_t size = s->head_size, width = s->heads * size;
    size_t step = 3 * width, most = tile_rows(s);
    const real *k = q + width, *v = k + width;
    real *dk = dq + width, *dv = dk + width;
    real *ds = p + most * s->length, scale = score_scale(s);
    size_t tiles = (s->length + most - 1) / most;
    for (size_t n = tiles; n > 0; n--) {
        struct query_tile t = tile_from((n - 1) * most, s);
        const real *asked = q + t.row * step;
        const real *dy = dout + t.row * width;
        real more = n < tiles;
        // Multiply out the tile's scores, and the gradients of its p
        matmul_serial(false, true, t.rows, t.keys, size,
                      scale, asked, step, k, step, 0, p, t.keys);
        matmul_serial(false, true, t.rows, t.keys, size,
                      1, dy, width, v, step, 0, ds, t.keys);
        // Make p of the scores, and the scores' gradients
        for (size_t i = 0; i < t.rows; i++) {
            real *row = p + i * t.keys, *drow = ds + i * t.keys;
            real all = lse[(t.row + i) * s->heads];
            real along = sum_in_lanes(product, (struct operands){
                dy + i * width, out + (t.row + i) * width, NULL }, size);
            size_t seen = t.row + i + 1;
            for (size_t j = 0; j < seen; j++) {
                row[j] = exponential(row[j] - all);
                drow[j] = row[j] * (drow[j] - along);
            }
            for (size_t j = seen; j < t.keys; j++)
                row[j] = drow[j] = 0;
        }
        // Pass the gradients on to dv, dq and dk
        matmul_serial(true, false, t.keys, size, t.rows,
                      1, p, t.keys, dy, width, more, dv, step);
        matmul_serial(false, false, t.rows, size, t.keys,
                      scale, ds, t.keys, k, step, 0, dq + t.row * step, step);
        matmul_serial(true, false, t.keys, size, t.rows,
                      scale, ds, t.keys, asked, step, more, dk, step);
    }
}

void attention_backward(real *dqkv, const real *dout,
                        const real *out, const real *lse,
                        const real *qkv,
                        const struct attention_shape *s,
                        real *scratch)
{
    assert(s->first == 0);
    size_t share = scratch_of_a_thread(s);
    #pragma omp parallel for schedule(static) num_threads(workers(s))
    for (size_t task = 0; task < s->sequences * s->heads; task++) {
        struct head_place h = head_of(task, s);
        real *mine = scratch + (size_t)omp_get_thread_num() * share;
        attend_back(dqkv + h.qkv, dout + h.out, out + h.out,
                    lse + h.lse, qkv + h.qkv, s, mine);
    }
}
