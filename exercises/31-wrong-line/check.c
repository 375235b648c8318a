#include "check/suspect.h"
#include "ground/random.h"
#include "support/lab.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { N = 3, C = 5, LINES = 5, CASES = 2 << LINES };
static double numbers[8][32];

// A program with wrong lines
static void balance(double *res, const double *logits, bool gated)
{
    for (int i = 0; i < N * N; i++)
        res[i] = exp(logits[i]) / (gated ? 1 + exp(logits[i]) : 1);
    for (int h = 0; h < 40; h++)
        for (int a = 0; a < N; a++) {
            double sum = 0;
            for (int j = 0; j < N; j++)
                sum += res[h % 2 == 0 ? j * N + a : a * N + j];
            for (int j = 0; j < N; j++)
                res[h % 2 == 0 ? j * N + a : a * N + j] /= sum;
        }
}

static unsigned asked;          /* how many suspects there have been */

static void run_program(unsigned bugs, int kind)
{
    double *x = numbers[0], *answer = numbers[1], *logit = numbers[2];
    double *pre = numbers[3], *post = numbers[4], *res = numbers[5];
    double turned[N * N];
    for (int k = 0; k < 3; k++)
        for (size_t i = 0; i < 32; i++)
            numbers[k][i] = (k == 2 ? 3 : 1)
                * random_normal(lab_seed(asked), (uint64_t)k, i);
    for (int i = 0; i < N; i++) {
        bool here = i == (int)asked % N;
        pre[i] = 1 / (1 + exp(-logit[i]))
               + (bugs & PRE_LINE && here ? .1 : 0);
        post[i] = (bugs & POST_LINE && here ? 1 : 2)
                / (1 + exp(-logit[N + i]));
    }
    balance(turned, logit + 2 * N, bugs & RES_LINE && kind == 0);
    for (int i = 0; i < N * N; i++)
        res[i] = turned[bugs & RES_LINE && kind == 1
                        ? i % N * N + i / N : i];
    for (int c = 0; c < C; c++) {
        bool here = c == (int)asked % C;
        numbers[6][c] = 0;
        for (int i = 0; i < N; i++) {
            double by = bugs & READ_LINE && here ? post[i] : pre[i];
            double next = kind == 1 && bugs & NEXT_LINE && here ? 0
                        : post[i] * answer[c];
            for (int j = 0; j < N; j++)
                next += x[j * C + c] * (kind == 0 && bugs & NEXT_LINE
                      && here ? res[j * N + i] : res[i * N + j]);
            numbers[6][c] += by * x[i * C + c];
            numbers[7][i * C + c] = next;
        }
    }
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

static void serve(void *reply, const void *request)
{
    (void)request;
    if (asked < CASES) {
        unsigned bits = 0, left = CASES - asked;
        if (getentropy(&bits, sizeof bits) != 0)
            _exit(1);
        unsigned other = asked + bits % left, drawn = order[other];
        order[other] = order[asked];
        order[asked++] = drawn;
        run_program(drawn / 2, (int)drawn % 2);
    }
    memcpy(reply, numbers, sizeof numbers);
}

int main(void)
{
    static unsigned got[CASES], given[CASES];
    lab_begin("Lab 31: which lines are wrong?");
    struct suspect s = { N, C, numbers[0], numbers[1], numbers[2],
        numbers[3], numbers[4], numbers[5], numbers[6], numbers[7] };
    for (unsigned k = 0; k < CASES; k++)
        order[k] = k;
    lab_input("the suspect", &s, sizeof s);
    lab_output(got, sizeof got);
    lab_serve(serve, sizeof numbers, 1);
    lab_call(
        for (size_t k = 0; k < CASES; k++) {
            lab_ask(numbers, "");
            got[k] = wrong_lines(&s);
        });
    for (unsigned k = 0; k < CASES; k++)
        given[order[k]] = got[k];
    // Judge all suspects
    for (unsigned k = 0; k < CASES; k++) {
        const unsigned bugs = k / 2, answer = given[k];
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
