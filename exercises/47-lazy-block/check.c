#include "boundary/mixing.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/lab.h"
#include <string.h>

enum { T = 7, N = 4, MOST = 6, SITES = 6, K = N * (N + 4) + 1,
       STREAMS = T * N * MOST, GUARD = N * MOST };
static real start[STREAMS], answer[SITES * T * MOST];
static real row[SITES * T * 2 * K], dend[STREAMS];
static struct gradients {
    real dstart[STREAMS], danswer[SITES * T * MOST];
    real drow[SITES * T * 2 * K];
} got, want, wrong;
static real room[2 * N * MOST + GUARD];
static const real behind = -77;         /* what stands behind room */
static size_t outside, calls;

void block_backward(real *dstart, real *danswer, real *drow, real *room,
                    const real *dend, const real *start,
                    const real *answer, const real *row,
                    const struct layout *l, size_t sites,
                    size_t tokens);

// Go back over a write, and look on
IN_CHILD
static void back(real *dx, real *dy, real *drow, const real *dnext,
                 const real *x, const real *y, const real *of_token,
                 size_t n, size_t C)
{
    const real *post = of_token + n, *res = post + n;
    for (size_t i = 0; i < n + n * n; i++)
        drow[n + i] = 0;
    for (size_t c = 0; c < C; c++) {
        real d[N], sum = 0;
        for (size_t i = 0; i < n; i++) {
            d[i] = dnext[i * C + c];
            sum += post[i] * d[i];
            drow[n + i] += d[i] * y[c];
        }
        dy[c] = sum;
        for (size_t j = 0; j < n; j++) {
            real all = 0;
            for (size_t i = 0; i < n; i++) {
                all += res[i * n + j] * d[i];
                drow[2 * n + i * n + j] += d[i] * x[j * C + c];
            }
            dx[j * C + c] = all;
        }
    }
}

static void look_on(void *reply, const void *request)
{
    calls++;
    outside += *(const char *)request != 0;
    *(char *)reply = 0;
}

/* in place of the book's */
IN_CHILD
void mixing_write_backward(real *dx, real *dy, real *drow,
                           const real *dnext, const real *x,
                           const real *y, const real *of_token,
                           const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width, row_of = layout_row(l);
    bool in_room = x >= room && x < room + 2 * N * MOST;
    char reply, is = !in_room && !(x >= start && x < start + STREAMS);
    if (lab_inside())
        lab_ask(&reply, &is);
    for (size_t t = 0; t < tokens; t++)
        back(dx + t * n * C, dy + t * C, drow + t * row_of,
             dnext + t * n * C, x + t * n * C, y + t * C,
             of_token + t * row_of, n, C);
}

// Go back with all streams, or by mistake
enum mistake { RIGHT, LATE, FROM_START, ASCENDING, ONE_TOKEN,
               MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "site k's streams are X[k], before its write, not X[k+1]",
    "all sites were given start: X[k] is k writes away from it",
    "sites from the first to the last: the way back begins at the end",
    "only the first token is right" };

static void by_the_book(struct gradients *g, enum mistake m,
                        const struct layout *l, size_t sites,
                        size_t tokens)
{
    static real x[SITES + 1][STREAMS];
    size_t C = l->width, nC = l->streams * C, row_of = layout_row(l);
    memcpy(x[0], start, sizeof start);
    for (size_t k = 0; k < sites; k++)
        mixing_write(x[k + 1], x[k], answer + k * tokens * C,
                     row + k * tokens * row_of, l, tokens);
    memcpy(g->dstart, dend, sizeof dend);
    size_t end = m == ONE_TOKEN ? 1 : tokens;
    for (size_t i = sites; i-- > 0; ) {
        size_t k = m == ASCENDING ? sites - 1 - i : i;
        size_t from = m == FROM_START ? 0 : k + (m == LATE);
        for (size_t t = 0; t < end; t++) {
            size_t at = k * tokens + t;
            back(g->dstart + t * nC, g->danswer + at * C,
                 g->drow + at * row_of, g->dstart + t * nC,
                 x[from] + t * nC, answer + at * C, row + at * row_of,
                 l->streams, C);
        }
    }
}

// Check one block
static bool same(const struct gradients *a, const struct gradients *b,
                 size_t streams, size_t answers, size_t rows)
{
    return compare_bits(NULL, "", a->dstart, b->dstart, streams)
        && compare_bits(NULL, "", a->danswer, b->danswer, answers)
        && compare_bits(NULL, "", a->drow, b->drow, rows);
}

static void check(size_t tokens, size_t sites, size_t n)
{
    size_t C = lab_size(tokens + n, 1, MOST);
    struct layout l = layout_of(MIX_SINKHORN, n, C, 1);
    size_t row_of = layout_row(&l), streams = tokens * n * C;
    size_t answers = sites * tokens * C, rows = sites * tokens * row_of;
    fill_normal(start, STREAMS, lab_seed(n), 1);
    fill_normal(answer, SITES * T * MOST, lab_seed(n + 10), 1);
    fill_normal(row, SITES * T * 2 * K, lab_seed(n + 20), 0.6);
    fill_normal(dend, STREAMS, lab_seed(n + 30), 1);
    memset(&got, 0, sizeof got);
    want = got;
    for (size_t i = 0; i < 2 * N * MOST + GUARD; i++)
        room[i] = behind;
    outside = calls = 0;
    lab_input("the layout", &l, sizeof l);
    lab_input("start", start, sizeof start);
    lab_input("answer", answer, sizeof answer);
    lab_input("row", row, sizeof row);
    lab_input("dend", dend, sizeof dend);
    lab_output(&got, sizeof got);
    lab_output(room, sizeof room);
    lab_serve(look_on, 1, 1);
    lab_call(block_backward(got.dstart, got.danswer, got.drow, room,
                            dend, start, answer, row, &l, sites,
                            tokens));
    by_the_book(&want, RIGHT, &l, sites, tokens);
    // Judge the block
    char what[80];
    const char *why = "other bits than with all streams kept";
    bool right = same(&got, &want, streams, answers, rows), full = true;
    for (int m = RIGHT + 1; m < MISTAKES && !right; m++) {
        memset(&wrong, 0, sizeof wrong);
        by_the_book(&wrong, (enum mistake)m, &l, sites, tokens);
        if (m == ONE_TOKEN && tokens > 1
                ? same(&got, &want, n * C, C, row_of)
                : same(&got, &wrong, streams, answers, rows))
            why = saying[m];
    }
    for (size_t i = 2 * n * C; i < 2 * N * MOST + GUARD; i++)
        full = full && room[i] == behind;
    snprintf(what, sizeof what, "%zu tokens, %zu sites, %zu streams",
             tokens, sites, n);
    lab_true(what, right, "%s", why);
    lab_true("the room", full, "written behind its end, room + 2 n C: is "
             "there more than one token's in it?");
    lab_true("streams made again", outside == 0 && calls > 0,
             "mixing_write_backward was called %zu times, and %zu times "
             "with streams that are neither start nor in room", calls,
             outside);
}

int main(void)
{
    lab_begin("Lab 47: back over a block without its streams");
    check(1, 1, 2);
    check(1, 3, 2);
    check(T, 2, 3);
    check(3, 5, 4);
    check(lab_size(1, 2, T), lab_size(2, 3, SITES), lab_size(3, 2, N));
    return lab_end();
}
