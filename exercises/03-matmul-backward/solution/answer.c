#include "layers/matmul.h"
#include "ground/slices.h"

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
