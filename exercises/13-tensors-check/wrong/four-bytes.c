/* expect: FAIL random layouts */
#include "checkpoint/safetensors.h"
#include "ground/memory.h"

bool safetensors_check(const struct safetensors *s, struct message *m)
{
    size_t end = 0;
    for (size_t i = 0; i < s->used; i++) {
        const struct entry *e = &s->list[i];
        // Insist that this tensor lies in the data
        if (e->begin > e->end)
            return refuse(s, e->name, m, "it begins at byte %zu and ends at "
                          "%zu", e->begin, e->end);
        if (e->end > s->bytes)
            return refuse(s, e->name, m, "it ends at byte %zu of %zu",
                          e->end, s->bytes);
        size_t bytes = 4;
        for (size_t d = 0; d < e->rank; d++)
            if (!multiply_sizes(&bytes, bytes, e->shape[d]))
                return refuse(s, e->name, m, "its shape overflows");
        if (bytes != e->end - e->begin)
            return refuse(s, e->name, m, "another number of bytes");
        // Insist that it begins where the last one ended
        if (e->begin < end)
            return refuse(s, e->name, m, "it overlaps the tensor before it");
        if (e->begin > end)
            return refuse(s, e->name, m, "there is a hole of %zu bytes before "
                          "it", e->begin - end);
        end = e->end;
    }
    if (end != s->bytes)
        return refuse(s, NULL, m, "bytes at the end");
    return true;
}
