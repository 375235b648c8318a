#include "boundary/mixing.h"
#include "ground/lanes.h"
// Headers of the sweeps
#include "ground/slices.h"
#include "layers/norm.h"
#include "array/narrow.h"
#include "boundary/lens.h"
#include <omp.h>

// Collapse streams to a vector
INLINE void collapse_lanes(real *vector, const real *x, real by,
                           size_t n, size_t C, size_t count)
{
    lanes part[MIX_STREAMS] = { 0 };
    for (size_t i = 0; i < n; i++)
        load(&part[i], x + i * C, count);
    for (size_t half = MIX_STREAMS / 2; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++)
            add_scaled(&part[i], 1, &part[i + half]);
    scale(&part[0], by, &part[0]);
    store(vector, &part[0], count);
}

void mixing_collapse(real *vector, const real *stream, real scale,
                     const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        const real *x = stream + t * n * C;
        for (size_t c = 0; c < C; c += LANES)
            collapse_lanes(vector + t * C + c, x + c, scale, n, C,
                           C - c < LANES ? C - c : LANES);
    }
}

void mixing_collapse_backward(real *dstream, const real *dvector,
                              real scale, const struct layout *l,
                              size_t tokens)
{
    size_t n = l->streams, C = l->width;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++)
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < C; c++)
                dstream[(t * n + i) * C + c] +=
                    scale * dvector[t * C + c];
}

// Expand a vector to streams
void mixing_expand(real *stream, const real *vector,
                   const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++)
        for (size_t i = 0; i < n; i++)
            memcpy(stream + (t * n + i) * C, vector + t * C,
                   C * sizeof(real));
}

void mixing_expand_backward(real *dvector, const real *dstream,
                            const struct layout *l, size_t tokens)
{
    mixing_collapse(dvector, dstream, 1, l, tokens);
}

// Read from the streams
INLINE void read_lanes(real *input, const real *x, const real *pre,
                       size_t n, size_t C, size_t count)
{
    lanes in, sum;
    load(&in, x, count);
    scale(&sum, pre[0], &in);
    for (size_t i = 1; i < n; i++) {
        load(&in, x + i * C, count);
        add_scaled(&sum, pre[i], &in);
    }
    store(input, &sum, count);
}

INLINE void read_token(real *input, const real *x, const real *pre,
                       size_t n, size_t C)
{
    size_t c = 0;
    for (; c + LANES <= C; c += LANES)
        read_lanes(input + c, x + c, pre, n, C, LANES);
    if (c < C)
        read_lanes(input + c, x + c, pre, n, C, C - c);
}

void mixing_read(real *input, const real *stream,
                 const real *coefficients, const struct layout *l,
                 size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++)
        read_token(input + t * C, stream + t * n * C,
                   coefficients + t * K, n, C);
}

// Read from the streams, backward
INLINE void read_lanes_backward(real *dx, lanes dpre[],
                                const real *dnext, const real *dinput,
                                const real *x, const real *pre,
                                size_t n, size_t C, size_t count)
{
    lanes d, in, out;
    load(&d, dinput, count);
    for (size_t i = 0; i < n; i++) {
        load(&in, x + i * C, count);
        load(&out, dnext + i * C, count);
        add_product(&dpre[i], &d, &in);
        add_scaled(&out, pre[i], &d);
        store(dx + i * C, &out, count);
    }
}

INLINE void read_token_backward(real *dx, real *dpre, const real *dnext,
                                const real *dinput, const real *x,
                                const real *pre, size_t n, size_t C)
{
    lanes sum[MIX_STREAMS];
    size_t c = 0;
    for (size_t i = 0; i < n; i++)
        sum[i] = (lanes){ 0 };
    for (; c + LANES <= C; c += LANES)
        read_lanes_backward(dx + c, sum, dnext + c, dinput + c, x + c,
                            pre, n, C, LANES);
    if (c < C)
        read_lanes_backward(dx + c, sum, dnext + c, dinput + c, x + c,
                            pre, n, C, C - c);
    for (size_t i = 0; i < n; i++)
        dpre[i] = total(&sum[i]);
}

void mixing_read_backward(real *dstream, real *dcoefficients,
                          const real *dinput, const real *stream,
                          const real *coefficients,
                          const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        real *dx = dstream + t * n * C;
        read_token_backward(dx, dcoefficients + t * K, dx,
                            dinput + t * C, stream + t * n * C,
                            coefficients + t * K, n, C);
    }
}

// Write to the streams
INLINE void write_lanes(real *next, const real *x, const real *y,
                        const real *post, const real *res, size_t n,
                        size_t C, size_t count)
{
    lanes in[MIX_STREAMS], answer, sum;
    load(&answer, y, count);
    for (size_t j = 0; j < n; j++)
        load(&in[j], x + j * C, count);
    for (size_t i = 0; i < n; i++) {
        scale(&sum, res[i * n], &in[0]);
        for (size_t j = 1; j < n; j++)
            add_scaled(&sum, res[i * n + j], &in[j]);
        add_scaled(&sum, post[i], &answer);
        store(next + i * C, &sum, count);
    }
}

INLINE void write_token(real *next, const real *x, const real *y,
                        const real *row, size_t n, size_t C)
{
    const real *post = row + n, *res = post + n;
    size_t c = 0;
    for (; c + LANES <= C; c += LANES)
        write_lanes(next + c, x + c, y + c, post, res, n, C, LANES);
    if (c < C)
        write_lanes(next + c, x + c, y + c, post, res, n, C, C - c);
}

void mixing_write(real *next, const real *stream, const real *answer,
                  const real *coefficients, const struct layout *l,
                  size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++)
        write_token(next + t * n * C, stream + t * n * C,
                    answer + t * C, coefficients + t * K, n, C);
}

// Write to the streams, backward
INLINE void write_lanes_backward(
    real *dx, real *dy, lanes dpost[], lanes dres[][MIX_STREAMS],
    const real *dnext, const real *x, const real *y, const real *post,
    const real *res, size_t n, size_t C, size_t count)
{
    lanes d[MIX_STREAMS], in, out;
    load(&in, y, count);
    load(&d[0], dnext, count);
    scale(&out, post[0], &d[0]);
    for (size_t i = 1; i < n; i++) {
        load(&d[i], dnext + i * C, count);
        add_scaled(&out, post[i], &d[i]);
    }
    store(dy, &out, count);
    for (size_t i = 0; i < n; i++)
        add_product(&dpost[i], &d[i], &in);
    // Go back to the streams and their mix
    for (size_t j = 0; j < n; j++) {        /* dres is transposed */
        load(&in, x + j * C, count);
        for (size_t i = 0; i < n; i++)
            add_product(&dres[j][i], &d[i], &in);
    }
    for (size_t j = 0; j < n; j++) {
        scale(&out, res[j], &d[0]);
        for (size_t i = 1; i < n; i++)
            add_scaled(&out, res[i * n + j], &d[i]);
        store(dx + j * C, &out, count);
    }
}

INLINE void write_token_backward(real *dx, real *dy, real *drow,
                                 const real *dnext, const real *x,
                                 const real *y, const real *row,
                                 size_t n, size_t C)
{
    const real *post = row + n, *res = post + n;
    real *dpost = drow + n, *dres = dpost + n;
    lanes own[MIX_STREAMS], of[MIX_STREAMS][MIX_STREAMS];
    size_t c = 0;
    // Start the token's sums at zero
    for (size_t i = 0; i < n; i++) {
        own[i] = (lanes){ 0 };
        for (size_t j = 0; j < n; j++)
            of[i][j] = (lanes){ 0 };
    }
    for (; c + LANES <= C; c += LANES)
        write_lanes_backward(dx + c, dy + c, own, of, dnext + c, x + c,
                             y + c, post, res, n, C, LANES);
    if (c < C)
        write_lanes_backward(dx + c, dy + c, own, of, dnext + c, x + c,
                             y + c, post, res, n, C, C - c);
    // Store the token's sums
    for (size_t i = 0; i < n; i++) {
        dpost[i] = total(&own[i]);
        for (size_t j = 0; j < n; j++)
            dres[i * n + j] = total(&of[j][i]);
    }
}

void mixing_write_backward(real *dstream, real *danswer,
                           real *dcoefficients, const real *dnext,
                           const real *stream, const real *answer,
                           const real *coefficients,
                           const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        size_t at = t * n * C;
        write_token_backward(dstream + at, danswer + t * C,
                             dcoefficients + t * K, dnext + at,
                             stream + at, answer + t * C,
                             coefficients + t * K, n, C);
    }
}

// Sweeps
// Cross a tile
INLINE void cross_tile(const struct crossing *s, struct weights phi,
                       size_t first, size_t tokens, size_t n)
{
    size_t C = s->layout->width, K = layout_row(s->layout);
    // Widen the tile
    // See the tile as floats
    struct crossing wide;
    size_t place = first;           /* of the tile among all tokens */
    if (s->lens != NULL) {
        wide = lens_widen(s, first, tokens);
        s = &wide;
        first = 0;
    }
    for (size_t t = first; t < first + tokens; t++)
        write_token(s->next + t * n * C, s->stream + t * n * C,
                    s->answer + t * C, s->left + t * K, n, C);
    // Settle the tile's streams
    if (s->lens != NULL)
        keep(s->lens->next, place * n * C, s->next, tokens * n * C);
    mixing_coefficients_tile(s->reached + first * K,
                             s->next + first * n * C, phi, s->alpha,
                             s->bias, s->layout, tokens);
    for (size_t t = first; t < first + tokens; t++)
        read_token(s->input + t * C, s->next + t * n * C,
                   s->reached + t * K, n, C);
    // Settle the tile's input
    if (s->lens != NULL)
        bf16_settle(s->input, tokens * C);
    norm_forward(s->normed + first * C, s->inverse_rms + first,
                 s->input + first * C, s->gain, tokens, C);
    // Narrow the tile
    if (s->lens != NULL)
        lens_narrow(s, place, tokens);
}

// Take room for a tile
/* a tile's streams, input and, through a lens, answers */
static size_t again_room(const struct layout *l)
{
    return TILE * (2 * l->streams + 1) * l->width;
}

size_t mixing_again(const struct layout *l)
{
    return (size_t)omp_get_max_threads() * again_room(l);
}

/* a crossing of a tile alone, with this thread's room */
static struct crossing near_tile(struct crossing_gradients *near,
                                 const struct crossing *s,
                                 const struct crossing_gradients *g,
                                 size_t first)
{
    const struct layout *l = s->layout;
    size_t C = l->width, nC = l->streams * C, K = layout_row(l);
    real *room = s->work + mixing_work(l)
               + (size_t)omp_get_thread_num() * again_room(l);
    struct crossing tile = *s;
    tile.stream = room;
    tile.next = room + TILE * nC;
    tile.input = room + 2 * TILE * nC;
    tile.left += first * K;
    tile.reached += first * K;
    tile.inverse_rms += first;
    *near = *g;
    near->dnormed += first * C;
    near->danswer += first * C;
    near->dstream += first * nC;
    near->dnext += first * nC;
    near->dleft += first * K;
    near->dreached += first * K;
    return tile;
}

// See and write a tile
/* numbers as they are, or in room, if they are kept in fewer bits */
static const real *seen(real *room, const void *from,
                        struct array kept, size_t at, size_t count)
{
    if (kept.format == REAL_FORMAT)
        return (const real *)from + at;
    kept.at = (void *)(uintptr_t)from;
    widen(room, kept, at, count);
    return room;
}

/* how the stream so many sites before the one that is left is kept;
   -1: that of the one that is reached */
static struct array stream_kept(const struct lens *lens, int before)
{
    struct array kept = { .format = REAL_FORMAT };
    if (lens == NULL)
        return kept;
    kept = before < 0 ? lens->next : lens->stream;
    // Name the stream that was before
    (void)before;
    kept.place -= before > 0 ? 2 * (unsigned)before : 0;
    return kept;
}

/* a write of a tile's tokens */
INLINE void write_tile(real *next, const real *x, const real *y,
                       const real *row, struct array as, size_t first,
                       size_t tokens, size_t n, size_t C, size_t K)
{
    for (size_t t = 0; t < tokens; t++)
        write_token(next + t * n * C, x + t * n * C, y + t * C,
                    row + t * K, n, C);
    settle(next, as, first * n * C, tokens * n * C);
}

// Make a tile again
/* stream, answer, next and input of a tile that begins at `first` */
INLINE void again_tile(struct crossing *tile, const void *answer,
                       size_t first, size_t tokens, size_t n)
{
    const struct past *past = &tile->past;
    size_t C = tile->layout->width, K = layout_row(tile->layout);
    size_t row = first * C, count = tokens * C;
    int left = past->writes;
    const struct lens *lens = tile->lens;
    const struct array none = { .format = REAL_FORMAT };
    struct array vectors = lens == NULL ? none : lens->answer;
    real *y = lens == NULL ? NULL : (real *)tile->answer;
    real *turn[2] = { (real *)tile->stream, tile->next };
    const real *x = seen(turn[left % 2], past->start,
                         stream_kept(lens, left), n * row, n * count);
    for (int k = 0; k < past->writes; k++) {
        real *next = turn[--left % 2];
        write_tile(next, x,
                   seen(y, past->answer[k], vectors, row, count),
                   (const real *)past->row[k] + first * K,
                   stream_kept(lens, left), first, tokens, n, C, K);
        x = next;
    }
    tile->stream = x;
    tile->answer = seen(y, answer, vectors, row, count);
    write_tile(tile->next, x, tile->answer, tile->left,
               stream_kept(lens, -1), first, tokens, n, C, K);
    for (size_t t = 0; t < tokens; t++)
        read_token(tile->input + t * C, tile->next + t * n * C,
                   tile->reached + t * K, n, C);
    if (lens != NULL)
        bf16_settle(tile->input, count);
}

// Cross
void mixing_cross(const struct crossing *s)
{
    size_t n = s->layout->streams;
    struct weights phi = mixing_pack(s->work, s->phi, s->layout);
    #pragma omp parallel for schedule(dynamic)
    for (size_t first = 0; first < s->tokens; first += TILE) {
        size_t rest = s->tokens - first;
        size_t tokens = rest < TILE ? rest : TILE;
        if (n == 4)
            cross_tile(s, phi, first, tokens, 4);
        else if (n == 2)
            cross_tile(s, phi, first, tokens, 2);
        else
            cross_tile(s, phi, first, tokens, n);
    }
}

// Cross a tile, backward
INLINE void cross_tile_backward(const struct crossing *s,
                                const struct crossing_gradients *g,
                                const struct partial_sums *own,
                                struct weights phi, size_t first,
                                size_t tokens, size_t n)
{
    const struct layout *l = s->layout;
    size_t C = l->width, K = layout_row(l);
    // Widen the tile, backward
    struct crossing wide;
    struct crossing_gradients dwide;
    size_t place = first;
    if (s->lens != NULL) {
        wide = lens_widen_backward(&dwide, s, g, first, tokens);
        s = &wide;
        g = &dwide;
        first = 0;
    }
    struct crossing tile;
    struct crossing_gradients dtile;
    if (s->again) {
        const void *answer = s->lens != NULL
                           ? s->lens->answer.at : (const void *)s->answer;
        tile = s->lens != NULL ? *s : near_tile(&dtile, s, g, first);
        g = s->lens != NULL ? g : &dtile;
        s = &tile;
        first = 0;
        again_tile(&tile, answer, place, tokens, n);
    }
    size_t row = first * C, all = n * row;
    /* danswer holds dinput until writing overwrites it. dstream is
       dnext + pre dinput after reading, all of the gradient of next
       after the projection, that of stream after writing. */
    norm_backward(g->danswer + row, own->gain, g->dnormed + row,
                  s->input + row, s->inverse_rms + first, s->gain,
                  tokens, C, false);
    for (size_t t = first; t < first + tokens; t++) {
        size_t at = t * n * C;
        read_token_backward(g->dstream + at, g->dreached + t * K,
                            g->dnext + at, g->danswer + t * C,
                            s->next + at, s->reached + t * K, n, C);
    }
    mixing_coefficients_tile_backward(
        g->dstream + all, own, g->dreached + first * K, s->next + all,
        s->reached + first * K, phi, s->alpha, s->bias, l, tokens);
    for (size_t t = first; t < first + tokens; t++) {
        size_t at = t * n * C;
        write_token_backward(g->dstream + at, g->danswer + t * C,
                             g->dleft + t * K, g->dstream + at,
                             s->stream + at, s->answer + t * C,
                             s->left + t * K, n, C);
    }
    // Narrow the tile, backward
    if (s->lens != NULL)
        lens_narrow_backward(s, g, place, tokens);
}

// Cross, backward
void mixing_cross_backward(const struct crossing *s,
                           const struct crossing_gradients *g)
{
    const struct layout *l = s->layout;
    size_t n = l->streams;
    struct weights phi = mixing_pack(s->work, s->phi, l);
    #pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < SWEEPS; i++) {
        struct slice slice = slice_of(i, SWEEPS, s->tokens);
        struct partial_sums own = mixing_sums(i, s->work, l);
        // Go back over the tiles of a slice
        for (size_t t = slice.begin; t < slice.end; t += TILE) {
            size_t rest = slice.end - t;
            size_t tokens = rest < TILE ? rest : TILE;
            if (n == 4)
                cross_tile_backward(s, g, &own, phi, t, tokens, 4);
            else if (n == 2)
                cross_tile_backward(s, g, &own, phi, t, tokens, 2);
            else
                cross_tile_backward(s, g, &own, phi, t, tokens, n);
        }
    }
    mixing_add_sums(g->dphi, g->dgain, g->dalpha, g->dbias, s->work, l);
}
