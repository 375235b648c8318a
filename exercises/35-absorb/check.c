#include "boundary/absorb.h"
#include "support/fill.h"
#include "support/lab.h"
#include <string.h>

enum { SITES = 24, MOST = 8, ROW = 2 * MOST + MOST * MOST };
enum mistake { NONE, ORDER, TURNED, TRANSPOSED, EARLY, LATE, EXIT,
               MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "the products are made in the opposite order",
    "the transpose of the product in place of its inverse",
    "mixes that are transposed",
    "writing is taken back over the mixes before its site alone",
    "reading sees the mix of its own site",
    "the exit reads as if nothing had been mixed" };
static double rows[SITES * ROW];
static size_t sites;

// The gates that are wanted
typedef double square[MOST][MOST];

static void multiply(square out, square a, square b, size_t n)
{
    square c = { { 0 } };
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t j = 0; j < n; j++)
                c[i][j] += a[i][k] * b[k][j];
    memcpy(out, c, sizeof c);
}

/* Newton's iteration: from the transpose over its norms, x becomes
   x (2 - a x) */
static void invert(square x, square a, size_t n)
{
    double row = 0, column = 0;
    for (size_t i = 0; i < n; i++) {
        double r = 0, c = 0;
        for (size_t j = 0; j < n; j++) {
            r += fabs(a[i][j]);
            c += fabs(a[j][i]);
        }
        row = fmax(row, r);
        column = fmax(column, c);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            x[i][j] = a[j][i] / (row * column);
    for (int step = 0; step < 60; step++) {
        square rest;
        multiply(rest, a, x, n);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                rest[i][j] = (i == j ? 2 : 0) - rest[i][j];
        multiply(x, x, rest, n);
    }
}

static void define(double *gates, size_t n, enum mistake mistake)
{
    size_t K = 2 * n + n * n;
    square p = { { 0 } }, back = { { 0 } };
    for (size_t i = 0; i < n; i++)
        p[i][i] = back[i][i] = 1;
    for (size_t l = 0; l < sites; l++) {
        const double *row = rows + l * K;
        square res, inverse, plain, before, shown;
        for (size_t e = 0; e < n * n; e++) {
            res[e / n][e % n] = row[2 * n + (mistake == TRANSPOSED
                                ? e % n * n + e / n : e)];
            plain[e / n][e % n] = e / n == e % n;
        }
        memcpy(before, back, sizeof back);
        memcpy(shown, p, sizeof p);
        invert(inverse, res, n);
        multiply(p, mistake == ORDER ? p : res,
                 mistake == ORDER ? res : p, n);
        multiply(back, mistake == ORDER ? inverse : back,
                 mistake == ORDER ? back : inverse, n);
        if (mistake == LATE && l + 1 < sites)
            memcpy(shown, p, sizeof p);
        if (mistake == EXIT && l + 1 == sites)
            memcpy(shown, plain, sizeof plain);
        // Write the gates of a site
        for (size_t j = 0; j < n; j++) {
            double pre = 0, post = 0;
            for (size_t i = 0; i < n; i++) {
                pre += row[i] * shown[i][j];
                post += row[n + i] * (mistake == TURNED ? p[i][j]
                        : mistake == EARLY ? before[j][i] : back[j][i]);
            }
            gates[l * 2 * n + j] = pre;
            gates[l * 2 * n + n + j] = l + 1 == sites ? 0 : post;
        }
    }
}

// Check the gates without a mix
enum mixes { NEAR, EXCHANGED, NOT_MIXED };

static void check(size_t n, size_t count, enum mixes mixes)
{
    static const char *const of[] = { "mixes near the identity",
        "mixes that exchange streams", "no mix" };
    static double got[SITES * 2 * MOST], want[SITES * 2 * MOST];
    const size_t shape[2] = { count, 2 * n };
    size_t K = 2 * n + n * n;
    char name[90];
    sites = count;
    snprintf(name, sizeof name, "gates, %s, streams: %zu, sites: %zu",
             of[mixes], n, sites);
    // Draw the coefficients of a token
    fill_normal(rows, SITES * ROW, 10 * n + count + 100 * (size_t)mixes, 1);
    for (size_t i = 0; i < sites * K; i++) {
        size_t at = i % K, row = (at - 2 * n) / n, shift = 0;
        if (at < 2 * n)
            continue;
        if (mixes == EXCHANGED)
            shift = i / K + 1;
        bool one = row == ((at - 2 * n) % n + shift) % n;
        rows[i] = one + (mixes == NEAR ? 0.05 * rows[i] : 0);
    }
    lab_input("rows", rows, sizeof rows);
    lab_unset(got, sites * 2 * n);
    lab_call(absorb(got, rows, sites, n));
    define(want, n, NONE);
    lab_axes("lk");
    if (!lab_compare(name, got, want, shape, 2, 1e-7))
        for (int m = ORDER; m < MISTAKES; m++) {
            define(want, n, (enum mistake)m);
            lab_mistake(saying[m], want);
        }
}

int main(void)
{
    lab_begin("Lab 35: identity against Sinkhorn");
    for (size_t n = 1; n <= MOST; n++) {
        check(n, lab_size(n, 2, 9), NEAR);
        check(n, lab_size(n + MOST, 2, 9), EXCHANGED);
    }
    check(4, SITES, NEAR);
    check(lab_size(20, 2, MOST), lab_size(21, 3, SITES), NOT_MIXED);
    check(lab_size(22, 1, MOST), 1, NEAR);
    return lab_end();
}
