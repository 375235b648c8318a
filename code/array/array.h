#ifndef ARRAY_H
#define ARRAY_H
#include "ground/real.h"
#include <assert.h>

LANGUAGE_C_BEGIN
/* How numbers are kept */
enum format { F64, F32, BF16, E4M3, E5M2, INT32, IMAGES, FORMATS };

// The roles of an array
/* What an array is for. A precision gives each role its format. */
enum role {
    MASTER,         /* weights, their gradients and moments */
    WORKING,        /* a matrix as products want it */
    STREAM,         /* streams and their gradients */
    ACTIVATION,     /* what sublayers take, keep and give */
    GRADIENT,       /* what goes back through them */
    OPERAND,        /* of these two, what products alone will read */
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
    // More of an array
    /* in the working copies of weights: parts, some of which are images;
       where the exponents of such a part are */
    const struct array *part;
    size_t parts;
    int8_t *exponent;
    /* in E4M3: how it is rounded; NULL: to the nearest, and not counted */
    struct eight *eight;
    size_t first;           /* its first row is so many after the first */
    unsigned place;         /* twice the site's index, + 1: a gradient */
    // More of an array in eight bits
    size_t streams;         /* if their mean is kept apart; else 0 */
};

// Parts of arrays
static inline size_t format_bytes(enum format f)
{
    static const size_t bytes[FORMATS] = { 8, 4, 2, 1, 1, 4, 2 };
    return bytes[f];
}

// Round rows up
/* bytes, of whole pieces of sixteen */
static inline size_t rows_of_sixteen(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}
static inline size_t row_bytes(struct array a)
{
    // Let rows be longer in some formats
    if (a.format == IMAGES)         /* codes, twice; exponents, twice */
        return 2 * a.columns + a.columns / 64;
    if (a.format == E4M3)
        return rows_of_sixteen(a.columns + (a.columns + 127) / 128)
             + (a.streams > 0 ? rows_of_sixteen(2 * (a.columns / a.streams))
                              : 0);
    return a.columns * format_bytes(a.format);
}

static inline size_t array_bytes(struct array a)
{
    return a.rows * row_bytes(a);
}

/* `rows` rows, from row `first` on */
static inline struct array array_rows(struct array a, size_t first,
                                      size_t rows)
{
    assert(first + rows <= a.rows);
    if (a.at != NULL)
        a.at = (void *)((uintptr_t)a.at
                        + first * row_bytes(a));
    a.rows = rows;
    // Count the rows that are left out
    a.first += first;
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
