#include <assert.h>
#include <string.h>
#include "ground/memory.h"
#include "sampling/sampling.h"

// Open and close a sampler
bool sampler_open(struct sampler *s, const struct configuration *c,
                  struct device *device, struct message *m)
{
    *s = (struct sampler){0};
    if (!model_open(&s->model, c, device, 1, INFERENCE, 0, m))
        return false;
    s->window = memory_new(c->context, sizeof(token), m);
    s->logits = memory_new(c->vocabulary, sizeof(real), m);
    s->scratch = memory_new(c->vocabulary, sizeof(double), m);
    if (s->window && s->logits && s->scratch)
        return true;
    sampler_close(s);
    return false;
}

void sampler_close(struct sampler *s)
{
    if (s->model.device)
        model_close(&s->model);
    memory_free(s->window);
    memory_free(s->logits);
    memory_free(s->scratch);
    *s = (struct sampler){0};
}

// Give up half of the window
static void forget_half(struct sampler *s)
{
    size_t stays = s->used / 2;
    memmove(s->window, s->window + s->used - stays,
            stays * sizeof *s->window);
    s->used = stays;
    if (stays > 0)
        model_extend(&s->model, s->window, 0, stays);
}

// Read on
void sampler_read(struct sampler *s, const token *id, size_t count)
{
    size_t context = s->model.configuration.context;
    assert(count > 0);
    while (count > 0) {
        if (s->used == context)
            forget_half(s);
        size_t piece = context - s->used;
        if (piece > count)
            piece = count;
        memcpy(s->window + s->used, id, piece * sizeof *id);
        model_extend(&s->model, s->window + s->used, s->used, piece);
        s->used += piece;
        id += piece;
        count -= piece;
        if (count == 0)
            model_logits(&s->model, s->logits, piece - 1);
    }
}
