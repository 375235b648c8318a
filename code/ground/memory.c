#include "ground/memory.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { ALIGNMENT = 64 };    /* bytes: one line of the cache */

// Multiply without wrapping around
bool multiply_sizes(size_t *product, size_t a, size_t b)
{
    if (b != 0 && a > SIZE_MAX / b)
        return false;
    *product = a * b;
    return true;
}

// Give memory, or say why not
static size_t allowed = SIZE_MAX;

void memory_allow(size_t count)
{
    allowed = count;
}

void *memory_new(size_t count, size_t size, struct message *m)
{
    size_t bytes;
    void *p = NULL;
    if (multiply_sizes(&bytes, count, size) &&
        bytes <= SIZE_MAX - ALIGNMENT && allowed > 0) {
        bytes = (bytes / ALIGNMENT + 1) * ALIGNMENT;
        p = aligned_alloc(ALIGNMENT, bytes);
    }
    if (p == NULL) {
        fail(m, EX_OSERR, "no memory for %zu times %zu bytes",
             count, size);
        return NULL;
    }
    if (allowed != SIZE_MAX)
        allowed--;
    return memset(p, 0, bytes);
}

void memory_free(void *p)
{
    free(p);
}
