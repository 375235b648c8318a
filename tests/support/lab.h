#ifndef LAB_H
#define LAB_H
#include "ground/real.h"
#include <stdio.h>
LANGUAGE_C_BEGIN
// What a check says
void lab_begin(const char *title);
/* OK or FAIL, and the first wrong elements; as compare_arrays. They are
   named by what stands before the first comma of what. */
bool lab_compare(const char *what, const real *got, const real *want,
                 const size_t *shape, size_t rank, double tolerance);
/* The letters of the indices of arrays of this many: "tc", "tic" */
void lab_axes(const char *letters);
/* After a lab_compare that failed: if got is close to this known
   mistake, says so. */
void lab_mistake(const char *saying, const real *mistaken);
/* OK or FAIL; why_not is a printf format */
bool lab_true(const char *what, bool holds, const char *why_not, ...)
    __attribute__((format(printf, 3, 4)));
/* Is each of these sums of ones `all`? */
bool lab_ones(const char *what, const real *sum, size_t count,
              double all);
/* "N passed, N failed"; the exit status */
int lab_end(void);
extern FILE *lab_stream;        /* NULL: standard output */
// How a check calls an answer
/* Before a call: what the answer is given and must not change, and
   what it writes. They count for the next call. */
void lab_input(const char *name, const void *x, size_t bytes);
void lab_output(void *x, size_t bytes);
/* an output that is to be overwritten, filled with poison */
void lab_unset(real *array, size_t count);
/* an output that is added to, or changed in place: filled from start */
void lab_start(real *array, const real *start, size_t count);
/* Runs statements that call the answer, in a process of their own; then
   the outputs hold what they wrote. If the answer does not come back,
   says why, and the program ends. */
#define lab_call(...) \
    do { \
        if (lab_enter()) { \
            __VA_ARGS__; \
            lab_leave(); \
        } \
    } while (0)
bool lab_enter(void);
void lab_leave(void);
bool lab_inside(void);          /* that process? */
/* before a function of a check that runs in that process, too: it
   stands in lab_call, or the answer calls it */
#define IN_CHILD __attribute__((section("in_child")))
uint64_t lab_seed(uint64_t seed);
/* a size from least to most; another `which`, another one */
size_t lab_size(uint64_t which, size_t least, size_t most);
/* For the next call: serve runs in the judge, whenever the function
   under test comes to lab_ask, and makes the reply. */
void lab_serve(void (*serve)(void *reply, const void *request),
               size_t reply_bytes, size_t request_bytes);
void lab_ask(void *reply, const void *request);
LANGUAGE_C_END
#endif
