#include "support/fill.h"
#include "support/lab.h"
#include "layers/matmul.h"
#include <string.h>

// The products of the way back, in double
/* got += scale * sum over p of a(i,p) b(p,j), for got [m][n]; a_row is
   how far it is from one row of a to the next, and so on */
static void sums(real *got, size_t m, size_t n, size_t k,
                 const real *a, size_t a_row, size_t a_column,
                 const real *b, size_t b_row, size_t b_column,
                 double keep)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = keep * (double)got[i * n + j];
            for (size_t p = 0; p < k; p++)
                sum += (double)a[i * a_row + p * a_column]
                    * (double)b[p * b_row + j * b_column];
            got[i * n + j] = (real)sum;
        }
}
// Check one layer
static bool check_layer(size_t rows, size_t out, size_t in)
{
    char what[120];
    real *x = test_reals(rows * in), *w = test_reals(out * in);
    real *dy = test_reals(rows * out);
    bool square = rows == out && out == in, good = true;

    char sizes[60];
    snprintf(sizes, sizeof sizes, "rows %zu, out %zu, in %zu", rows,
             out, in);
    fill_normal(x, rows * in, 1, 1);
    fill_normal(w, out * in, 2, 1);
    fill_normal(dy, rows * out, 3, 1);
    // Check the gradient of the input, with and without add
    for (int add = 0; add < 2; add++) {
        real *before = test_reals(rows * in), *got = test_reals(rows * in);
        real *want = test_reals(rows * in), *other = test_reals(rows * in);
        fill_normal(before, rows * in, 4, 1);
        lab_input("dy", dy, rows * out * sizeof *dy);
        lab_input("w", w, out * in * sizeof *w);
        if (add)
            lab_start(got, before, rows * in);
        else
            lab_unset(got, rows * in);
        lab_call(matmul_backward_input(got, dy, w, rows, out, in, add));
        memcpy(want, before, rows * in * sizeof *got);
        memcpy(other, before, rows * in * sizeof *got);
        sums(want, rows, in, out, dy, out, 1, w, in, 1, add);
        snprintf(what, sizeof what, "dx, %s%s", sizes,
                 add ? ", where add is true" : "");
        lab_axes("ri");
        if (!lab_compare(what, got, want, (size_t[]){ rows, in }, 2,
                         1e-5)) {
            good = false;
            sums(other, rows, in, out - 1, dy, out, 1, w, in, 1, add);
            lab_mistake("a sum over o that lacks the last output", other);
            // Recognise w transposed
            if (square) {
                memcpy(other, before, rows * in * sizeof *got);
                sums(other, rows, in, out, dy, out, 1, w, 1, in, add);
                lab_mistake("dy w^T: the wrong index of w is summed over", other);
                memcpy(other, before, rows * in * sizeof *got);
                sums(other, rows, in, out, dy, 1, out, w, in, 1, add);
                lab_mistake("dy^T w: the wrong index of dy is summed over", other);
            }
        }
    }
    // Check the gradient of the weights
    real *before = test_reals(out * in), *got = test_reals(out * in);
    real *want = test_reals(out * in), *other = test_reals(out * in);
    fill_normal(before, out * in, 4, 1);
    lab_input("dy", dy, rows * out * sizeof *dy);
    lab_input("x", x, rows * in * sizeof *x);
    lab_start(got, before, out * in);
    lab_call(matmul_backward_weight(got, dy, x, rows, out, in));
    memcpy(want, before, out * in * sizeof *got);
    sums(want, out, in, rows, dy, 1, out, x, in, 1, 1);
    snprintf(what, sizeof what, "dw, %s", sizes);
    lab_axes("oi");
    if (!lab_compare(what, got, want, (size_t[]){ out, in }, 2, 1e-5)) {
        good = false;
        memcpy(other, before, out * in * sizeof *got);
        sums(other, out, in, rows - 1, dy, 1, out, x, in, 1, 1);
        lab_mistake("a dw without the last row", other);
        // Recognise x and dy exchanged, or not transposed
        if (square) {
            memcpy(other, before, out * in * sizeof *got);
            sums(other, out, in, rows, x, 1, in, dy, out, 1, 1);
            lab_mistake("x^T dy: x and dy have changed places", other);
            memcpy(other, before, out * in * sizeof *got);
            sums(other, out, in, rows, dy, out, 1, x, in, 1, 1);
            lab_mistake("dy x: dy is not transposed", other);
        }
    }
    return good;
}
// Check that no addition to a gradient is lost
enum { CALLS = 40, OUT = 2, IN = 4, BOTH = OUT * IN };

static void check_threads(void)
{
    const size_t many = lab_size(9, 200000, 300000);
    const real zeros[2 * BOTH] = { 0 };
    real *ones = test_reals(IN * many), sum[2 * BOTH];
    for (size_t i = 0; i < IN * many; i++)
        ones[i] = 1;
    lab_start(sum, zeros, 2 * BOTH);
    lab_call(for (int call = 0; call < CALLS; call++) {
        matmul_backward_input(sum, ones, ones, OUT, many, IN, true);
        matmul_backward_weight(sum + BOTH, ones, ones, many, OUT, IN);
    });
    lab_ones("dx and dw, many ones", sum, 2 * BOTH,
             (double)(CALLS * many));
}

/* what is to be overwritten may hold anything */
static void check_overwritten(void)
{
    const real ones[4] = { 1, 1, 1, 1 };
    const real nans[4] = { NAN, NAN, NAN, NAN };
    real dx[4];
    lab_start(dx, nans, 4);
    lab_call(matmul_backward_input(dx, ones, ones, 2, 2, 2, false));
    lab_true("dx, where a NaN stood", dx[0] == 2 && dx[1] == 2 &&
             dx[2] == 2 && dx[3] == 2,
             "it is overwritten, not multiplied by 0: a NaN stays one");
}

/* rows, out and in: one is 1, the next one large, and one small */
static void check_sizes(void)
{
    size_t size[5];
    for (size_t k = 0; k < 5; k++)
        size[k] = k % 3 == 0 ? 1 : k % 3 == 1 ? lab_size(k, 1025, 1300)
                : lab_size(k, 2, 9);
    for (size_t k = 0; k < 3; k++)
        check_layer(size[k], size[k + 1], size[k + 2]);
}

int main(void)
{
    lab_begin("The way back through a linear layer");
    check_overwritten();
    if (check_layer(2, 2, 2) && check_layer(6, 6, 6)) {
        check_layer(2, 3, 4);
        check_layer(70, 41, 33);
        check_sizes();
        check_threads();
    }
    return lab_end();
}
