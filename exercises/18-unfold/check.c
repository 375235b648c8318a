#include "mixing/unfold.h"
#include "support/fill.h"
#include "support/lab.h"

enum mistake { NONE, LATE, TRANSPOSED, BACKWARDS, EXCHANGED, ONE_STREAM,
               NO_POST, MISTAKES };
enum { SITES = 6, MOST = 8, ROW = 2 * MOST + MOST * MOST };

// Follow one vector or answer forward
static void follow(real *column, const real *rows, size_t from,
                   size_t n, enum mistake mistake)
{
    size_t K = 2 * n + n * n;
    size_t pre = mistake == EXCHANGED ? n : 0, post = n - pre;
    real x[MOST] = { 0 };
    for (size_t i = 0; i < n && from == 0; i++)
        x[i] = mistake != ONE_STREAM || i == 0;
    for (size_t k = 0; k < SITES; k++) {
        size_t at = mistake == BACKWARDS && k < SITES - 1
                  ? SITES - 2 - k : k;
        const real *res = rows + at * K + 2 * n;
        real next[MOST] = { 0 };
        column[k * SITES] = 0;
        for (size_t i = 0; i < n; i++)
            column[k * SITES] += rows[k * K + pre + i] * x[i];
        if (mistake == LATE && k + 1 == from)
            for (size_t i = 0; i < n; i++)
                x[i] += rows[k * K + post + i];
        for (size_t i = 0; i < n * n; i++)
            next[i / n] += x[i % n] * res[mistake == TRANSPOSED
                                          ? i % n * n + i / n : i];
        for (size_t i = 0; i < n; i++)
            x[i] = next[i] + (k + 1 != from || mistake == LATE ? 0
                    : mistake == NO_POST ? 1 : rows[k * K + post + i]);
    }
}

// Check one unfolding
static void define(real *map, const real *rows, size_t n,
                   enum mistake mistake)
{
    for (size_t from = 0; from < SITES; from++)
        follow(map + from, rows, from, n, mistake);
}

static void check(const char *what, size_t n)
{
    static const char *const saying[MISTAKES] = { "",
        "answers that pass the mixing of their own site",
        "mixing matrices that are transposed",
        "mixing matrices in the opposite order",
        "pre and post exchanged",
        "every stream's share of the first vector but one left out",
        "answers without their weights of writing" };
    static const size_t shape[2] = { SITES, SITES };
    static real rows[SITES * ROW], got[SITES * SITES];
    real want[SITES * SITES], wrong[SITES * SITES];
    char name[40];
    snprintf(name, sizeof name, "map, %s", what);
    fill_integers(rows, SITES * ROW, n, 3);
    lab_input("rows", rows, sizeof rows);
    lab_unset(got, SITES * SITES);
    lab_call(unfold(got, rows, SITES, n));
    define(want, rows, n, NONE);
    lab_axes("kj");
    if (!lab_compare(name, got, want, shape, 2, 1e-6))
        for (int m = LATE; m < MISTAKES; m++) {
            define(wrong, rows, n, (enum mistake)m);
            lab_mistake(saying[m], wrong);
        }
}

int main(void)
{
    lab_begin("Lab 18: who listens to whom");
    check("one stream", 1);
    check("two streams", 2);
    check("three streams", 3);
    check("four streams", 4);
    check("eight streams", 8);
    return lab_end();
}
