#include "model/tape.h"
#include "ground/memory.h"
#include <assert.h>
#include <stdio.h>
#include <sysexits.h>

// Plan an array
static size_t round_up(size_t count)
{
    return (count + TAPE_ALIGNMENT - 1) / TAPE_ALIGNMENT
           * TAPE_ALIGNMENT;
}

size_t tape_add(struct tape *t, const char *prefix, const char *name,
                enum storage storage, size_t rows, size_t columns,
                size_t copies, struct message *m)
{
    assert(t->used < TAPE_ARRAYS);
    struct array *a = &t->list[t->used];
    *a = (struct array){ .storage = storage, .copies = copies };
    snprintf(a->name, sizeof a->name, "%s%s%s", prefix,
             *prefix == '\0' ? "" : ".", name);
    // Compute count and stride, or fail
    size_t bytes, most = SIZE_MAX / 2 - tape_bytes(t);
    if (!multiply_sizes(&a->count, rows, columns) ||
        a->count > SIZE_MAX - TAPE_ALIGNMENT ||
        !multiply_sizes(&bytes, round_up(a->count), copies) ||
        !multiply_sizes(&bytes, bytes, t->device->bytes[storage]) ||
        bytes > most) {
        fail(m, EX_OSERR, "%s would be too large: %zu times %zu by %zu",
             a->name, copies, rows, columns);
        *a = (struct array){ .storage = storage };
    }
    a->stride = round_up(a->count);
    return t->used++;
}

// Add up the bytes
size_t array_bytes(const struct tape *t, const struct array *a)
{
    return a->copies * a->stride * t->device->bytes[a->storage];
}

size_t tape_bytes(const struct tape *t)
{
    size_t sum = 0;
    for (size_t i = 0; i < t->used; i++)
        sum += array_bytes(t, &t->list[i]);
    return sum;
}

// Take the memory that was planned
bool tape_allocate(struct tape *t, struct message *m)
{
    for (size_t i = 0; i < t->used; i++) {
        struct array *a = &t->list[i];
        size_t count = a->copies * a->stride;
        if (count == 0)
            continue;
        a->base = t->device->allocate(count, a->storage, m);
        if (a->base == NULL)
            return false;
    }
    return true;
}

void tape_release(struct tape *t)
{
    for (size_t i = 0; i < t->used; i++)
        if (t->list[i].base != NULL)
            t->device->release(t->list[i].base);
    t->used = 0;
}

// The address of a copy
real *tape_at(const struct tape *t, size_t index, size_t copy)
{
    const struct array *a = &t->list[index];
    if (a->base == NULL)
        return NULL;
    assert(copy < a->copies);
    return device_at(t->device, a->base, copy * a->stride, a->storage);
}
