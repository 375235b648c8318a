#include "support/lab_kernels.h"
#include "support/fill.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { ROWS = 150, COLUMNS = 200, SHARES = 16, ORDERS = 10 };
static real x[ROWS * COLUMNS], sums[COLUMNS], partial[SHARES * COLUMNS],
    want[SHARES * COLUMNS], first[COLUMNS];

// Mistakes in sums of columns
enum mistake { NONE, ONE_SHARE, HALF_OF_THEM, ALL_BUT_ONE,
               FROM_THE_LAST, IN_A_ROW, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "the first share alone", "the first eight shares",
    "all shares but the last", "shares from the last to the first",
    "shares of rows that follow each other" };

static void add_up(size_t rows, size_t columns, enum mistake mistake)
{
    const size_t each = (rows + SHARES - 1) / SHARES;
    for (size_t s = 0; s < SHARES; s++)
        for (size_t c = 0; c < columns; c++) {
            float sum = 0;
            for (size_t r = 0; r < rows; r++)
                if ((mistake == IN_A_ROW ? r / each : r % SHARES) == s)
                    sum += x[r * columns + c];
            want[s * columns + c] = sum;
        }
}

static void fold(size_t columns, enum mistake mistake)
{
    const size_t shares = mistake == ONE_SHARE ? 1
        : mistake == HALF_OF_THEM ? SHARES / 2
        : mistake == ALL_BUT_ONE ? SHARES - 1 : SHARES;
    for (size_t c = 0; c < columns; c++) {
        float sum = 0;
        for (size_t s = 0; s < shares; s++)
            sum += want[(mistake == FROM_THE_LAST ? SHARES - 1 - s : s)
                        * columns + c];
        want[c] = sum;
    }
}

// Check sums of columns
static void call(size_t rows, size_t columns, const char *order)
{
    lab_input("x", x, rows * columns * sizeof *x);
    lab_unset(sums, columns);
    lab_unset(partial, SHARES * columns);
    lab_gpu_call(order,
        float *gpu_x = lab_gpu(x, rows * columns);
        float *gpu_partial = lab_gpu(partial, SHARES * columns);
        float *gpu_sums = lab_gpu(sums, columns);
        column_sums(gpu_sums, gpu_partial, gpu_x, rows, columns));
}

static void check(size_t rows, size_t columns, const char *order)
{
    static size_t cases;
    const size_t shape[] = { SHARES, columns };
    char what[80];
    fill_normal(x, rows * columns, ++cases, 1);
    call(rows, columns, order);
    lab_axes("c");
    lab_axes("sc");
    add_up(rows, columns, NONE);
    snprintf(what, sizeof what, "partial, %zu rows of %zu", rows,
             columns);
    if (!lab_compare(what, partial, want, shape, 2, 0) && rows > 0) {
        add_up(rows, columns, IN_A_ROW);
        lab_mistake(saying[IN_A_ROW], want);
    }
    snprintf(what, sizeof what, "sums, %zu rows of %zu", rows, columns);
    add_up(rows, columns, NONE);
    fold(columns, NONE);
    if (!lab_compare(what, sums, want, shape + 1, 1, 0))
        for (int m = ONE_SHARE; m < IN_A_ROW; m++) {
            add_up(rows, columns, NONE);
            fold(columns, (enum mistake)m);
            lab_mistake(saying[m], want);
        }
}

// Check that orders do not matter
static void check_orders(void)
{
    const size_t rows = 90, columns = 70;
    size_t other = 0;
    for (size_t i = 0; i < rows * columns; i += 90)
        fill_normal(x + i, 90, 200 + i, i % 7 == 0 ? 1e4 : 1);
    for (size_t k = 0; k < ORDERS; k++) {
        char order[30];
        snprintf(order, sizeof order, "random:%zu",
                 lab_size(k, 1, 999));
        call(rows, columns, order);
        if (k == 0)
            memcpy(first, sums, sizeof first);
        for (size_t c = 0; c < columns; c++)
            other += sums[c] != first[c];
    }
    lab_true("ten random orders give the same bits", other == 0,
             "%zu of %zu sums are not those of the first order", other,
             (ORDERS - 1) * columns);
}

int main(void)
{
    lab_gpu_begin("Lab 39: a race between blocks");
    check(64, 40, "forward");
    check(32, 64, "reverse");
    check(7, 65, "random:1");
    check(0, 5, "forward");
    for (size_t k = 0; k < 3; k++)
        check(lab_size(k, 1, ROWS), lab_size(k + 10, 1, COLUMNS),
              "random:2");
    check_orders();
    return lab_end();
}
