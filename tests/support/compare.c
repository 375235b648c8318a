#include "support/compare.h"
#include <assert.h>

// The root mean square of the finite elements
static double rms_of(const real *x, size_t count)
{
    double largest = 0, sum = 0;
    for (size_t i = 0; i < count; i++)
        if (isfinite(x[i]))
            largest = fmax(largest, fabs((double)x[i]));
    for (size_t i = 0; i < count && largest > 0; i++)
        if (isfinite(x[i]))
            sum += x[i] / largest * (x[i] / largest);
    return largest * sqrt(sum / (double)count);
}

// Print one wrong element
static const struct legend no_legend;

static void print_place(FILE *out, const char *name,
                        const struct legend *legend, size_t i,
                        const size_t *shape, size_t rank)
{
    const char *letter = legend->axes;
    size_t inner = 1;
    for (size_t k = 1; k < rank; k++)
        inner *= shape[k];
    fprintf(out, "%s", name);
    for (size_t k = 0; k < rank; k++) {
        if (letter != NULL)
            fprintf(out, "[%c=%zu]", letter[k], i / inner);
        else
            fprintf(out, "%s%zu", k == 0 ? "[" : ",", i / inner);
        i %= inner;
        inner /= k + 1 < rank ? shape[k + 1] : 1;
    }
    fprintf(out, letter != NULL ? "" : "]");
}
static void print_wrong(FILE *out, const char *name,
                        const struct legend *legend, size_t i,
                        const size_t *shape, size_t rank,
                        const real *got, const real *want)
{
    fprintf(out, "     ");
    print_place(out, name, legend, i, shape, rank);
    if (legend->unset != NULL && got[i] == legend->unset[i])
        fprintf(out, " was not written, want %.9g\n", (double)want[i]);
    else
        fprintf(out, " got %.9g want %.9g\n", (double)got[i],
                (double)want[i]);
}

// Compare element by element
enum { PRINTED = 5 };

bool compare_with_legend(FILE *out, const char *name,
                         const struct legend *legend, const real *got,
                         const real *want, const size_t *shape,
                         size_t rank, double tolerance)
{
    assert(tolerance >= 0 && tolerance < 1);
    size_t count = 1, wrong = 0, worst = 0;
    for (size_t k = 0; k < rank; k++)
        count *= shape[k];
    double unit = rms_of(want, count), largest = 0;
    for (size_t i = 0; i < count; i++) {
        // Let error be the distance of element i
        double error = fabs((double)got[i] - (double)want[i]);
        if (got[i] == want[i])
            error = 0;
        if (isnan(error))
            error = INFINITY;
        if (error > largest) {
            largest = error;
            worst = i;
        }
        if (error <= tolerance * unit)
            continue;
        if (out != NULL && wrong < PRINTED)
            print_wrong(out, name, legend, i, shape, rank, got, want);
        wrong++;
    }
    // Say how many are wrong and how far the worst one is off
    if (out != NULL && count == 0)
        fprintf(out, "     %s: nothing to compare\n", name);
    if (out != NULL && wrong > 0) {
        fprintf(out, "     %zu of %zu wrong; the worst is ", wrong, count);
        print_place(out, name, legend, worst, shape, rank);
        fprintf(out, ", off by %.3g", largest);
        if (unit > 0)
            fprintf(out, ", %.3g of the rms", largest / unit);
        fprintf(out, "\n");
    }
    return count > 0 && wrong == 0;
}

bool compare_arrays(FILE *out, const char *name, const real *got,
                    const real *want, const size_t *shape, size_t rank,
                    double tolerance)
{
    return compare_with_legend(out, name, &no_legend, got, want, shape,
                               rank, tolerance);
}

// Compare bit by bit
bool compare_bits(FILE *out, const char *name, const real *got,
                  const real *want, size_t count)
{
    size_t wrong = 0;
    for (size_t i = 0; i < count; i++)
        if (memcmp(&got[i], &want[i], sizeof got[i]) != 0)
            if (wrong++ < PRINTED && out != NULL)
                print_wrong(out, name, &no_legend, i, &count, 1, got,
                            want);
    if (out != NULL && wrong > 0)
        fprintf(out, "     %zu of %zu differ\n", wrong, count);
    return count > 0 && wrong == 0;
}
