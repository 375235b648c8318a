#ifndef COMPARE_H
#define COMPARE_H
#include "ground/real.h"
#include <stdio.h>
/* Does |got - want| <= tolerance * rms(want) hold for each element?
   0 <= tolerance < 1. NaN matches nothing, an infinity itself only; a
   reference of zeros wants exact zeros; no elements, no match. Prints
   the first five wrong elements and the largest error to out, unless
   that is NULL. */
bool compare_arrays(FILE *out, const char *name, const real *got,
                    const real *want, const size_t *shape, size_t rank,
                    double tolerance);
/* The same, with the letters of the indices ("tic", or NULL) and what
   an element holds that nobody has written (or NULL). */
struct legend { const char *axes; const real *unset; };
bool compare_with_legend(FILE *out, const char *name,
                         const struct legend *legend, const real *got,
                         const real *want, const size_t *shape,
                         size_t rank, double tolerance);
/* Are they the same, bit for bit? */
bool compare_bits(FILE *out, const char *name, const real *got,
                  const real *want, size_t count);

#define assert_close(got, want, count, tolerance) \
    ck_assert_msg(compare_arrays(stderr, #got, got, want, \
                  (const size_t[]){ count }, 1, tolerance), \
                  "%s is not close to %s", #got, #want)
#define assert_same(got, want, count) \
    ck_assert_msg(compare_bits(stderr, #got, got, want, count), \
                  "%s is not %s, bit for bit", #got, #want)
#endif
