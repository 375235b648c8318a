#include "ground/random.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/judge.h"
#include "support/lab.h"
#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

FILE *lab_stream;
static int passed, failed;

// Begin a check
void lab_begin(const char *title)
{
    if (lab_stream == NULL)
        lab_stream = stdout;
    setvbuf(lab_stream, NULL, _IOLBF, BUFSIZ);
    passed = failed = 0;
    judge_begin();
    fprintf(lab_stream, "%s\n", title);
}

// Note an OK or a FAIL
static bool note(const char *what, bool holds)
{
    *(holds ? &passed : &failed) += 1;
    fprintf(lab_stream, "%-4s %s\n", holds ? "OK" : "FAIL", what);
    return holds;
}

bool lab_true(const char *what, bool holds, const char *why_not, ...)
{
    char text[2000];
    if (note(what, holds))
        return true;
    va_list arguments;
    va_start(arguments, why_not);
    vsnprintf(text, sizeof text, why_not, arguments);
    va_end(arguments);
    for (char *c = text; *c != '\0'; c++)
        *c = iscntrl((unsigned char)*c) ? '?' : *c;
    fprintf(lab_stream, "     %s\n", text);
    return false;
}
bool lab_ones(const char *what, const real *sum, size_t count,
              double all)
{
    double lost = 0;
    for (size_t i = 0; i < count; i++)
        if ((double)sum[i] != all)
            lost = all - (double)sum[i];
    return lab_true(what, lost == 0, "of %g ones %g are lost: do "
                    "several threads add to the same number?", all,
                    lost);
}

// Remember what arrays held
enum { REMEMBERED = 32 };
static struct before {
    const real *array;
    real *held;
    size_t count;
    bool poison;
} before[REMEMBERED];
static size_t remembered;

static struct before *find_before(const real *array)
{
    for (size_t i = 0; i < REMEMBERED; i++)
        if (array != NULL && before[i].array == array)
            return &before[i];
    return NULL;
}
static real *remember(real *array, size_t count, bool poison)
{
    struct before *b = find_before(array);
    if (b == NULL)
        b = &before[remembered++ % REMEMBERED];
    free(b->held);
    *b = (struct before){ array, calloc(count + 1, sizeof *b->held),
                          count, poison };
    if (b->held == NULL)
        abort();
    lab_output(array, count * sizeof *array);
    return b->held;
}

void lab_start(real *array, const real *start, size_t count)
{
    memmove(array, start, count * sizeof *array);
    memcpy(remember(array, count, false), array, count * sizeof *array);
}
void lab_unset(real *array, size_t count)
{
    real *held = remember(array, count, true);
    for (size_t i = 0; i < count; i++)
        array[i] = held[i] = (real)(32 + 32 * random_uniform(
            lab_seed(77), random_stream("poison"), i));
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
        fprintf(lab_stream, "     this looks like %s\n", saying);
}

// Keep the letters of indices
enum { RANKS = 8 };
static const char *axes[RANKS + 1];

void lab_axes(const char *letters)
{
    assert(strlen(letters) <= RANKS);
    axes[strlen(letters)] = letters;
}

// Recognise common mistakes
static void recognise(const real *want, const struct before *b)
{
    // See whether nothing was written
    size_t zeros = 0, left = 0;
    for (size_t i = 0; i < last.count; i++) {
        zeros += last.got[i] == 0;
        left += b != NULL && last.got[i] == b->held[i];
    }
    const char *all = zeros == last.count ? "all of it is zero"
        : left == last.count && b->poison ? "nothing of it was written"
        : left == last.count ? "all of it is still what it was before"
        : NULL;
    if (all != NULL) {
        fprintf(lab_stream, "     %s\n", all);
        return;
    }
    real *guess = calloc(last.count, sizeof *guess);
    if (guess == NULL)
        return;
    // See whether it was added or overwritten
    for (size_t i = 0; i < last.count && b != NULL; i++)
        guess[i] = want[i] + (b->poison ? b->held[i] : -b->held[i]);
    if (b != NULL && compare_arrays(NULL, "", last.got, guess, last.shape,
                                    last.rank, fmax(last.tolerance, 1e-6)))
        fprintf(lab_stream, "     it was %s\n", b->poison
                ? "added to what stood there; it is to be overwritten"
                : "overwritten; it is to be added to what stands there");
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
    char text[160];
    snprintf(text, sizeof text, "%.120s%s%s", what,
             judge_order[0] != '\0' ? ", order " : "", judge_order);
    last.got = NULL;
    if (note(text, compare_arrays(NULL, what, got, want, shape, rank,
                                  tolerance)))
        return true;
    // Remember this comparison
    last.got = got;
    last.shape = shape;
    last.rank = rank;
    last.tolerance = tolerance;
    last.count = 1;
    for (size_t k = 0; k < rank; k++)
        last.count *= shape[k];
    // Print the wrong elements
    const struct before *b = find_before(got);
    if (b != NULL && b->count < last.count)
        b = NULL;
    const struct legend legend = { rank <= RANKS ? axes[rank] : NULL,
        b != NULL && b->poison ? b->held : NULL };
    char name[80];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(what, ","), what);
    compare_with_legend(lab_stream, name, &legend, got, want, shape, rank,
                        tolerance);
    recognise(want, b);
    return false;
}

// End a check
int lab_end(void)
{
    fprintf(lab_stream, "%d passed, %d failed\n", passed, failed);
    fflush(lab_stream);
    return passed > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
