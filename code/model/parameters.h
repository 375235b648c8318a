#ifndef PARAMETERS_H
#define PARAMETERS_H
#include "array/array.h"
#include "ground/message.h"

LANGUAGE_C_BEGIN
// How a parameter starts
/* NORMAL: mean 0, standard deviation `value`. CONSTANT: `value`.
   RULE: rule(column, size, shift). */
struct start {
    enum { NORMAL, CONSTANT, RULE } kind;
    double value;
    size_t shift, size;
    double (*rule)(size_t column, size_t size, size_t shift);
    /* NORMAL: the rows of each half start as those of a parameter of
       this name in place of the last word; NULL: there are no halves */
    const char *half[2];
};
struct start start_normal(double deviation);
struct start start_halves(double deviation, const char *upper,
                          const char *lower);
struct start start_constant(double value);
struct start start_rule(double (*rule)(size_t, size_t, size_t),
                        size_t size, size_t shift);

struct parameter {
    char name[64];          /* "sublayer.3.feedforward.down" */
    size_t rows, columns;   /* a vector has one row */
    size_t offset;          /* in reals, into weights, gradients, ... */
    size_t count;           /* rows * columns */
    struct start start;
    bool decay;             /* does weight decay apply? */
};

// The table of parameters
enum { PARAMETER_ALIGNMENT = 16 };      /* reals */

struct parameters {
    struct parameter *list;
    size_t used, room;
    size_t count;           /* reals in all, with the gaps */
    size_t numbers;         /* reals in all, without */
    struct message *message;    /* where failures are noted */
};

/* adds "prefix.name", which must be new, and gives its index in the
   list; failures are noted, give PARAMETER_NONE */
#define PARAMETER_NONE SIZE_MAX
size_t parameter_add(struct parameters *p, const char *prefix,
                     const char *name, size_t rows, size_t columns,
                     struct start start, bool decay);
/* or NULL */
const struct parameter *parameter_find(const struct parameters *p,
                                       const char *name);
/* element (row, column) at the start; by seed and name only */
real parameter_start(const struct parameter *p, uint64_t seed,
                     size_t row, size_t column);
/* its part of weights, gradients or moments, which are [1][count] */
struct array parameter_in(struct array all, const struct parameter *p);
void parameters_free(struct parameters *p);
LANGUAGE_C_END
#endif
