#include "layers/matmul.h"
#include "ground/slices.h"

// The number of slices
enum { FEWEST = 4, LARGEST = 288, SMALLEST = 32 };  /* rows */

size_t matmul_slices(size_t rows)
{
    size_t slices = 1;

    while (rows / slices >= 2 * SMALLEST
           && (slices < FEWEST || rows / slices > LARGEST))
        slices *= 2;
    return slices;
}
// Matmul forward
void matmul_forward(real *y, const real *x, const real *w,
                    size_t rows, size_t out, size_t in)
{
    size_t slices = matmul_slices(rows);

#pragma omp parallel for schedule(dynamic) if (slices > 1)
    for (size_t s = 0; s < slices; s++) {
        struct slice r = slice_of(s, slices, rows);
        matmul_serial(false, true, r.end - r.begin, out, in,
                      1, x + r.begin * in, in, w, in,
                      0, y + r.begin * out, out);
    }
}

// Matmul backward
void matmul_backward_input(real *dx, const real *dy, const real *w,
                           size_t rows, size_t out, size_t in,
                           bool add)
{
    size_t slices = matmul_slices(rows);

#pragma omp parallel for schedule(dynamic) if (slices > 1)
    for (size_t s = 0; s < slices; s++) {
        struct slice r = slice_of(s, slices, rows);
        matmul_serial(false, false, r.end - r.begin, in, out,
                      1, dy + r.begin * out, out, w, in,
                      add, dx + r.begin * in, in);
    }
}

void matmul_backward_weight(real *dw, const real *dy, const real *x,
                            size_t rows, size_t out, size_t in)
{
    size_t slices = matmul_slices(out);

#pragma omp parallel for schedule(dynamic) if (slices > 1)
    for (size_t s = 0; s < slices; s++) {
        struct slice o = slice_of(s, slices, out);
        matmul_serial(true, false, o.end - o.begin, in, rows,
                      1, dy + o.begin, out, x, in,
                      1, dw + o.begin * in, in);
    }
}
