#include "trace/trace.h"
#include "ground/memory.h"
#include "layers/norm.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// Take an array into the trace
struct shape { size_t rank, size[4]; };
#define SHAPE(...) ((struct shape){ sizeof (size_t[]){ __VA_ARGS__ } \
                        / sizeof(size_t), { __VA_ARGS__ } })

/* from the one at `first` on */
static size_t count_of(const struct shape *s, size_t first)
{
    size_t count = 1;
    for (size_t i = first; i < s->rank; i++)
        count *= s->size[i];
    return count;
}

/* room for a new tensor; NULL and a message if there is none */
static real *add(struct trace *t, struct shape shape, const char *name)
{
    if (t->used == t->room)
        fail(t->message, EX_SOFTWARE, "a trace has more arrays than "
             "was thought");
    real *data = t->used == t->room ? NULL
        : memory_new(count_of(&shape, 0), sizeof *data, t->message);
    if (data == NULL)
        return NULL;
    struct tensor *new = &t->list[t->used++];
    *new = (struct tensor){ .rank = shape.rank, .data = data };
    snprintf(new->name, TENSOR_NAME, "%s%s", t->prefix, name);
    memcpy(new->shape, shape.size, sizeof shape.size);
    return data;
}

static void take(struct trace *t, struct array from, struct shape shape,
                 const char *name)
{
    real *to = from.at == NULL ? NULL : add(t, shape, name);
    if (to != NULL)
        device_download(t->model->device, to, from);
}

// Split rows of coefficients
static void pick(struct trace *t, const real *rows, size_t row,
                 size_t offset, struct shape shape, const char *name)
{
    real *to = add(t, shape, name);
    size_t all = count_of(&shape, 0), count = count_of(&shape, 1);
    for (size_t i = 0; to != NULL && i < all; i++)
        to[i] = rows[i / count * row + offset + i % count];
}

static void split(struct trace *t, const struct site *s,
                  struct array coefficients, bool raw)
{
    struct layout l = s->layout;
    size_t T = s->tokens, n = s->streams;
    if (l.mix == MIX_NONE || s->exit)
        return;
    size_t K = layout_row(&l);
    real *rows = memory_new(T * K, sizeof *rows, t->message);
    if (rows == NULL)
        return;
    device_download(s->device, rows, coefficients);
    pick(t, rows, K, 0, SHAPE(T, n), "h_pre");
    pick(t, rows, K, n, SHAPE(T, n), "h_post");
    pick(t, rows, K, 2 * n, SHAPE(T, n, n), "h_res");
    if (raw && l.parts > 0) {
        pick(t, rows, K, layout_raw(&l), SHAPE(T, l.parts, l.outputs),
             "raw");
        pick(t, rows, K, layout_rms(&l), SHAPE(T, l.parts),
             "raw_inverse_rms");
    }
    memory_free(rows);
}

// Watch a site, forward
static void go_to(struct trace *t, size_t site, const char *d)
{
    snprintf(t->prefix, sizeof t->prefix, "site.%zu.%s", site, d);
}

static void forward(void *context, const struct site *s)
{
    struct trace *t = context;
    size_t T = s->tokens, C = s->width;
    go_to(t, s->index, "");
    take(t, s->stream, SHAPE(T, s->streams, C), "streams");
    split(t, s, s->coefficients, true);
    take(t, s->input, SHAPE(T, C), "input");
    take(t, s->inverse_rms, SHAPE(T), "inverse_rms");
    take(t, s->normed, SHAPE(T, C), "normed");
    take(t, s->answer, SHAPE(T, C), "answer");
}

// Watch a site, backward
static void backward(void *context, const struct site *s)
{
    struct trace *t = context;
    size_t T = s->tokens, C = s->width;
    go_to(t, s->index, "d");
    take(t, s->dstream, SHAPE(T, s->streams, C), "streams");
    split(t, s, s->dcoefficients, false);
    take(t, s->dinput, SHAPE(T, C), "input");
    take(t, s->dnormed, SHAPE(T, C), "normed");
    if (s->index == 0)
        return;
    go_to(t, s->index - 1, "d");
    take(t, s->danswer, SHAPE(T, C), "answer");
}

// Take what the sublayers keep
static void take_kept(struct trace *t)
{
    const struct model *m = t->model;
    const struct architecture *a = &m->architecture;
    for (size_t i = 0; i < m->sublayers; i++) {
        const char *kind = a->pattern[i % a->period]->name;
        size_t length = strlen(kind);
        go_to(t, i, "");
        for (size_t k = 0; k < m->tape.used; k++) {
            const struct tape_array *from = &m->tape.list[k];
            if (strncmp(from->name, kind, length) == 0
                && from->name[length] == '.')
                take(t, tape_at(&m->tape, k, i / a->period),
                     SHAPE(m->tokens, from->array.columns), from->name);
        }
    }
}

// Take the parameters
static void take_parameters(struct trace *t, struct array from)
{
    const struct model *m = t->model;
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        take(t, parameter_in(from, p),
             p->rows == 1 ? SHAPE(p->columns)
                          : SHAPE(p->rows, p->columns), p->name);
    }
}

// Take what is before and behind the sites
static void take_tokens(struct trace *t, const token *id,
                        const char *name)
{
    const struct model *m = t->model;
    size_t S = m->configuration.context;
    real *to = add(t, SHAPE(m->sequences, S), name);
    for (size_t i = 0; to != NULL && i < m->sequences * S; i++)
        to[i] = (real)id[i];
}

static void take_one(struct trace *t, size_t index, struct shape shape,
                     const char *name)
{
    take(t, tape_at(&t->model->tape, index, 0), shape, name);
}

// Trace a batch
static bool make_room(struct trace *t, struct message *m)
{
    enum { SITE = 32, ENDS = 16 };
    const struct model *model = t->model;
    t->room = (model->sublayers + 1) * SITE + ENDS
            + 2 * model->parameters.used;
    t->list = memory_new(t->room, sizeof *t->list, m);
    return t->list != NULL;
}

bool trace_batch(struct trace *t, struct model *model,
                 const token *input, const token *target,
                 struct message *m)
{
    *t = (struct trace){ .model = model, .message = m };
    assert(model->apart);
    assert(model->use == TRAINING && model->block == 0);
    if (!make_room(t, m))
        return false;
    size_t T = model->sequences * model->configuration.context;
    size_t C = model->configuration.width;
    size_t V = model->configuration.vocabulary;
    take_tokens(t, input, "tokens");
    take_tokens(t, target, "targets");
    model->watch.forward = forward;
    model->watch.backward = backward;
    model->watch.context = t;
    model_forward(model, input, target);
    strcpy(t->prefix, "");
    take_one(t, model->at.vector, SHAPE(T, C), "embedded");
    take_one(t, model->at.logits, SHAPE(T, V), "logits");
    take_one(t, model->at.each, SHAPE(T), "losses");
    real *loss = add(t, SHAPE(1), "loss");
    if (loss != NULL)
        *loss = (real)model_loss(model);
    take_kept(t);
    strcpy(t->prefix, "");
    take_parameters(t, model->weights);
    model_backward(model, 1);
    strcpy(t->prefix, "d");
    take_one(t, model->at.logits, SHAPE(T, V), "logits");
    take_one(t, model->at.dvector, SHAPE(T, C), "embedded");
    strcpy(t->prefix, "d.");
    take_parameters(t, model->gradients);
    return device_finish(model->device, m) && m->status == 0;
}

// Write a trace
bool trace_write(const struct trace *t, const char *path,
                 struct message *m)
{
    enum { TEXTS = 96 };
    struct text_pair pair[TEXTS] = { { "format", "mhc trace 1" },
        { "real", REAL_NAME }, { "norm_epsilon", "" } };
    size_t pairs = 3;
    snprintf(pair[2].text, TENSOR_TEXT, "%g", NORM_EPSILON);
    const struct field *f = configuration_fields;
    for (; f->name != NULL && pairs < TEXTS; f++, pairs++) {
        pair[pairs].key = f->name;
        field_get(&t->model->configuration, f, pair[pairs].text);
    }
    // Add the precision to a trace
    if (t->model->device->format[STREAM] != REAL_FORMAT) {
        pair[pairs].key = "precision";
        snprintf(pair[pairs++].text, TENSOR_TEXT, "%s",
                 device_precision(t->model->device));
    }
    return safetensors_write(path, t->list, t->used, pair, pairs, m);
}

// Find and free
const struct tensor *trace_find(const struct trace *t,
                                const char *name)
{
    for (size_t i = 0; i < t->used; i++)
        if (strcmp(t->list[i].name, name) == 0)
            return &t->list[i];
    return NULL;
}

void trace_close(struct trace *t)
{
    for (size_t i = 0; i < t->used; i++)
        memory_free((void *)(uintptr_t)t->list[i].data);
    memory_free(t->list);
    *t = (struct trace){ .used = 0 };
}
