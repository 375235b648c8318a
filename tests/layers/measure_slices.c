#include "layers/timing.h"
#include "ground/slices.h"
#include "layers/matmul.h"
#include "layers/peak.h"
#include "support/fill.h"
#include <omp.h>
#include <stdio.h>

enum { ROWS = 2048, IN = 384, OUT = 1152, SIZES = 7 };
struct run { int product; size_t rows; real *x, *w, *y; };

// Run one product in slices of so many rows
static void run_once(void *context)
{
    struct run *r = context;
    size_t count = r->product == 2 ? OUT : ROWS;
    size_t slices = (count + r->rows - 1) / r->rows;

#pragma omp parallel for schedule(dynamic)
    for (size_t s = 0; s < slices; s++) {
        struct slice cut = slice_of(s, slices, count);
        size_t n = cut.end - cut.begin;
        real *y = r->y + cut.begin * (r->product == 2 ? 1 : OUT);
        real *x = r->x + cut.begin * IN, *w = r->w + cut.begin * IN;
        if (r->product == 0)
            matmul_serial(false, true, n, OUT, IN, 1, x, IN,
                          r->w, IN, 0, y, OUT);
        else if (r->product == 1)
            matmul_serial(false, false, n, IN, OUT, 1, y, OUT,
                          r->w, IN, 0, x, IN);
        else
            matmul_serial(true, false, n, IN, ROWS, 1, y, OUT,
                          r->x, IN, 1, w, IN);
    }
}

int main(void)
{
    struct run run = { .x = test_reals(ROWS * IN),
                       .w = test_reals(OUT * IN),
                       .y = test_reals(ROWS * OUT) };
    double rate[SIZES][3] = { 0 }, all = 0;

    fill_integers(run.x, ROWS * IN, 1, 3);
    fill_integers(run.w, OUT * IN, 2, 3);
    fill_integers(run.y, ROWS * OUT, 3, 3);
    for (int pass = 0; pass < 10; pass++) {
        all = fmax(all, matmul_peak(omp_get_max_threads()));
        // Measure every size and product
        for (size_t i = 0; i < SIZES; i++)
            for (run.product = 0; run.product < 3; run.product++) {
                double *best = &rate[i][run.product];
                run.rows = (size_t)16 << i;
                *best = fmax(*best, 2e-9 * ROWS * IN * OUT
                             / best_time(run_once, &run));
            }
    }
    puts("rows,forward,input,weight,peak_all");
    for (size_t i = 0; i < SIZES; i++)
        printf("%u,%.2f,%.2f,%.2f,%.2f\n", 16u << i, rate[i][0],
               rate[i][1], rate[i][2], all);
    return 0;
}
