#ifndef TIMING_H
#define TIMING_H
#include <math.h>
#include <omp.h>

/* seconds that one run takes: the best of some 20 ms */
static inline double best_time(void (*run)(void *), void *context)
{
    double best = INFINITY, start = omp_get_wtime();

    run(context);
    for (int tries = 0;
         tries < 3 || omp_get_wtime() - start < 0.02; tries++) {
        double from = omp_get_wtime(), runs = 0;
        do {
            run(context);
            runs++;
        } while (omp_get_wtime() - from < 0.001);
        best = fmin(best, (omp_get_wtime() - from) / runs);
    }
    return best;
}
#endif
