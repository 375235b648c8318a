#include "check/suspect.h"
#include "ground/random.h"
#include "support/lab.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINES = 5, KINDS = 5, CASES = KINDS << LINES };
static double numbers[8][256];
static size_t n, C;

// A program with wrong lines
static void balance(double *res, const double *logits, bool gated)
{
    for (size_t i = 0; i < n * n; i++)
        res[i] = exp(logits[i]) / (gated ? 1 + exp(logits[i]) : 1);
    for (size_t h = 0; h < 40; h++)
        for (size_t a = 0; a < n; a++) {
            double sum = 0;
            for (size_t j = 0; j < n; j++)
                sum += res[h % 2 == 0 ? j * n + a : a * n + j];
            for (size_t j = 0; j < n; j++)
                res[h % 2 == 0 ? j * n + a : a * n + j] /= sum;
        }
}

static unsigned asked;          /* how many suspects there have been */

// Spoil one number of a line
static void spoil(double *x, size_t count, bool wrong, bool nan)
{
    static uint64_t spots;
    size_t at = random_below(lab_seed(asked), 3, spots++, count);
    x[at] += !wrong ? .9e-6 : nan ? NAN : spots % 2 ? 1.1e-6 : -1.1e-6;
}

/* numbers that are NaN only after they were used: then what was made of
   them is wrong, too, though it is a number */
static void spoil_behind(unsigned bugs)
{
    bool pre = bugs & PRE_LINE && bugs & READ_LINE;
    bool post = bugs & POST_LINE && bugs & NEXT_LINE;
    bool res = bugs & RES_LINE && bugs & NEXT_LINE;
    if (pre)
        numbers[3][asked % n] = NAN;
    if (post)
        numbers[4][asked % n] = NAN;
    if (res)
        numbers[5][asked % (n * n)] = NAN;
    spoil(numbers[6], C, bugs & READ_LINE && !pre, false);
    spoil(numbers[7], n * C, bugs & NEXT_LINE && !post && !res, false);
}

static void run_program(unsigned bugs, unsigned kind)
{
    double *x = numbers[0], *answer = numbers[1], *logit = numbers[2];
    double *pre = numbers[3], *post = numbers[4], *res = numbers[5];
    double *input = numbers[6], *next = numbers[7], turned[64];
    unsigned whole = kind < 2 ? bugs : 0;   /* wrong everywhere */
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < 256; i++)
            numbers[k][i] = (k == 2 ? 3 : 1)
                          * random_normal(lab_seed(asked), k, i);
    if (asked % 3 == 0)         /* exp of it is infinite */
        logit[asked % (2 * n)] = asked % 2 ? 800 : -800;
    for (size_t i = 0; i < n; i++) {
        pre[i] = 1 / (1 + exp(-logit[i])) + (whole & PRE_LINE ? .1 : 0);
        post[i] = (whole & POST_LINE ? 1 : 2)
                / (1 + exp(-logit[n + i]));
    }
    balance(turned, logit + 2 * n, whole & RES_LINE && kind == 0);
    for (size_t i = 0; i < n * n; i++)
        res[i] = turned[whole & RES_LINE && kind == 1
                        ? i % n * n + i / n : i];
    if (kind >= 2) {
        bool nan = kind == 3;
        spoil(pre, n, bugs & PRE_LINE, nan && bugs & READ_LINE);
        spoil(post, n, bugs & POST_LINE, nan && bugs & NEXT_LINE);
        spoil(res, n * n, bugs & RES_LINE, nan && bugs & NEXT_LINE);
    }
    for (size_t c = 0; c < C; c++) {
        input[c] = 0;
        for (size_t i = 0; i < n; i++) {
            next[i * C + c] = whole & NEXT_LINE && kind == 1 ? 0
                            : post[i] * answer[c];
            for (size_t j = 0; j < n; j++)
                next[i * C + c] += x[j * C + c]
                    * (whole & NEXT_LINE && kind == 0 ? res[j * n + i]
                                                      : res[i * n + j]);
            input[c] += (whole & READ_LINE ? post : pre)[i]
                      * x[i * C + c];
        }
    }
    if (kind == 2 || kind == 3) {
        spoil(input, C, bugs & READ_LINE, kind == 3);
        spoil(next, n * C, bugs & NEXT_LINE, kind == 3);
    }
    if (kind == 4)
        spoil_behind(bugs);
}

// Say what is missing
static const char *saying(unsigned got, unsigned want)
{
    if (got == (want & ~(unsigned)RES_LINE))
        return ": the matrix is wrong, but its rows and columns add up";
    if (got == (want & -want))
        return ": it stops at the first wrong line";
    if ((got & want) == want)
        return ": a line is blamed for what it was given";
    return "";
}

// Draw the next suspect
static unsigned order[CASES];
static size_t most;             /* of this half and those before */

static void serve(void *reply, const void *request)
{
    (void)request;
    if (asked < most) {
        unsigned bits = 0, left = CASES - asked;
        if (getentropy(&bits, sizeof bits) != 0)
            _exit(1);
        unsigned other = asked + bits % left, drawn = order[other];
        order[other] = order[asked];
        order[asked++] = drawn;
        run_program(drawn / KINDS, drawn % KINDS);
    }
    memcpy(reply, numbers, sizeof numbers);
}

int main(void)
{
    static unsigned got[CASES], given[CASES];
    lab_begin("Lab 31: which lines are wrong?");
    struct suspect s = { 0, 0, numbers[0], numbers[1], numbers[2],
        numbers[3], numbers[4], numbers[5], numbers[6], numbers[7] };
    for (unsigned k = 0; k < CASES; k++)
        order[k] = k;
    for (size_t half = 0; half < 2; half++) {
        s.n = n = half ? lab_size(0, 6, 8) : lab_size(1, 3, 5);
        s.C = C = half ? lab_size(2, 9, 32) : lab_size(3, 3, 8);
        lab_input("the suspect", &s, sizeof s);
        /* a half sees and fills no more than its own part */
        lab_output(got + half * CASES / 2, sizeof got / 2);
        most = (half + 1) * CASES / 2;
        lab_serve(serve, sizeof numbers, 1);
        lab_call(
            for (size_t k = 0; k < CASES / 2; k++) {
                lab_ask(numbers, "");
                got[half * CASES / 2 + k] = wrong_lines(&s);
            });
    }
    for (unsigned k = 0; k < CASES; k++)
        given[order[k]] = got[k];
    // Judge all suspects
    for (unsigned bugs = 0; bugs < 1 << LINES; bugs++) {
        unsigned answer = bugs;
        for (unsigned k = KINDS; k-- > 0; )
            if (given[bugs * KINDS + k] != bugs)
                answer = given[bugs * KINDS + k];
        char what[64];
        snprintf(what, sizeof what, "lines %s%s%s%s%swrong",
            bugs & 1 ? "pre " : "", bugs & 2 ? "post " : "",
            bugs & 4 ? "res " : "", bugs & 8 ? "read " : "",
            bugs & 16 ? "next " : "");
        if (!lab_true(what, answer == bugs, "your answer is %u, the right "
                      "one is %u%s", answer, bugs, saying(answer, bugs)))
            return lab_end();
    }
    return lab_end();
}
