#include "model/kinds.h"
#include "mix/hyper.h"
#include "boundary/mixing.h"
#include "layers/norm.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/lab.h"

// The arrays of a crossing
enum { T = 80, N = 4, MOST = 12, K = 2 * N + N * N + N * (N + 2) + N };

struct arrays {
    real next[T * N * MOST], reached[T * K];
    real input[T * MOST], inverse_rms[T], normed[T * MOST];
};
static real stream[T * N * MOST], answer[T * MOST], left[T * K];
static real phi[(N + 2) * MOST], alpha[3], bias[K], gain[MOST];

static struct crossing crossing_of(struct arrays *a,
                                   const struct layout *l,
                                   size_t tokens)
{
    return (struct crossing){ .layout = l, .tokens = tokens,
        .phi = phi, .alpha = alpha, .bias = bias,
        .gain = gain, .stream = stream, .answer = answer, .left = left,
        .next = a->next, .reached = a->reached, .input = a->input,
        .normed = a->normed, .inverse_rms = a->inverse_rms };
}

// Cross by the book, or by mistake
static void cross(const struct crossing *s, const real *from,
                  const real *by)
{
    const struct layout *l = s->layout;
    mixing_write(s->next, stream, answer, left, l, s->tokens);
    mixing_coefficients(s->reached, from, phi, alpha, bias, l,
                        s->tokens);
    mixing_read(s->input, s->next, by, l, s->tokens);
    norm_forward(s->normed, s->inverse_rms, s->input, gain, s->tokens,
                 l->width);
}

/* from token `begin` to before `end` */
static bool equal(const struct arrays *a, const struct arrays *b,
                  const struct layout *l, size_t begin, size_t end)
{
    #define SAME(x, row) \
        compare_bits(NULL, "", a->x + begin * (row), \
                     b->x + begin * (row), (end - begin) * (row))
    return begin == end
        || (SAME(next, l->streams * l->width)
            && SAME(reached, layout_row(l)) && SAME(input, l->width)
            && SAME(inverse_rms, 1) && SAME(normed, l->width));
}

// Look on when coefficients are made
static struct arrays got, want, unset;
static struct crossing watched;
static size_t tiles, others;    /* that came in their turn, or not */

struct sight {
    size_t first, count;        /* tokens */
    struct arrays seen;
};

static void want_crossing(void)
{
    struct crossing w = crossing_of(&want, watched.layout,
                                    watched.tokens);
    cross(&w, want.next, want.reached);
}

/* Are the tiles before this one finished, those behind it not begun? */
static void look_on(void *reply, const void *request)
{
    const struct sight *s = request;
    const struct layout *l = watched.layout;
    size_t first = 16 * tiles, all = watched.tokens;
    size_t end = first + 16 < all ? first + 16 : all;
    *(char *)reply = 0;
    if (tiles + others == 0)
        want_crossing();
    if (s->first == first && s->first + s->count == end && first < end
        && equal(&s->seen, &want, l, 0, first)
        && equal(&s->seen, &unset, l, end, all))
        tiles++;
    else
        others++;
}

/* in place of the book's */
IN_CHILD
void mix_forward(real *coefficients, const real *a, const real *b,
                 const struct layout *l, size_t tokens)
{
    static struct sight s;
    char reply;
    tanh_forward(coefficients, a, b, l, tokens);
    if (!lab_inside())
        return;
    #pragma omp critical
    {
        s.first = watched.tokens;
        for (size_t t = 0; t < watched.tokens; t++)
            if (coefficients == watched.reached + t * layout_row(l))
                s.first = t;
        s.count = tokens;
        s.seen = got;
        lab_ask(&reply, &s);
    }
}

// Check a crossing
static void check(size_t tokens, size_t n)
{
    static struct arrays wrong[2];
    size_t C = lab_size(tokens, 1, MOST);
    struct layout l = layout_of(MIX_TANH_THREE, n, C, 1);
    struct { real *x; size_t count; } all[] = {
        { stream, T * N * MOST }, { answer, T * MOST },
        { left, T * K }, { phi, (N + 2) * MOST }, { alpha, 3 },
        { bias, K }, { gain, MOST } };
    for (size_t i = 0; i < 7; i++)
        fill_normal(all[i].x, all[i].count, 7 * tokens + i, 1);
    size_t row = layout_row(&l);
    watched = crossing_of(&got, &l, tokens);
    watched.work = test_reals(mixing_work(&l));
    tiles = others = 0;
    // Name what a crossing is given, and what it makes
    lab_input("the crossing", &watched, sizeof watched);
    lab_input("the layout", &l, sizeof l);
    lab_input("stream", stream, sizeof stream);
    lab_input("answer", answer, sizeof answer);
    lab_input("left", left, sizeof left);
    lab_input("phi", phi, sizeof phi);
    lab_input("alpha", alpha, sizeof alpha);
    lab_input("bias", bias, sizeof bias);
    lab_input("gain", gain, sizeof gain);
    lab_unset(got.next, tokens * n * C);
    lab_unset(got.reached, tokens * row);
    lab_unset(got.input, tokens * C);
    lab_unset(got.inverse_rms, tokens);
    lab_unset(got.normed, tokens * C);
    unset = got;
    lab_serve(look_on, 1, sizeof(struct sight));
    lab_call(mixing_cross(&watched));
    want_crossing();
    struct crossing old = crossing_of(&wrong[0], &l, tokens);
    cross(&old, stream, wrong[0].reached);
    struct crossing by = crossing_of(&wrong[1], &l, tokens);
    cross(&by, wrong[1].next, left);
    size_t whole = tokens - tokens % 16;
    char what[60];
    snprintf(what, sizeof what, "%zu tokens, %zu streams", tokens, n);
    // Show which array is wrong first
    const struct { const char *name, *axes; const real *got, *want;
                   size_t shape[3], rank; } array[] = {
        { "next", "tic", got.next, want.next, { tokens, n, C }, 3 },
        { "reached", "tk", got.reached, want.reached, { tokens, row }, 2 },
        { "input", "tc", got.input, want.input, { tokens, C }, 2 },
        { "inverse_rms", "t", got.inverse_rms, want.inverse_rms,
          { tokens }, 1 },
        { "normed", "tc", got.normed, want.normed, { tokens, C }, 2 } };
    for (size_t i = 0; i < 5; i++) {
        lab_axes(array[i].axes);
        if (!compare_arrays(NULL, "", array[i].got, array[i].want,
                            array[i].shape, array[i].rank, 1e-6)) {
            lab_compare(array[i].name, array[i].got, array[i].want,
                        array[i].shape, array[i].rank, 1e-6);
            break;
        }
    }
    lab_true(what, equal(&got, &want, &l, 0, tokens), "%s",
             equal(&got, &wrong[0], &l, 0, tokens)
             ? "coefficients from the streams before the answer was"
               " written"
             : equal(&got, &wrong[1], &l, 0, tokens)
             ? "read with the coefficients of the site that was left"
             : equal(&got, &want, &l, 0, whole)
             ? "the tokens after the last whole tile are not right"
             : equal(&got, &want, &l, 0, 5)
             ? "wrong from the second tile on: where does it begin?"
             : "other bits than the four operations give");
    lab_true("tile by tile", tiles == (tokens + 15) / 16 && others == 0,
             "%zu of %zu tiles in their turn%s: are all operations "
             "called for 16 tokens, one tile after the other?", tiles,
             (tokens + 15) / 16, others > 0 ? ", and others" : "");
}

int main(void)
{
    lab_begin("Lab 28: cross, tile by tile");
    check(16, 2);
    check(37, 3);
    check(3, 4);
    check(lab_size(1, 38, T), lab_size(2, 2, N));
    return lab_end();
}
