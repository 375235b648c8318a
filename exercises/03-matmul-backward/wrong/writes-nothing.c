/* expect: all of it is still what it was before */
#include "layers/matmul.h"

void matmul_backward_input(real *dx, const real *dy, const real *w,
                           size_t rows, size_t out, size_t in,
                           bool add)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < in; i++) {
            real sum = 0;
            for (size_t o = 0; o < out; o++)
                sum += dy[r * out + o] * w[o * in + i];
            dx[r * in + i] = add ? dx[r * in + i] + sum : sum;
        }
}

void matmul_backward_weight(real *dw, const real *dy, const real *x,
                            size_t rows, size_t out, size_t in)
{
    (void)dw, (void)dy, (void)x;
    (void)rows, (void)out, (void)in;
}
