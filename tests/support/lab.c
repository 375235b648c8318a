#include "support/lab.h"
#include "support/compare.h"
#include <stdarg.h>
#include <stdlib.h>

FILE *lab_output;
static int passed, failed;

// Begin a check
void lab_begin(const char *title)
{
    if (lab_output == NULL)
        lab_output = stdout;
    setvbuf(lab_output, NULL, _IOLBF, BUFSIZ);
    passed = failed = 0;
    fprintf(lab_output, "%s\n", title);
}

// Note an OK or a FAIL
static bool note(const char *what, bool holds)
{
    *(holds ? &passed : &failed) += 1;
    fprintf(lab_output, "%-4s %s\n", holds ? "OK" : "FAIL", what);
    return holds;
}

bool lab_true(const char *what, bool holds, const char *why_not, ...)
{
    if (note(what, holds))
        return true;
    va_list arguments;
    va_start(arguments, why_not);
    fprintf(lab_output, "     ");
    vfprintf(lab_output, why_not, arguments);
    fprintf(lab_output, "\n");
    va_end(arguments);
    return false;
}

// Compare what a student computed
static struct {                 /* the last comparison that failed */
    const real *got;
    const size_t *shape;
    size_t rank, count;
    double tolerance;
} last;

void lab_mistake(const char *saying, const real *mistaken)
{
    if (last.got != NULL &&
        compare_arrays(NULL, "", last.got, mistaken, last.shape,
                       last.rank, last.tolerance))
        fprintf(lab_output, "     this looks like %s\n", saying);
}

// Recognise common mistakes
static void recognise(const real *want)
{
    // See whether nothing was written
    size_t zeros = 0;
    for (size_t i = 0; i < last.count; i++)
        zeros += last.got[i] == 0;
    if (zeros == last.count) {
        fprintf(lab_output, "     all of it is zero\n");
        return;
    }
    real *guess = calloc(last.count, sizeof *guess);
    if (guess == NULL)
        return;
    // See whether each element is the same multiple of the right one
    double across = 0, along = 0;
    for (size_t i = 0; i < last.count; i++) {
        across += (double)last.got[i] * (double)want[i];
        along += (double)want[i] * (double)want[i];
    }
    const double factor = across / along;
    for (size_t i = 0; i < last.count; i++)
        guess[i] = (real)(factor * (double)want[i]);
    char saying[80];
    snprintf(saying, sizeof saying, "the right answer times %.4g", factor);
    lab_mistake(saying, guess);
    // See whether rows and columns are exchanged
    size_t rows = last.shape[0], columns = last.count / rows;
    for (size_t i = 0; i < last.count; i++)
        guess[i] = want[i % rows * columns + i / rows];
    if (last.rank == 2)
        lab_mistake("the right answer with rows and columns exchanged",
                    guess);
    free(guess);
}

bool lab_compare(const char *what, const real *got, const real *want,
                 const size_t *shape, size_t rank, double tolerance)
{
    last.got = NULL;
    if (note(what, compare_arrays(NULL, what, got, want, shape, rank,
                                  tolerance)))
        return true;
    compare_arrays(lab_output, what, got, want, shape, rank, tolerance);
    // Remember this comparison
    last.got = got;
    last.shape = shape;
    last.rank = rank;
    last.tolerance = tolerance;
    last.count = 1;
    for (size_t k = 0; k < rank; k++)
        last.count *= shape[k];
    recognise(want);
    return false;
}

// End a check
int lab_end(void)
{
    fprintf(lab_output, "%d passed, %d failed\n", passed, failed);
    fflush(lab_output);
    return passed > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
