#ifndef TAPE_H
#define TAPE_H
#include "device/device.h"

LANGUAGE_C_BEGIN
struct tape_array {
    char name[48];          /* "attention.qkv" */
    struct array array;     /* one copy; at NULL */
    size_t stride;          /* bytes from one copy to the next */
    size_t copies;
    void *base;             /* NULL until tape_allocate */
};

enum { TAPE_ARRAYS = 96, TAPE_ALIGNMENT = 256 /* bytes */ };

struct tape {
    struct device *device;
    struct tape_array list[TAPE_ARRAYS];
    size_t used;
};

/* Plans `copies` of an array; gives its index in the list. The first
   failure is noted in m. */
size_t tape_add(struct tape *t, const char *prefix, const char *name,
                enum role role, size_t rows, size_t columns,
                size_t copies, struct message *m);
/* bytes of all arrays; what tape_allocate will take from the device */
size_t tape_bytes(const struct tape *t);
bool tape_allocate(struct tape *t, struct message *m);
void tape_release(struct tape *t);
/* a copy; at NULL if there is none, or no memory yet */
struct array tape_at(const struct tape *t, size_t index, size_t copy);
LANGUAGE_C_END
#endif
