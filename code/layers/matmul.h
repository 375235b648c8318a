#ifndef MATMUL_H
#define MATMUL_H
#include "ground/message.h"
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* Row-major: x [rows][in], w [out][in], y [rows][out]. Results and
   operands do not overlap. */
/* y = x w^T */
void matmul_forward(real *y, const real *x, const real *w,
                    size_t rows, size_t out, size_t in);
/* dx = dy w; where add, dx += dy w */
void matmul_backward_input(real *dx, const real *dy, const real *w,
                           size_t rows, size_t out, size_t in,
                           bool add);
/* dw += dy^T x */
void matmul_backward_weight(real *dw, const real *dy, const real *x,
                            size_t rows, size_t out, size_t in);

// The serial product, declared
/* c = alpha op(a) op(b) + beta c, where op(a) is [m][k], op(b) is
   [k][n], c is [m][n], and op(a) is a^T if transpose_a. lda, ldb, ldc
   count the reals from one row as it is stored to the next. If beta
   is 0, c is not read. One call, one thread. */
void matmul_serial(bool transpose_a, bool transpose_b,
                   size_t m, size_t n, size_t k,
                   real alpha, const real *a, size_t lda,
                   const real *b, size_t ldb,
                   real beta, real *c, size_t ldc);
/* the same in plain C, with or without BLAS */
void matmul_loops(bool transpose_a, bool transpose_b,
                  size_t m, size_t n, size_t k,
                  real alpha, const real *a, size_t lda,
                  const real *b, size_t ldb,
                  real beta, real *c, size_t ldc);
// The slices, declared
/* into how many slices so many rows of a result are cut */
size_t matmul_slices(size_t rows);
// The library, declared
/* what computes the products, for instance "OpenBLAS 0.3.21 Haswell",
   version and kind of kernels; or "loops" */
const char *matmul_library(void);
/* All that the products need besides their arguments, for as many
   threads as OpenMP may start now, is taken; or EX_OSERR. */
bool matmul_ready(struct message *m);
LANGUAGE_C_END
#endif
