#ifndef MIXED_H
#define MIXED_H
#include "boundary/connection.h"

/* What all connections with a mix share; PREFIX.phi [outputs][inputs],
   PREFIX.alpha [1][2 or 3], PREFIX.bias [1][biases]. */
enum { MIXED_PHI, MIXED_ALPHA, MIXED_BIAS };

/* phi 0 with decay; alpha .01 and bias by k->start without; nothing at
   the exit, and no phi, alpha where nothing is projected */
void mixed_declare(const struct connection *k, struct parameters *p,
                   size_t offset[], const char *prefix,
                   const struct configuration *c, size_t index,
                   bool exit);
struct layout mixed_layout(const struct site *s);
/* K */
size_t mixed_coefficients(const struct connection *k, size_t streams);
size_t mixed_work(const struct configuration *c, size_t tokens);
// Verbs of a mixed connection
void mixed_enter(const struct site *first, const real *vector);
void mixed_enter_backward(real *dvector, const struct site *first);
void mixed_read(const struct site *s);
void mixed_read_backward(const struct site *s);
void mixed_write(real *next, const struct site *s);
void mixed_write_backward(const struct site *s, const real *dnext);
void mixed_leave(const struct site *exit);
void mixed_leave_backward(const struct site *exit);
void mixed_cross(const struct site *from, const struct site *to);
void mixed_cross_backward(const struct site *from,
                          const struct site *to);
#endif
