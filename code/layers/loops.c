#include "layers/matmul.h"

enum { DEPTH = 64, WIDTH = 256 };

// The smaller of two sizes
static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}
// Multiply by one panel
static void panel_product(size_t m, size_t n, size_t k, real alpha,
                          const real *a, size_t a_row, size_t a_column,
                          const real *b, size_t b_row, size_t b_column,
                          real *c, size_t ldc)
{
    real panel[DEPTH][WIDTH];

    // Copy op(b) into the panel
    for (size_t p = 0; p < k; p++)
        for (size_t j = 0; j < n; j++)
            panel[p][j] = b[p * b_row + j * b_column];
    // Add a row of the panel for every element of op(a)
    for (size_t i = 0; i < m; i++)
        for (size_t p = 0; p < k; p++) {
            real x = alpha * a[i * a_row + p * a_column];
            for (size_t j = 0; j < n; j++)
                c[i * ldc + j] += x * panel[p][j];
        }
}
// The serial product by loops
void matmul_loops(bool transpose_a, bool transpose_b,
                  size_t m, size_t n, size_t k,
                  real alpha, const real *a, size_t lda,
                  const real *b, size_t ldb,
                  real beta, real *c, size_t ldc)
{
    size_t a_row = transpose_a ? 1 : lda;
    size_t a_column = transpose_a ? lda : 1;
    size_t b_row = transpose_b ? 1 : ldb;
    size_t b_column = transpose_b ? ldb : 1;

    // Multiply c by beta
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            c[i * ldc + j] = beta == 0 ? 0 : beta * c[i * ldc + j];
    // Go through op(b) panel by panel
    for (size_t p = 0; p < k; p += DEPTH)
        for (size_t j = 0; j < n; j += WIDTH)
            panel_product(m, smaller(n - j, WIDTH), smaller(k - p, DEPTH),
                          alpha, a + p * a_column, a_row, a_column,
                          b + p * b_row + j * b_column, b_row, b_column,
                          c + j, ldc);
}
