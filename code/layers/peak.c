#include <omp.h>
#include "ground/real.h"
#include "layers/peak.h"

// Let the compiler fuse
#ifdef __clang__
#define FUSED
#define FUSE _Pragma("clang fp contract(fast)")
#else
#define FUSED __attribute__((optimize("fp-contract=fast")))
#define FUSE
#endif
// Multiply and add, many times
enum { SUMS = 12 };     /* registers */

#define WORK(name, bytes)                                            \
real name(size_t steps, real x, real y)                              \
{                                                                    \
    FUSE                                                             \
    typedef real vector __attribute__((vector_size(bytes)));         \
    vector sum[SUMS], total = { 0 };                                 \
                                                                     \
    for (size_t i = 0; i < SUMS; i++)                                \
        sum[i] = total + (real)i;                                    \
    for (size_t s = 0; s < steps; s++)                               \
        _Pragma("GCC unroll 12")                                     \
        for (size_t i = 0; i < SUMS; i++)                            \
            sum[i] = sum[i] * x + y;                                 \
    for (size_t i = 0; i < SUMS; i++)                                \
        total += sum[i];                                             \
    return total[0];                                                 \
}

FUSED static WORK(work_narrow, 16)
#ifdef __x86_64__
__attribute__((target("avx2,fma")))
FUSED static WORK(work_middle, 32)
__attribute__((target("avx512f")))
FUSED static WORK(work_wide, 64)
#endif
// The widths that this machine has
struct width { real (*work)(size_t, real, real); size_t bytes; };

static size_t widths(struct width all[3])
{
    size_t count = 0;

    all[count++] = (struct width){ work_narrow, 16 };
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        all[count++] = (struct width){ work_middle, 32 };
    if (__builtin_cpu_supports("avx512f"))
        all[count++] = (struct width){ work_wide, 64 };
#endif
    return count;
}
// The peak
/* end: in seconds */
static double work_until(double end, const struct width *w)
{
    enum { STEPS = 1 << 13 };
    volatile real half = (real)0.5, result;
    double operations = 0, numbers = (double)(w->bytes / sizeof(real));

    do {
        result = w->work(STEPS, half, half);
        operations += 2.0 * STEPS * SUMS * numbers;
    } while (omp_get_wtime() < end);
    (void)result;
    return operations;
}

double matmul_peak(int threads)
{
    enum { TRIES = 50 };
    struct width all[3];
    size_t count = widths(all);
    double best = 0;

    for (size_t t = 0; t < TRIES * count; t++) {
        double start = omp_get_wtime(), operations = 0;
#pragma omp parallel num_threads(threads) reduction(+ : operations)
        operations += work_until(start + 0.002, &all[t % count]);
        best = fmax(best, operations / (omp_get_wtime() - start));
    }
    return best / 1e9;
}
