#include "ground/sum.h"
#include "ground/slices.h"

// Add up one slice
enum { LANES = 8, WORTH_THREADS = 65536 };

static double sum_slice(const real *x, size_t count, bool squared)
{
    double lane[LANES] = { 0 };
    for (size_t i = 0; i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++) {
            double value = x[i + k];
            lane[k] += squared ? value * value : value;
        }
    // Add the last few elements to the lanes
    for (size_t i = count - count % LANES; i < count; i++) {
        double value = x[i];
        lane[i % LANES] += squared ? value * value : value;
    }
    double total = 0;
    for (size_t k = 0; k < LANES; k++)
        total += lane[k];
    return total;
}

// Add up the slices
static double sum_slices(const real *x, size_t count, bool squared)
{
    double part[SLICES], total = 0;
    #pragma omp parallel for if (count >= WORTH_THREADS)
    for (size_t s = 0; s < SLICES; s++) {
        struct slice slice = slice_of(s, SLICES, count);
        part[s] = sum_slice(x + slice.begin, slice.end - slice.begin,
                            squared);
    }
    for (size_t s = 0; s < SLICES; s++)
        total += part[s];
    return total;
}

double sum_of(const real *x, size_t count)
{
    return sum_slices(x, count, false);
}

double sum_of_squares(const real *x, size_t count)
{
    return sum_slices(x, count, true);
}
