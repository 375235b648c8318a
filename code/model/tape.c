#include "model/tape.h"
#include "ground/memory.h"
#include <assert.h>
#include <stdio.h>
#include <sysexits.h>

// Plan an array
static size_t round_up(size_t bytes)
{
    return (bytes + TAPE_ALIGNMENT - 1) / TAPE_ALIGNMENT
           * TAPE_ALIGNMENT;
}

size_t tape_add(struct tape *t, const char *prefix, const char *name,
                enum role role, size_t rows, size_t columns,
                size_t copies, struct message *m)
{
    assert(t->used < TAPE_ARRAYS);
    struct tape_array *p = &t->list[t->used];
    *p = (struct tape_array){ .copies = copies,
        .array = device_shape(t->device, role, rows, columns) };
    snprintf(p->name, sizeof p->name, "%s%s%s", prefix,
             *prefix == '\0' ? "" : ".", name);
    // Compute the stride, or fail
    size_t bytes, most;
    if (!multiply_sizes(&bytes, columns, 8) || bytes > SIZE_MAX / 2 ||
        !multiply_sizes(&bytes, rows, row_bytes(p->array)) ||
        bytes > SIZE_MAX - TAPE_ALIGNMENT ||
        !multiply_sizes(&most, round_up(bytes), copies) ||
        most > SIZE_MAX / 2 - tape_bytes(t)) {
        fail(m, EX_OSERR, "%s would be too large: %zu times %zu by %zu",
             p->name, copies, rows, columns);
        p->array = device_shape(t->device, role, 0, 0);
        p->copies = 0;
        bytes = 0;
    }
    p->stride = round_up(bytes);
    return t->used++;
}

// Add up the bytes
size_t tape_bytes(const struct tape *t)
{
    size_t sum = 0;
    for (size_t i = 0; i < t->used; i++)
        sum += t->list[i].copies * t->list[i].stride;
    return sum;
}

// Take the memory that was planned
bool tape_allocate(struct tape *t, struct message *m)
{
    for (size_t i = 0; i < t->used; i++) {
        struct tape_array *p = &t->list[i];
        size_t bytes = p->copies * p->stride;
        if (bytes == 0)
            continue;
        p->base = device_allocate(t->device, bytes, m);
        if (p->base == NULL)
            return false;
    }
    return true;
}

void tape_release(struct tape *t)
{
    for (size_t i = 0; i < t->used; i++)
        if (t->list[i].base != NULL)
            device_release(t->device, t->list[i].base);
    t->used = 0;
}

// The address of a copy
struct array tape_at(const struct tape *t, size_t index, size_t copy)
{
    const struct tape_array *p = &t->list[index];
    struct array a = p->array;
    if (p->base == NULL)
        return a;
    assert(copy < p->copies);
    a.at = (void *)((uintptr_t)p->base + copy * p->stride);
    return a;
}
