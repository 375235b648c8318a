#ifndef TAPE_H
#define TAPE_H
#include "device/device.h"

struct array {
    char name[48];          /* "attention.qkv" */
    enum storage storage;
    size_t count;           /* numbers in one copy */
    size_t stride;          /* from one copy to the next */
    size_t copies;
    real *base;             /* NULL until tape_allocate */
};

enum { TAPE_ARRAYS = 96, TAPE_ALIGNMENT = 16 /* numbers */ };

struct tape {
    const struct device *device;
    struct array list[TAPE_ARRAYS];
    size_t used;
};

/* Plans `copies` of rows*columns numbers; gives the array's index in
   the list. The first failure is noted in m. */
size_t tape_add(struct tape *t, const char *prefix, const char *name,
                enum storage storage, size_t rows, size_t columns,
                size_t copies, struct message *m);
/* of all arrays; what tape_allocate will take from the device */
size_t tape_bytes(const struct tape *t);
size_t array_bytes(const struct tape *t, const struct array *a);
bool tape_allocate(struct tape *t, struct message *m);
void tape_release(struct tape *t);
/* the address of a copy */
real *tape_at(const struct tape *t, size_t index, size_t copy);
#endif
