#ifndef MEMORY_H
#define MEMORY_H
#include "ground/message.h"
#include <stddef.h>
#include "ground/language.h"

LANGUAGE_C_BEGIN
/* product = a b, or false if that does not fit */
bool multiply_sizes(size_t *product, size_t a, size_t b);
/* `count` objects of `size` bytes, all bytes zero, aligned to 64
   bytes, never NULL for 0; NULL and a message if that cannot be had */
void *memory_new(size_t count, size_t size, struct message *m);
void memory_free(void *p);
/* bytes of memory that the process has had at most; 0: unknown */
size_t memory_peak(void);
/* Would the system give so many bytes > 0, now, in one piece? */
bool memory_there(size_t bytes);
/* For tests: after `count` more calls memory_new fails;
   SIZE_MAX lifts the limit. */
void memory_allow(size_t count);
LANGUAGE_C_END
#endif
