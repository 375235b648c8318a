#include "layers/timing.h"
#include "layers/matmul.h"
#include "layers/onednn.h"
#include "support/fill.h"
#include <omp.h>
#include <stdio.h>
#ifndef BLAS_NONE
#include <cblas.h>
static CBLAS_TRANSPOSE transposed(bool is)
{
    return is ? CblasTrans : CblasNoTrans;
}
#endif

enum { ROWS = 2048, MOST = ROWS * 4096, LAYERS = 6, PASSES = 5,
       SCRATCH = 1 << 24 };
static const size_t layer[LAYERS][2] = {    /* out, in */
    { 1152, 384 }, { 2048, 384 }, { 384, 1024 }, { 2304, 768 },
    { 4096, 768 }, { 768, 2048 } };
struct run {
    struct onednn_shape s;
    const struct onednn *by;        /* NULL: OpenBLAS */
    real *c, *a, *b;
    void *scratch;
};

// The slice of product 0, 1 or 2 of a layer
static struct onednn_shape slice_shape(size_t product, size_t out,
                                       size_t in)
{
    size_t all = product == 2 ? out : ROWS;
    size_t rows = all / matmul_slices(all);
    if (product == 0)
        return (struct onednn_shape){ .m = rows, .n = out, .k = in,
            .row_a = in, .row_b = in, .row_c = out,
            .transpose_b = true };
    if (product == 1)
        return (struct onednn_shape){ .m = rows, .n = in, .k = out,
            .row_a = out, .row_b = in, .row_c = in };
    return (struct onednn_shape){ .m = rows, .n = in, .k = ROWS,
        .row_a = out, .row_b = in, .row_c = in, .transpose_a = true,
        .add = true };
}

static void run_once(void *context)
{
    struct run *r = context;
    const struct onednn_shape *s = &r->s;
    if (r->by != NULL)
        onednn_run(r->by, r->c, r->a, r->b, r->scratch);
#ifndef BLAS_NONE
    else
        cblas_sgemm(CblasRowMajor, transposed(s->transpose_a),
                    transposed(s->transpose_b), (int)s->m, (int)s->n,
                    (int)s->k, 1, r->a, (int)s->row_a, r->b,
                    (int)s->row_b, s->add, r->c, (int)s->row_c);
#endif
}

int main(void)
{
    static const char *const name[] = { "y", "dx", "dw" };
    matmul_library();               /* sets OpenBLAS up */
    omp_set_num_threads(1);
    struct run r = { .c = test_reals(MOST), .a = test_reals(MOST),
                     .b = test_reals(MOST),
                     .scratch = test_reals(SCRATCH) };
    fill_integers(r.a, MOST, 1, 3);
    fill_integers(r.b, MOST, 2, 3);
    puts("product,rows,out,in,openblas,onednn,ratio");
    for (size_t i = 0; i < 3 * LAYERS; i++) {
        double best[2] = { INFINITY, INFINITY };
        r.s = slice_shape(i % 3, layer[i / 3][0], layer[i / 3][1]);
        const struct onednn *by = onednn_prepare(r.s);
        if (by == NULL
            || onednn_scratch(by) > SCRATCH * sizeof(real))
            return 1;
        for (size_t k = 0; k < 2 * PASSES; k++) {
            r.by = k % 2 == 0 ? NULL : by;
            best[k % 2] = fmin(best[k % 2], best_time(run_once, &r));
        }
        double work = 2e-9 * (double)(r.s.m * r.s.n * r.s.k);
        printf("%s,%d,%zu,%zu,%.1f,%.1f,%.2f\n", name[i % 3], ROWS,
               layer[i / 3][0], layer[i / 3][1], work / best[0],
               work / best[1], best[0] / best[1]);
    }
    return 0;
}
