#ifndef LAB_H
#define LAB_H
#include "ground/real.h"
#include <stdio.h>
/* What the check of a lab says to the student. */
void lab_begin(const char *title);
/* OK or FAIL, and the first wrong elements; as compare_arrays */
bool lab_compare(const char *what, const real *got, const real *want,
                 const size_t *shape, size_t rank, double tolerance);
/* After a lab_compare that failed: if got is close to this known
   mistake, says so. */
void lab_mistake(const char *saying, const real *mistaken);
/* OK or FAIL; why_not is a printf format */
bool lab_true(const char *what, bool holds, const char *why_not, ...)
    __attribute__((format(printf, 3, 4)));
/* "N passed, N failed"; the exit status */
int lab_end(void);
extern FILE *lab_output;        /* NULL: standard output */
#endif
