#include "model/parameters.h"
#include "ground/memory.h"
#include "ground/random.h"
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// Ways to start
struct start start_normal(double deviation)
{
    return (struct start){ .kind = NORMAL, .value = deviation };
}

struct start start_halves(double deviation, const char *upper,
                          const char *lower)
{
    return (struct start){ .kind = NORMAL, .value = deviation,
                           .half = { upper, lower } };
}

struct start start_constant(double value)
{
    return (struct start){ .kind = CONSTANT, .value = value };
}

struct start start_rule(double (*rule)(size_t, size_t, size_t),
                        size_t size, size_t shift)
{
    return (struct start){ .kind = RULE, .rule = rule, .size = size,
                           .shift = shift };
}

// The first value of an element
real parameter_start(const struct parameter *p, uint64_t seed,
                     size_t row, size_t column)
{
    const struct start *s = &p->start;
    if (s->kind == NORMAL) {
        char joined[2 * sizeof p->name];
        const char *name = p->name;
        // Let name and row be those that the start goes by
        if (s->half[0] != NULL) {
            size_t half = p->rows / 2;
            size_t stem = (size_t)(strrchr(name, '.') + 1 - name);
            memcpy(joined, name, stem);
            strcpy(joined + stem, s->half[row >= half]);
            name = joined;
            row %= half;
        }
        return (real)(s->value *
                      random_normal(seed, random_stream(name),
                                    row * p->columns + column));
    }
    if (s->kind == RULE)
        return (real)s->rule(column, s->size, s->shift);
    return (real)s->value;
}

// Make room for one more parameter
static bool make_room(struct parameters *p)
{
    if (p->used < p->room)
        return true;
    size_t room = 2 * p->room + 32;
    struct parameter *list = memory_new(room, sizeof *list, p->message);
    if (list == NULL)
        return false;
    if (p->used > 0)
        memcpy(list, p->list, p->used * sizeof *list);
    memory_free(p->list);
    p->list = list;
    p->room = room;
    return true;
}

void parameters_free(struct parameters *p)
{
    memory_free(p->list);
    *p = (struct parameters){ 0 };
}

// Add a parameter to the table
size_t parameter_add(struct parameters *p, const char *prefix,
                     const char *name, size_t rows, size_t columns,
                     struct start start, bool decay)
{
    struct parameter new = { .rows = rows, .columns = columns,
                             .offset = p->count, .start = start,
                             .decay = decay };
    // Name the new parameter
    int length = snprintf(new.name, sizeof new.name, "%s%s%s", prefix,
                          *prefix == '\0' ? "" : ".", name);
    if (length < 0 || (size_t)length >= sizeof new.name) {
        fail(p->message, EX_DATAERR, "the name %s.%s is too long",
             prefix, name);
        return PARAMETER_NONE;
    }
    // Move the end of the table behind the new parameter
    size_t most = SIZE_MAX / sizeof(double) - PARAMETER_ALIGNMENT;
    if (!multiply_sizes(&new.count, rows, columns) ||
        new.count > most || p->count > most - new.count) {
        fail(p->message, EX_DATAERR, "%s would be too large: %zu by %zu",
             new.name, rows, columns);
        return PARAMETER_NONE;
    }
    p->numbers += new.count;
    p->count += (new.count + PARAMETER_ALIGNMENT - 1)
                / PARAMETER_ALIGNMENT * PARAMETER_ALIGNMENT;
    if (!make_room(p))
        return PARAMETER_NONE;
    p->list[p->used] = new;
    return p->used++;
}

// Find a parameter
const struct parameter *parameter_find(const struct parameters *p,
                                       const char *name)
{
    for (size_t i = 0; i < p->used; i++)
        if (strcmp(p->list[i].name, name) == 0)
            return &p->list[i];
    return NULL;
}

struct array parameter_in(struct array all, const struct parameter *p)
{
    assert(all.rows == 1);
    if (all.at != NULL)
        all.at = (void *)((uintptr_t)all.at
                          + p->offset * format_bytes(all.format));
    all.rows = p->rows;
    all.columns = p->columns;
    return all;
}
