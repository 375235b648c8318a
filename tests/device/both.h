#ifndef BOTH_H
#define BOTH_H
#include "device/device.h"

/* open, after both_open, in the same precision */
enum { CPU, GPU };
extern struct device two[2];
void both_open(const char *precision);
/* The same numbers as both keep them, and as floats; as long as the
   test */
struct both { struct array wide, on[2]; };
struct both both_with(struct array wide);
struct both both_of(enum role role, size_t rows, size_t columns,
                    uint64_t seed, double scale);
struct both both_integers(enum role role, size_t rows, size_t columns,
                          uint64_t seed);
/* floats to device d, and back */
struct array both_put(int d, struct array wide);
real *both_fetch(int d, struct array a);
#endif
