#include "boundary/mixing.h"
#include "support/fill.h"
#include "support/lab.h"

enum { MOST = 8, TOKENS = 5, WIDTH = 40, OUTPUTS = 6,
       ROW = 2 * MOST + MOST * MOST + MOST * (OUTPUTS + 1),
       ROWS = TOKENS * ROW, ALL = TOKENS * MOST * WIDTH };
static size_t T, C;

// The arrays of reading and writing
static struct arrays {
    real stream[ALL], answer[ALL], row[ROWS], dnext[ALL],
         dinput[ALL];
    real input[ALL], next[ALL];
    real dstream[ALL], danswer[ALL], dwrite[ROWS]; /* writing back */
    real dread[ALL], dpre[ROWS];                   /* reading back */
} got, held, want;

enum mistake { NONE, TRANSPOSED, NO_MIX, NO_ANSWER, FIRST_TOKEN,
               SHORT_ROWS, EXCHANGED, LAST_TERM, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "a mixing matrix that is transposed",
    "streams that are not mixed",
    "an answer that is not written",
    "the first token's coefficients for all tokens",
    ("rows that are too short: the one of token t begins at "
     "t * layout_row(l)"),
    "pre and post exchanged",
    "the last term of a sum alone: = in the place of +=" };

// Read and write by definition, or with a mistake
#define ADD(x, y) x = (mistake == LAST_TERM ? 0 : x) + (y)

static void define(const struct layout *l, enum mistake mistake)
{
    struct arrays *a = &want;
    size_t n = l->streams, K = layout_row(l);
    size_t pre = mistake == EXCHANGED ? n : 0, post = n - pre;
    *a = held;
    memset(a->input, 0, sizeof a->input);
    memset(a->next, 0, sizeof a->next);
    memset(a->dstream, 0, sizeof a->dstream);
    memset(a->danswer, 0, sizeof a->danswer);
    for (size_t t = 0; t < T; t++) {
        size_t here = t * (mistake == SHORT_ROWS ? layout_raw(l) : K);
        const real *row = a->row + (mistake == FIRST_TOKEN ? 0 : here);
        real *dpre = a->dpre + here + pre, *dwrite = a->dwrite + here;
        memset(dpre, 0, n * sizeof(real));
        memset(dwrite + post, 0, n * sizeof(real));
        memset(dwrite + 2 * n, 0, n * n * sizeof(real));
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < C; c++) {
                // Define one channel of one stream
                size_t at = t * C + c, x = (t * n + i) * C + c;
                ADD(a->input[at], row[pre + i] * a->stream[x]);
                a->dread[x] += row[pre + i] * a->dinput[at];
                ADD(dpre[i], a->dinput[at] * a->stream[x]);
                ADD(a->danswer[at], row[post + i] * a->dnext[x]);
                ADD(dwrite[post + i], a->dnext[x] * a->answer[at]);
                for (size_t j = 0; j < n && mistake != NO_MIX; j++) {
                    size_t k = 2 * n + (mistake == TRANSPOSED ? j * n + i : i * n + j);
                    size_t from = (t * n + j) * C + c;
                    ADD(a->next[x], row[k] * a->stream[from]);
                    ADD(a->dstream[from], row[k] * a->dnext[x]);
                    ADD(dwrite[k], a->dnext[x] * a->stream[from]);
                }
                if (mistake != NO_ANSWER)
                    a->next[x] += row[post + i] * a->answer[at];
            }
    }
}

// Compare a piece with the definition
/* [T][columns] or [T][rows][columns] of an array, `step` a token */
struct piece {
    const char *name, *axes;
    size_t at, step, first, rows, columns;
};

static size_t gather(real *to, const struct arrays *a,
                     const struct piece *p)
{
    const real *from = (const real *)a + p->at + p->first;
    size_t each = (p->rows > 0 ? p->rows : 1) * p->columns;
    for (size_t i = 0; i < T * each; i++)
        to[i] = from[i / each * p->step + i % each];
    return each;
}

static bool compare(const struct piece *p, const struct layout *l)
{
    real part[ALL], w[ALL], before[ALL];
    size_t two[2] = { T, p->columns };
    size_t three[3] = { T, p->rows, p->columns };
    size_t each = gather(part, &got, p);
    bool whole = each == p->step;
    char name[60];
    snprintf(name, sizeof name, "%s, %zu streams", p->name, l->streams);
    gather(w, &want, p);
    gather(before, &held, p);
    lab_axes(p->axes);
    if (lab_compare(name, whole ? (real *)&got + p->at : part, w,
                    p->rows > 0 ? three : two, p->rows > 0 ? 3 : 2, 0))
        return true;
    // Recognise what happened to a part of a row
    if (!whole) {
        lab_mistake("what stood there before", before);
        if (memcmp((real *)&got + p->at, (real *)&held + p->at,
                   T * p->step * sizeof(real)) == 0)
            return false;
        for (size_t i = 0; i < T * each; i++)
            before[i] += w[i];
        lab_mistake("added to what stood there; it is to be overwritten",
                    before);
    }
    for (int m = NONE + 1; m < MISTAKES; m++) {
        define(l, (enum mistake)m);
        gather(w, &want, p);
        lab_mistake(saying[m], w);
    }
    define(l, NONE);
    return false;
}

// Check one number of streams
#define AT(array) offsetof(struct arrays, array) / sizeof(real)
#define INPUT(array) lab_input(#array, got.array, sizeof got.array)

static bool check(size_t n)
{
    size_t least = n < 5 ? 2 : 1, some[] = { n, 1, 0 };
    T = lab_size(n, least, TOKENS);
    C = lab_size(10 + n, least, n % 2 > 0 ? 5 : WIDTH);
    struct layout l = { .streams = n, .width = C,
                        .parts = some[n % 3],
                        .outputs = lab_size(20 + n, 1, OUTPUTS) };
    size_t K = layout_row(&l), all = T * n * C;
    fill_integers((real *)&held, sizeof held / sizeof(real), n, 9);
    for (size_t i = 0; i < sizeof held / sizeof(real); i++)
        ((real *)&held)[i] /= 2;
    got = held;
    // Call the four functions
    INPUT(stream), INPUT(row);
    lab_unset(got.input, T * C);
    lab_call(mixing_read(got.input, got.stream, got.row, &l, T));
    INPUT(stream), INPUT(answer), INPUT(row);
    lab_unset(got.next, all);
    lab_call(mixing_write(got.next, got.stream, got.answer, got.row, &l,
                          T));
    INPUT(stream), INPUT(answer), INPUT(row), INPUT(dnext);
    lab_unset(got.dstream, all);
    lab_unset(got.danswer, T * C);
    lab_start(got.dwrite, held.dwrite, T * K);
    lab_call(mixing_write_backward(got.dstream, got.danswer, got.dwrite,
                                   got.dnext, got.stream, got.answer,
                                   got.row, &l, T));
    INPUT(stream), INPUT(row), INPUT(dinput);
    lab_start(got.dread, held.dread, all);
    lab_start(got.dpre, held.dpre, T * K);
    lab_call(mixing_read_backward(got.dread, got.dpre, got.dinput,
                                  got.stream, got.row, &l, T));
    const struct piece pieces[] = {
        { "input", "tc", AT(input), C, 0, 0, C },
        { "next", "tic", AT(next), n * C, 0, n, C },
        { "dstream, writing", "tjc", AT(dstream), n * C, 0, n, C },
        { "danswer", "tc", AT(danswer), C, 0, 0, C },
        { "dpost", "ti", AT(dwrite), K, n, 0, n },
        { "dres", "tij", AT(dwrite), K, 2 * n, n, n },
        { "dstream, reading", "tic", AT(dread), n * C, 0, n, C },
        { "dpre", "ti", AT(dpre), K, 0, 0, n },
    };
    bool good = true;
    define(&l, NONE);
    for (size_t k = 0; k < sizeof pieces / sizeof *pieces; k++)
        good = compare(&pieces[k], &l) && good;
    // See whether the rest of a row is what it was
    bool kept = true;
    for (size_t k = 0; k < T * K; k++)
        kept = kept && (k % K >= n || got.dwrite[k] == held.dwrite[k])
            && (k % K < n || got.dpre[k] == held.dpre[k])
            && (k % K < 2 * n + n * n
                || got.dwrite[k] == held.dwrite[k]);
    good = lab_true("the rest of dcoefficients is left alone", kept,
                    "writing back leaves pre alone, reading back all but "
                    "pre; neither touches what stands behind res") && good;
    return good;
}

// Add up many tokens of ones
enum { CALLS = 30, STREAMS = 4 };

static void check_threads(void)
{
    struct layout l = { .streams = STREAMS,
                        .width = lab_size(40, 20000, 30000) };
    size_t tokens = lab_size(41, 20, 30), lost = 1;
    size_t one = tokens * l.width, all = one * STREAMS;
    real *ones = test_reals(all), *dstream = test_reals(all),
         *danswer = test_reals(one),
         *input = test_reals(one), *next = test_reals(all),
         *drow = test_reals(tokens * layout_row(&l));
    for (size_t i = 0; i < all; i++)
        ones[i] = 1;
    lab_output(&lost, sizeof lost);
    lab_call(size_t wrong = 0;
    for (int call = 0; call < CALLS; call++) {
        mixing_write_backward(dstream, danswer, drow, ones, ones, ones,
                              ones, &l, tokens);
        mixing_read(input, ones, ones, &l, tokens);
        mixing_write(next, ones, ones, ones, &l, tokens);
        for (size_t i = 0; i < all; i++)
            wrong += dstream[i] != STREAMS || input[i % one] != STREAMS
                 || next[i] != STREAMS + 1
                 || danswer[i % one] != STREAMS;
        mixing_read_backward(dstream, drow, ones, ones, ones, &l,
                             tokens);
        for (size_t i = 0; i < all; i++)
            wrong += dstream[i] != STREAMS + 1;
        for (size_t i = 0; i < tokens * layout_row(&l); i++)
            wrong += drow[i] != (real)l.width;
    }
    lost = wrong);
    lab_true("many tokens of ones", lost == 0, "%zu numbers are wrong: "
             "do several threads add to the same one?", lost);
}

int main(void)
{
    lab_begin("Lab 17: static Hyper-Connections");
    for (size_t n = 1; n <= MOST && check(n); n++)
        ;
    check_threads();
    return lab_end();
}
