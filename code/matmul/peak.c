#include <omp.h>
#include "ground/real.h"
#include "matmul/peak.h"

// Multiply and add in one instruction
#if !defined(__FMA__) && !defined(__aarch64__)
#define multiply_add(a, b, c) ((a) * (b) + (c))
#elif defined(REAL_IS_DOUBLE)
#define multiply_add(a, b, c) fma(a, b, c)
#else
#define multiply_add(a, b, c) fmaf(a, b, c)
#endif
// How many sums fit the registers
#ifdef __AVX512F__
#define REGISTER 64             /* bytes */
#elif defined __AVX__
#define REGISTER 32
#else
#define REGISTER 16
#endif
enum { SUMS = 12 * REGISTER / sizeof(real) };
// Multiply and add, many times
static real work(size_t steps, real x, real y)
{
    real sum[SUMS] = { 0 }, total = 0;

    for (size_t s = 0; s < steps; s++)
        for (size_t i = 0; i < SUMS; i++)
            sum[i] = multiply_add(sum[i], x, y);
    for (size_t i = 0; i < SUMS; i++)
        total += sum[i];
    return total;
}

static double work_until(double end)    /* seconds */
{
    enum { STEPS = 1 << 13 };
    volatile real half = (real)0.5, result;
    double operations = 0;

    do {
        result = work(STEPS, half, half);
        operations += 2.0 * STEPS * SUMS;
    } while (omp_get_wtime() < end);
    (void)result;
    return operations;
}
// The peak
double matmul_peak(int threads)
{
    enum { TRIES = 10 };
    double best = 0;

    for (int t = 0; t < TRIES; t++) {
        double start = omp_get_wtime(), operations = 0;
#pragma omp parallel num_threads(threads) reduction(+ : operations)
        operations += work_until(start + 0.01);
        best = fmax(best, operations / (omp_get_wtime() - start));
    }
    return best / 1e9;
}
