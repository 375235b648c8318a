#include "check/check.h"
#include "ground/memory.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 128 };

static bool needs_scales(const struct entry *e)
{
    return strncmp(e->type->name, "F8_", 3) == 0;
}

static const struct entry *scales_of(const struct safetensors *s,
                                     const struct entry *e)
{
    static const char *const ending[] = { "_scale_inv", "_scale" };
    size_t length = strlen(e->name);
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < s->used; i++) {
            const char *name = s->list[i].name;
            if (strncmp(name, e->name, length) == 0
                && strcmp(name + length, ending[k]) == 0)
                return &s->list[i];
        }
    return NULL;
}

bool check_is_scale(const struct safetensors *s, const char *name)
{
    const struct entry *of = safetensors_find(s, name);
    for (size_t i = 0; i < s->used; i++)
        if (needs_scales(&s->list[i])
            && scales_of(s, &s->list[i]) == of)
            return true;
    return false;
}

/* along dimension d */
static size_t block(const struct entry *e, const struct entry *scales,
                    size_t d)
{
    return scales->shape[d] == e->shape[d] ? 1
         : scales->shape[d] == 1 ? e->shape[d] : BLOCK;
}

static bool blocks_fit(const struct entry *e,
                       const struct entry *scales, size_t count)
{
    bool fit = scales->rank == e->rank;
    for (size_t d = 0; fit && d < e->rank; d++)
        fit = scales->shape[d]
           == (e->shape[d] - 1) / block(e, scales, d) + 1;
    return fit || count == 1;
}

static size_t block_of(const struct entry *e,
                       const struct entry *scales, size_t i)
{
    size_t at = 0, stride = 1;
    for (size_t d = e->rank; d-- > 0; i /= e->shape[d]) {
        at += i % e->shape[d] / block(e, scales, d) * stride;
        stride *= scales->shape[d];
    }
    return at;
}

/* to be freed */
static double *read_scales(bool *odd, const struct safetensors *s,
                           const struct entry *e, struct message *m)
{
    size_t each = e->type->bytes, count = (e->end - e->begin) / each;
    unsigned char *bytes = memory_new(count, each, m);
    double *scale = memory_new(count, sizeof *scale, m);
    int exponent;
    bool good = bytes != NULL && scale != NULL
             && safetensors_bytes(bytes, s, e->begin, count * each, m);
    for (size_t i = 0; good && i < count; i++) {
        scale[i] = e->type->number(bytes + i * each);
        if (!(scale[i] > 0 && scale[i] <= (double)FLT_MAX))
            good = refuse(s, e->name, m, "scale %zu is %g", i,
                          scale[i]);
        *odd = *odd || frexp(scale[i], &exponent) != .5;
    }
    memory_free(bytes);
    if (good)
        return scale;
    memory_free(scale);
    return NULL;
}

bool check_scale(struct check_file *f, enum item role,
                 const struct safetensors *s, const struct entry *e,
                 size_t columns, struct message *m)
{
    if (!needs_scales(e))
        return true;
    const struct entry *k = scales_of(s, e);
    if (k == NULL)
        return refuse(s, e->name, m, "it has no scales, _scale_inv or "
                      "_scale");
    size_t scales = (k->end - k->begin) / k->type->bytes;
    size_t count = e->end - e->begin, rows = count / columns;
    if (k->type->number == NULL || !blocks_fit(e, k, scales))
        return refuse(s, k->name, m, "type or shape is not that of "
                      "scales for %s", e->name);
    double *scale = read_scales(&f->odd[role], s, k, m);
    for (size_t i = 0; scale != NULL && i < count; i++) {
        size_t from = i % columns * rows + i / columns;
        double by = scale[scales == 1 ? 0 : block_of(e, k, from)];
        if (f->hers.at[role][i] != 0)
            f->scale[role] = fmax(f->scale[role], by);
        f->hers.at[role][i] *= by;
    }
    memory_free(scale);
    return scale != NULL;
}
