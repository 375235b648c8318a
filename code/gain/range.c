#include "gain/range.h"
#include "ground/memory.h"
#include <string.h>

static void add(struct ranges *r, size_t site, enum ranged what,
                const struct site *s, struct array a)
{
    size_t count = s->tokens * a.columns;
    struct fp8_range *range = &r->of[site][what];
    device_download(s->device, r->numbers,
                    array_rows(a, 0, s->tokens));
    fp8_store(r->code, r->exponent, r->numbers, s->tokens, a.columns,
              (struct fp8_blocks){ 1, 128 }, FP8_E4M3, range);
    range->vanished = 0;
    for (size_t i = 0; i < count; i++)
        range->vanished += (r->code[i] & 0x7f) == 0;
}

static void see(void *context, const struct site *s)
{
    struct ranges *r = context;
    add(r, s->index, RANGED_STREAM, s, s->stream);
    if (!s->exit) {
        add(r, s->index, RANGED_NORMED, s, s->normed);
        add(r, s->index, RANGED_ANSWER, s, s->answer);
    }
}

/* danswer is that of the site before */
static void see_back(void *context, const struct site *s)
{
    struct ranges *r = context;
    if (!s->exit)
        add(r, s->index, RANGED_DSTREAM, s, s->dstream);
    if (s->index > 0)
        add(r, s->index - 1, RANGED_DANSWER, s, s->danswer);
}

bool ranges_measure(struct ranges *r, struct trainer *t,
                    struct message *m)
{
    struct model *model = &t->model;
    struct watch was = model->watch;
    const struct configuration *c = &model->configuration;
    size_t most = model->sequences * c->context * c->streams * c->width;
    *r = (struct ranges){ .sites = model->sublayers + 1 };
    if (!(r->of = memory_new(r->sites, sizeof *r->of, m))
        || !(r->numbers = memory_new(most, sizeof(real), m))
        || !(r->code = memory_new(most, 1, m))
        || !(r->exponent = memory_new(most, 1, m))) {
        ranges_close(r);
        return false;
    }
    model->watch = (struct watch){ see, see_back, r };
    model_forward(model, t->input, t->target);
    model_backward(model, 1);
    model->watch = was;
    if (device_finish(t->device, m))
        return true;
    ranges_close(r);
    return false;
}

void ranges_close(struct ranges *r)
{
    memory_free(r->of);
    memory_free(r->numbers);
    memory_free(r->code);
    memory_free(r->exponent);
    *r = (struct ranges){ 0 };
}

void ranges_name(char name[48], const struct ranges *r, size_t site,
                 enum ranged what)
{
    static const char *const of[RANGED] = { "stream", "normed",
        "answer", "dstream", "danswer" };
    if (site + 1 == r->sites)
        snprintf(name, 48, "exit.%s", of[what]);
    else
        snprintf(name, 48, "sublayer.%zu.%s", site, of[what]);
}

bool ranges_note(struct journal *j, struct trainer *t,
                 struct message *m)
{
    struct ranges r;
    bool good = ranges_measure(&r, t, m);
    if (!good)
        return false;
    for (size_t i = 0; good && i < r.sites; i++)
        for (enum ranged k = 0; good && k < RANGED; k++) {
            const struct fp8_range *of = &r.of[i][k];
            char name[48];
            ranges_name(name, &r, i, k);
            good = of->count == 0
                || journal_range(j, t->bookmark.step, name, of, m);
        }
    ranges_close(&r);
    return good;
}
