#include "ground/memory.h"
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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
// Say how many allocations may succeed
static _Atomic size_t allowed = SIZE_MAX;

void memory_allow(size_t count)
{
    allowed = count;
}

static bool is_allowed(void)
{
    size_t left = allowed;
    while (left > 0 && left != SIZE_MAX)
        if (atomic_compare_exchange_weak(&allowed, &left, left - 1))
            return true;
    return left > 0;
}

void *memory_new(size_t count, size_t size, struct message *m)
{
    size_t bytes;
    void *p = NULL;
    if (multiply_sizes(&bytes, count, size) &&
        bytes <= SIZE_MAX - ALIGNMENT && is_allowed()) {
        bytes = (bytes / ALIGNMENT + 1) * ALIGNMENT;
        p = aligned_alloc(ALIGNMENT, bytes);
    }
    if (p == NULL) {
        fail(m, EX_OSERR, "no memory for %zu times %zu bytes",
             count, size);
        return NULL;
    }
    return memset(p, 0, bytes);
}

void memory_free(void *p)
{
    free(p);
}

bool memory_there(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p != MAP_FAILED && munmap(p, bytes) == 0;
}

size_t memory_peak(void)
{
    char line[128];
    size_t kib = 0;
    FILE *in = fopen("/proc/self/status", "r");
    while (in != NULL && kib == 0
           && fgets(line, sizeof line, in) != NULL)
        sscanf(line, "VmHWM: %zu", &kib);
    if (in != NULL)
        fclose(in);
    return kib * 1024;
}
