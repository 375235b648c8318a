#include "boundary/unfold.h"
#include "support/fill.h"
#include "support/lab.h"

enum mistake { NONE, LATE, TRANSPOSED, BACKWARDS, EXCHANGED, ONE_STREAM,
               NO_POST, MISTAKES };
enum { FEW = 9, SITES = 64, MOST = 8, ROW = 2 * MOST + MOST * MOST };
static size_t sites;

// Follow one vector or answer forward
static void follow(real *column, const real *rows, size_t from,
                   size_t n, enum mistake mistake)
{
    size_t K = 2 * n + n * n;
    size_t pre = mistake == EXCHANGED ? n : 0, post = n - pre;
    real x[MOST] = { 0 };
    for (size_t i = 0; i < n && from == 0; i++)
        x[i] = mistake != ONE_STREAM || i == 0;
    for (size_t k = 0; k < sites; k++) {
        size_t at = mistake == BACKWARDS && k < sites - 1
                  ? sites - 2 - k : k;
        const real *res = rows + at * K + 2 * n;
        real next[MOST] = { 0 };
        column[k * sites] = 0;
        for (size_t i = 0; i < n; i++)
            column[k * sites] += rows[k * K + pre + i] * x[i];
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
    for (size_t from = 0; from < sites; from++)
        follow(map + from, rows, from, n, mistake);
}

static void check(size_t n, size_t count)
{
    static const char *const saying[MISTAKES] = { "",
        "answers that pass the mixing of their own site",
        "mixing matrices that are transposed",
        "mixing matrices in the opposite order",
        "pre and post exchanged",
        "every stream's share of the first vector but one left out",
        "answers without their weights of writing" };
    const size_t shape[2] = { count, count };
    static real rows[SITES * ROW], got[SITES * SITES];
    real want[SITES * SITES], wrong[SITES * SITES];
    char name[60];
    sites = count;
    snprintf(name, sizeof name, "map, streams: %zu, sites: %zu", n,
             sites);
    fill_integers(rows, SITES * ROW, n, n < 4 && sites <= FEW ? 3 : 1);
    for (size_t i = 0; i < SITES * ROW && sites <= FEW; i++)
        rows[i] /= 2;
    lab_input("rows", rows, sizeof rows);
    lab_unset(got, sites * sites);
    lab_call(unfold(got, rows, sites, n));
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
    for (size_t n = 1; n <= MOST; n++)
        check(n, lab_size(n, 2, FEW));
    check(lab_size(9, 1, MOST), 1);
    check(2, SITES);
    return lab_end();
}
