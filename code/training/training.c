#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <sysexits.h>
#include "ground/memory.h"
#include "training/training.h"

// Check that the model has a token for every byte
static bool bytes_fit(struct text text, size_t vocabulary,
                      struct message *m)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.byte[i] >= vocabulary)
            return fail(m, EX_DATAERR, "byte %zu of the text is %u, "
                        "but the vocabulary is only %zu", i,
                        text.byte[i], vocabulary);
    return true;
}

// Make the rows of a trainer
static bool make_row(struct trainer *t, struct array *a,
                     enum role role, size_t count, struct message *m)
{
    *a = device_shape(t->device, role, 1, count);
    a->at = device_allocate(t->device, array_bytes(*a), m);
    return a->at != NULL;
}

static bool make_rows(struct trainer *t, struct message *m)
{
    const struct parameters *p = &t->model.parameters;
    size_t tokens = t->options.batch * t->options.context;
    size_t count = t->model.use == TRAINING ? p->count : 0;
    bool well = make_row(t, &t->first, MASTER, count, m)
        && make_row(t, &t->second, MASTER, count, m)
        && make_row(t, &t->sum, SUM, 2, m)
        && make_row(t, &t->adamw, SUM, ADAMW_NUMBERS, m)
        && (t->input = memory_new(tokens, sizeof(token), m)) != NULL
        && (t->target = memory_new(tokens, sizeof(token), m)) != NULL
        && (t->losses = memory_new(tokens, sizeof(real), m)) != NULL
        && (t->segment = memory_new(p->used, sizeof *t->segment, m));
    for (size_t i = 0; well && i < p->used; i++)
        t->segment[i] = (struct segment){ p->list[i].offset,
                                          p->list[i].count,
                                          p->list[i].decay };
    return well;
}

// Open and close a trainer
size_t trainer_bytes(const struct model *model)
{
    size_t rows = model->use == TRAINING ? 2 : 0;
    size_t tokens = model->sequences * model->configuration.context;
    return model_bytes(model) + rows * array_bytes(model->weights)
        + (2 + ADAMW_NUMBERS) * sizeof(double)
        + model->parameters.used * sizeof(struct segment)
        + tokens * (2 * sizeof(token) + sizeof(real));
}

static bool open_model(struct trainer *t, enum use use,
                       struct message *m)
{
    const struct configuration *c = &t->options;
    struct architecture a;
    return configuration_check(c, m) && architecture_find(&a, c, m)
        && model_plan(&t->model, &a, c, t->device, c->batch, use,
                      c->recompute, m)
        && model_fits(&t->model, trainer_bytes(&t->model)
                                 - model_bytes(&t->model), m)
        && model_allocate(&t->model, m);
}

static bool open_for(struct trainer *t, enum use use,
                     const struct configuration *c,
                     struct device *device, const struct corpus *corpus,
                     struct message *m)
{
    *t = (struct trainer){
        .options = *c, .device = device, .corpus = corpus,
        .bookmark = { .best = INFINITY,
            .training_text = text_fingerprint(corpus->training),
            .held_out_text = text_fingerprint(corpus->held_out) },
    };
    bool well = bytes_fit(corpus->training, c->vocabulary, m)
        && bytes_fit(corpus->held_out, c->vocabulary, m)
        && open_model(t, use, m)
        && batches_open(&t->batches, corpus->training, c->context,
                        c->seed, m)
        && make_rows(t, m);
    if (!well)
        trainer_close(t);
    else
        model_initialise(&t->model);
    return well;
}

bool trainer_open(struct trainer *t, const struct configuration *c,
                  struct device *device, const struct corpus *corpus,
                  struct message *m)
{
    return open_for(t, TRAINING, c, device, corpus, m);
}

bool trainer_open_to_evaluate(struct trainer *t,
                              const struct configuration *c,
                              struct device *device,
                              const struct corpus *corpus,
                              struct message *m)
{
    return open_for(t, INFERENCE, c, device, corpus, m);
}

void trainer_close(struct trainer *t)
{
    // Release what was opened
    memory_free(t->input);
    memory_free(t->target);
    memory_free(t->losses);
    memory_free(t->segment);
    if (t->device) {
        device_forget(t->device, &t->part);
        device_forget(t->device, &t->update);
        device_release(t->device, t->first.at);
        device_release(t->device, t->second.at);
        device_release(t->device, t->sum.at);
        device_release(t->device, t->adamw.at);
        model_close(&t->model);
    }
    batches_close(&t->batches);
    *t = (struct trainer){ 0 };
}

// List what a run must keep
void trainer_rows(struct trainer_row row[TRAINER_ROWS],
                  const struct trainer *t)
{
    row[0] = (struct trainer_row){ "", t->model.weights };
    row[1] = (struct trainer_row){ "first_moments.", t->first };
    row[2] = (struct trainer_row){ "second_moments.", t->second };
}

#define AT(member) offsetof(struct bookmark, member)

const struct field bookmark_fields[] = {
    // Fields of a bookmark
    { .name = "step", .type = COUNT, .offset = AT(step) },
    { .name = "epoch", .type = COUNT, .offset = AT(position.epoch) },
    { .name = "index", .type = COUNT, .offset = AT(position.index) },
    { .name = "best", .type = RECORD, .offset = AT(best) },
    { .name = "training_text", .type = HASH,
      .offset = AT(training_text) },
    { .name = "held_out_text", .type = HASH,
      .offset = AT(held_out_text) },
    { .name = NULL },
};

// Check a bookmark
bool trainer_place(struct trainer *t, const struct bookmark *b,
                   struct message *m)
{
    if (b->training_text != t->bookmark.training_text)
        return fail(m, EX_DATAERR, "the training text is not the one "
                    "that this run began with");
    if (b->held_out_text != t->bookmark.held_out_text)
        return fail(m, EX_DATAERR, "the held-out text is not the one "
                    "that this run began with");
    if (b->position.index >= t->batches.windows)
        return fail(m, EX_DATAERR, "window %zu of an epoch of %zu",
                    b->position.index, t->batches.windows);
    if (isnan(b->best))
        return fail(m, EX_DATAERR, "the best loss is not a number");
    t->bookmark = *b;
    return true;
}

// Add up loss and gradient
static void add_part(void *context)
{
    struct trainer *t = context;
    double share = 1 / (double)t->options.accumulation;
    model_run(&t->model);
    model_add_loss(&t->model, t->sum, share, true);
    model_backward(&t->model, share);
}

static void accumulate(struct position *next, struct trainer *t)
{
    *next = t->bookmark.position;
    device_zero(t->device, t->model.gradients);
    device_zero(t->device, t->sum);
    for (size_t k = 0; k < t->options.accumulation; k++) {
        *next = batches_fill(t->input, t->target, &t->batches, *next,
                             t->options.batch);
        // Say which part of which update comes
        device_place(t->device, t->model.configuration.seed,
                     t->bookmark.step + 1, k * t->options.batch
                     * t->options.context);
        model_take(&t->model, t->input, t->target);
        device_repeat(t->device, &t->part, add_part, t);
    }
}

// Move the weights
static void move_by_gradient(void *context)
{
    struct trainer *t = context;
    device_gradient_norm(t->device, t->sum, t->model.gradients);
    device_step(t->device, t->model.weights, t->model.working, t->first,
                t->second, t->model.gradients, t->sum, t->adamw,
                t->segment, t->model.parameters.used);
}

static void move_weights(struct trainer *t, const struct update *u)
{
    const struct configuration *c = &t->options;
    const double adamw[ADAMW_NUMBERS] = {
        [ADAMW_RATE] = u->rate, [ADAMW_DECAY] = c->decay,
        [ADAMW_BETA1] = c->beta1, [ADAMW_BETA2] = c->beta2,
        [ADAMW_EPSILON] = c->epsilon, [ADAMW_CLIP] = c->clip,
        [ADAMW_STEP] = (double)u->step };
    device_upload(t->device, t->adamw, adamw);
    device_repeat(t->device, &t->update, move_by_gradient, t);
}

// Make one update
bool trainer_step(struct update *u, struct trainer *t,
                  struct message *m)
{
    struct message why = { 0, "" };
    struct position next;
    double sum[2];
    u->step = t->bookmark.step + 1;
    // Let u->rate be what the schedule says
    struct schedule schedule = {
        .rate = t->options.rate, .floor = t->options.floor,
        .warmup = t->options.warmup, .steps = t->options.steps,
    };
    u->rate = schedule_rate(&schedule, u->step);
    accumulate(&next, t);
    move_weights(t, u);
    device_download(t->device, sum, t->sum);
    u->loss = sum[0];
    u->norm = sum[1];
    if (!device_finish(t->device, &why))
        return fail(m, why.status, "update %zu: %s", u->step, why.text);
    // Give up if loss or gradient is not finite
    if (!isfinite(u->loss) || !isfinite(u->norm))
        return fail(m, EXIT_FAILURE, "update %zu: the %s is not finite",
                    u->step, isfinite(u->loss) ? "gradient" : "loss");
    t->bookmark.step = u->step;
    t->bookmark.position = next;
    return true;
}

// Judge the model by the held-out text
// Fetch the loss of each byte
void trainer_losses(struct trainer *t)
{
    device_download(t->device, t->losses,
                    tape_at(&t->model.tape, t->model.at.each, 0));
}

// Add up the losses of some windows
static struct window held_out_window(const struct trainer *t, size_t k,
                                     size_t windows)
{
    size_t size = t->corpus->held_out.size;
    size_t context = t->options.context;
    return window_of(size, context,
                     k * windows_of(size, context) / windows);
}

size_t trainer_fill(struct trainer *t, size_t from, size_t windows)
{
    size_t context = t->options.context, left = windows - from;
    size_t places = left < t->options.batch ? left : t->options.batch;
    for (size_t s = 0; s < places; s++)
        window_cut(t->input + s * context, t->target + s * context,
                   t->corpus->held_out,
                   held_out_window(t, from + s, windows).start,
                   context);
    return places;
}

struct judgement trainer_judgement(const struct trainer *t,
                                   size_t windows)
{
    size_t all = windows_of(t->corpus->held_out.size,
                            t->options.context);
    bool some = windows > 0 && windows < all;
    return (struct judgement){ .windows = some ? windows : all };
}

bool trainer_judge(struct judgement *j, struct trainer *t)
{
    if (j->next == j->windows)
        return false;
    size_t context = t->options.context;
    size_t places = trainer_fill(t, j->next, j->windows);
    model_forward(&t->model, t->input, t->target);
    trainer_losses(t);
    // Add up what is to be counted
    for (size_t s = 0; s < places; s++) {
        size_t skip = held_out_window(t, j->next + s, j->windows).skip;
        for (size_t i = skip; i < context; i++)
            j->sum += (double)t->losses[s * context + i];
        j->bytes += context - skip;
    }
    j->next += places;
    return true;
}

bool trainer_verdict(double *nats, const struct judgement *j,
                     const struct trainer *t, struct message *m)
{
    struct message why = { 0, "" };
    if (!device_finish(t->device, &why))
        return fail(m, why.status, "after update %zu: %s",
                    t->bookmark.step, why.text);
    *nats = j->sum / (double)j->bytes;
    if (isfinite(*nats))
        return true;
    return fail(m, EXIT_FAILURE, "after update %zu the held-out loss "
                "is not finite", t->bookmark.step);
}

bool trainer_evaluate(double *nats, struct trainer *t, size_t windows,
                      struct message *m)
{
    struct judgement j = trainer_judgement(t, windows);
    while (trainer_judge(&j, t))
        ;
    return trainer_verdict(nats, &j, t, m);
}

bool trainer_best(struct trainer *t, double nats)
{
    bool best = nats < t->bookmark.best;
    if (best)
        t->bookmark.best = nats;
    return best;
}
