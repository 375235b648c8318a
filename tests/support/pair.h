#ifndef PAIR_H
#define PAIR_H
#include "support/cpu.h"
#include "support/compare.h"
#include "support/fill.h"

LANGUAGE_C_BEGIN
extern struct device gpu;       /* open, after pair_open */
/* Opens the gpu, once in a test; fails the test if there is none. */
void pair_open(void);
/* The same numbers in both memories; as long as the test */
struct pair { struct array cpu, gpu; };
struct pair pair_normal(enum role role, size_t rows, size_t columns,
                        uint64_t seed, double scale);
/* integers from -most to most: sums of products are exact */
struct pair pair_integers(enum role role, size_t rows, size_t columns,
                          uint64_t seed, int most);
struct pair pair_tokens(size_t rows, uint64_t seed, size_t words);
/* NaN everywhere: what is not written shows */
struct pair pair_unset(enum role role, size_t rows, size_t columns);
struct pair pair_copy(struct array of_cpu);     /* its numbers, twice */
/* What the gpu has against what the cpu has */
void pair_same(const char *name, struct pair p);
void pair_close(const char *name, struct pair p, double tolerance);
/* the gpu's numbers, on the host, as long as the test */
const real *pair_reals(struct pair p);
void pair_upload(struct pair p);        /* the cpu's numbers, again */
LANGUAGE_C_END
#endif
