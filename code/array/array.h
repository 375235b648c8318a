#ifndef ARRAY_H
#define ARRAY_H
#include "ground/real.h"
#include <assert.h>

LANGUAGE_C_BEGIN
/* How numbers are kept */
enum format { F64, F32, BF16, E4M3, E5M2, INT32, FORMATS };

// The roles of an array
/* What an array is for. A precision gives each role its format. */
enum role {
    MASTER,         /* weights, their gradients and moments */
    WORKING,        /* a matrix as products want it */
    STREAM,         /* streams and their gradients */
    ACTIVATION,     /* what sublayers take, keep and give */
    GRADIENT,       /* what goes back through them */
    EXACT,          /* coefficients, inverse_rms, lse, logits */
    SUM,            /* sums over all tokens or weights; settings */
    TOKEN,
    ROLES
};

/* `rows` of `columns` numbers each, one after the other in a device's
   memory. By value. Only operations look through `at`. */
struct array {
    void *at;               /* NULL: there is none */
    size_t rows, columns;
    enum role role;
    enum format format;
};

// Parts of arrays
static inline size_t format_bytes(enum format f)
{
    static const size_t bytes[FORMATS] = { 8, 4, 2, 1, 1, 4 };
    return bytes[f];
}

static inline size_t array_bytes(struct array a)
{
    return a.rows * a.columns * format_bytes(a.format);
}

/* `rows` rows, from row `first` on */
static inline struct array array_rows(struct array a, size_t first,
                                      size_t rows)
{
    assert(first + rows <= a.rows);
    if (a.at != NULL)
        a.at = (void *)((uintptr_t)a.at
                        + first * a.columns * format_bytes(a.format));
    a.rows = rows;
    return a;
}

/* the same memory in another role */
static inline struct array array_as(struct array a, enum role role,
                                    enum format format)
{
    assert(format_bytes(format) == format_bytes(a.format));
    a.role = role;
    a.format = format;
    return a;
}

// Arrays of this machine
#ifdef REAL_IS_DOUBLE
#define REAL_FORMAT F64
#else
#define REAL_FORMAT F32
#endif

/* the reals of an array in the memory of this machine */
static inline real *reals(struct array a)
{
    assert(a.at == NULL || a.format == REAL_FORMAT);
    return (real *)a.at;
}

static inline double *doubles(struct array a)
{
    assert(a.format == F64);
    return (double *)a.at;
}

static inline token *tokens_of(struct array a)
{
    assert(a.format == INT32);
    return (token *)a.at;
}
LANGUAGE_C_END
#endif
