#ifndef TEST_BOUNDARY_H
#define TEST_BOUNDARY_H
#include "check/check.h"
/* A boundary with random givens, and room for the rest; it lasts as
   long as the test. */
struct boundary test_boundary(size_t tokens, size_t streams,
                              size_t width, uint64_t seed);
/* Puts every number through a type: "F64", "F32", "BF16", "F16". */
void test_store(struct check *c, const char *type);
extern const struct settings test_settings;
#endif
