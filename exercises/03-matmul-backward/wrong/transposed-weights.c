/* expect: dy w^T: the wrong index of w is summed over */
#include "layers/matmul.h"

void matmul_backward_input(real *dx, const real *dy, const real *w,
                           size_t rows, size_t out, size_t in,
                           bool add)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < in; i++) {
            real sum = 0;
            for (size_t o = 0; o < out; o++)
                sum += dy[r * out + o] * w[i * in + o];
            dx[r * in + i] = add ? dx[r * in + i] + sum : sum;
        }
}

void matmul_backward_weight(real *dw, const real *dy, const real *x,
                            size_t rows, size_t out, size_t in)
{
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++) {
            real sum = 0;
            for (size_t r = 0; r < rows; r++)
                sum += dy[r * out + o] * x[r * in + i];
            dw[o * in + i] += sum;
        }
}
