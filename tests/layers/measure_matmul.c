#include "layers/timing.h"
#include "layers/matmul.h"
#include "layers/peak.h"
#include "support/fill.h"
#include <omp.h>
#include <stdio.h>

// The shapes to measure
enum { SHAPES = 9 };
static const struct shape { size_t rows, in, out; } shapes[SHAPES] = {
    { 2048, 384, 1152 }, { 2048, 384, 1024 }, { 2048, 1024, 384 },
    { 2048, 384, 256 }, { 2048, 192, 576 }, { 2048, 192, 512 },
    { 512, 192, 576 }, { 64, 32, 96 }, { 1, 384, 1152 },
};
// The two plain orders
#define A a[transpose_a ? p * lda + i : i * lda + p]
#define B b[transpose_b ? j * ldb + p : p * ldb + j]
#define SERIAL(name, FIRST, SECOND) \
static void name(bool transpose_a, bool transpose_b, \
                 size_t m, size_t n, size_t k, \
                 real alpha, const real *a, size_t lda, \
                 const real *b, size_t ldb, \
                 real beta, real *c, size_t ldc) \
{ \
    (void)alpha, (void)beta; \
    for (size_t i = 0; i < m; i++) \
        for (size_t FIRST = 0; FIRST < FIRST##_end; FIRST++) \
            for (size_t SECOND = 0; SECOND < SECOND##_end; SECOND++) \
                c[i * ldc + j] += A * B; \
}
#define j_end n
#define p_end k
SERIAL(ijp, j, p)
SERIAL(ipj, p, j)
// Run one product in one way
typedef void serial(bool transpose_a, bool transpose_b,
                    size_t m, size_t n, size_t k,
                    real alpha, const real *a, size_t lda,
                    const real *b, size_t ldb,
                    real beta, real *c, size_t ldc);
static const char *const products[] = { "forward", "input", "weight" };

struct run {
    serial *multiply;           /* NULL: the slices */
    int product;
    struct shape s;
    real *a, *b, *c;
};

static void run_once(void *context)
{
    struct run *r = context;
    size_t rows = r->s.rows, in = r->s.in, out = r->s.out;

    if (r->multiply && r->product == 0)
        r->multiply(false, true, rows, out, in, 1, r->a, in, r->b, in,
                    0, r->c, out);
    else if (r->multiply && r->product == 1)
        r->multiply(false, false, rows, in, out, 1, r->a, out, r->b, in,
                    0, r->c, in);
    else if (r->multiply)
        r->multiply(true, false, out, in, rows, 1, r->a, out, r->b, in,
                    1, r->c, in);
    else if (r->product == 0)
        matmul_forward(r->c, r->a, r->b, rows, out, in);
    else if (r->product == 1)
        matmul_backward_input(r->c, r->a, r->b, rows, out, in, false);
    else
        matmul_backward_weight(r->c, r->a, r->b, rows, out, in);
}

int main(void)
{
    // Make room and numbers
    enum { LARGEST = 2048 * 1152, WAYS = 5 };
    struct run run = { .a = test_reals(LARGEST), .b = test_reals(LARGEST),
                       .c = test_reals(LARGEST) };
    double rate[SHAPES][3][WAYS] = { 0 }, one = 0, all = 0;

    fill_integers(run.a, LARGEST, 1, 3);
    fill_integers(run.b, LARGEST, 2, 3);
    for (int pass = 0; pass < 5; pass++) {
        one = fmax(one, matmul_peak(1));
        all = fmax(all, matmul_peak(omp_get_max_threads()));
        // Measure every shape, product and way
        static serial *const ways[WAYS] = { ijp, ipj, matmul_loops,
                                            matmul_serial, NULL };
        for (size_t i = 0; i < SHAPES; i++)
            for (run.product = 0; run.product < 3; run.product++)
                for (size_t way = 0; way < WAYS; way++) {
                    double *best = &rate[i][run.product][way];
                    run.multiply = ways[way];
                    run.s = shapes[i];
                    if (way < 2 && run.s.rows > 64)
                        run.s.rows = 64;
                    *best = fmax(*best, 2e-9 * (double)(run.s.rows * run.s.in
                                                        * run.s.out)
                                 / best_time(run_once, &run));
                }
    }
    // Print what was measured
    fprintf(stderr, "%s, %d threads\n", matmul_library(),
            omp_get_max_threads());
    puts("case,product,rows,in,out,ijp,ipj,panels,blas,sliced,"
         "peak,peak_all");
    for (size_t i = 0; i < SHAPES; i++)
        for (int product = 0; product < 3; product++) {
            struct shape s = shapes[i];
            printf("%zu,%s,%zu,%zu,%zu", i, products[product],
                   s.rows, s.in, s.out);
            for (size_t way = 0; way < WAYS; way++)
                printf(",%.2f", rate[i][product][way]);
            printf(",%.2f,%.2f\n", one, all);
        }
    return 0;
}
