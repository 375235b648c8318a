#include "gain/profile.h"
#include "ground/memory.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Open and close a profile
bool profile_open(struct profile *p, const struct model *model,
                  struct message *m)
{
    const struct configuration *c = &model->configuration;
    const struct connection *k = model->architecture.connection;
    size_t n = c->streams, tokens = model->sequences * c->context;
    size_t K = mix_row(k->mix, n);
    *p = (struct profile){ .sublayers = model->sublayers,
                           .streams = n, .room = tokens };
    size_t each = tokens * n * n * sizeof(double);
    if ((p->level = memory_new(p->sublayers + 1, sizeof *p->level, m))
        && (p->row = memory_new(tokens * K, sizeof(real), m))
        && (p->stream = memory_new(tokens * n * c->width, sizeof(real),
                                   m))
        && (p->mixer = memory_new(p->sublayers, each, m))
        && (p->composite = memory_new(p->sublayers,
                                      sizeof *p->composite, m)))
        return true;
    profile_close(p);
    return false;
}

void profile_close(struct profile *p)
{
    memory_free(p->level);
    memory_free(p->row);
    memory_free(p->stream);
    memory_free(p->mixer);
    memory_free(p->composite);
    *p = (struct profile){ 0 };
}

// Find how alike the streams are
static double product(const real *a, const real *b, size_t width)
{
    double sum = 0;
    for (size_t c = 0; c < width; c++)
        sum += (double)a[c] * (double)b[c];
    return sum;
}

static double cosine(const real *stream, size_t n, size_t C)
{
    double sum = 0, pairs = (double)(n * (n - 1) / 2);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            const real *x = stream + i * C, *y = stream + j * C;
            double sizes = sqrt(product(x, x, C) * product(y, y, C));
            sum += sizes > 0 ? product(x, y, C) / sizes : 0;
        }
    return n == 1 ? 1 : sum / pairs;
}

static void compare_streams(struct profile *p, const struct site *s)
{
    size_t n = s->streams, C = s->width;
    device_download(s->device, p->stream,
                    array_rows(s->stream, 0, s->tokens));
    for (size_t t = 0; t < p->count; t++)
        p->level[s->index].cosine +=
            cosine(p->stream + t * n * C, n, C);
}

// Keep the mixings of a site
static void keep_mixings(struct profile *p, const struct site *s)
{
    size_t n = s->streams, square = n * n;
    size_t K = mix_row(s->layout.mix, n);
    if (K > 0)
        device_download(s->device, p->row,
                        array_rows(s->coefficients, 0, s->tokens));
    for (size_t t = 0; t < p->count; t++) {
        double *h = p->mixer + (t * p->sublayers + s->index) * square;
        for (size_t e = 0; e < square; e++)
            h[e] = K == 0 ? e % (n + 1) == 0
                          : (double)p->row[t * K + 2 * n + e];
    }
}

// Add the gains of a token
static void add(struct gain *sum, struct gain g)
{
    sum->forward += g.forward;
    sum->backward += g.backward;
    sum->forward_least += g.forward_least;
    sum->backward_least += g.backward_least;
}

static void add_gains(struct profile *p, size_t t)
{
    size_t square = p->streams * p->streams;
    const double *chain = p->mixer + t * p->sublayers * square;
    gain_along(p->composite, chain, p->sublayers, p->streams);
    for (size_t l = 0; l < p->sublayers; l++) {
        add(&p->level[l].single,
            gain_of(chain + l * square, p->streams));
        add(&p->level[l].composite, p->composite[l]);
    }
}

// Watch a forward pass
static void see(void *context, const struct site *s)
{
    struct profile *p = context;
    compare_streams(p, s);
    if (!s->exit) {
        keep_mixings(p, s);
        return;
    }
    for (size_t t = 0; t < p->count; t++)
        add_gains(p, t);
    p->tokens += p->count;
}

struct watch profile_watch(struct profile *p, size_t count)
{
    assert(count <= p->room);
    p->count = count;
    return (struct watch){ .forward = see, .context = p };
}

void profile_finish(struct profile *p)
{
    double share = 1 / (double)p->tokens;
    for (size_t l = 0; l <= p->sublayers; l++) {
        struct gain *g[] = { &p->level[l].single,
                             &p->level[l].composite };
        for (int k = 0; k < 2; k++) {
            g[k]->forward *= share;
            g[k]->backward *= share;
            g[k]->forward_least *= share;
            g[k]->backward_least *= share;
        }
        p->level[l].cosine *= share;
    }
}

// Look at windows of the held-out text
bool profile_measure(struct profile *p, struct trainer *t,
                     size_t windows, struct message *m)
{
    size_t context = t->options.context;
    size_t all = windows_of(t->corpus->held_out.size, context);
    struct watch before = t->model.watch;
    double loss = 0;
    if (!profile_open(p, &t->model, m))
        return false;
    if (windows == 0 || windows > all)
        windows = all;
    for (size_t j = 0; j < windows && isfinite(loss);
         j += t->options.batch) {
        size_t places = trainer_fill(t, j, windows);
        t->model.watch = profile_watch(p, places * context);
        model_forward(&t->model, t->input, t->target);
        loss = model_loss(&t->model);
    }
    t->model.watch = before;
    profile_finish(p);
    if (isfinite(loss))
        return true;
    profile_close(p);
    return fail(m, EXIT_FAILURE, "the loss is not finite, so the gains"
                " say nothing");
}

// Find the extremes of a profile
struct gain profile_extremes(const struct profile *p)
{
    struct gain most = { 0, 0, INFINITY, INFINITY };
    for (size_t l = 0; l < p->sublayers; l++) {
        struct gain g = p->level[l].composite;
        most.forward = fmax(most.forward, g.forward);
        most.backward = fmax(most.backward, g.backward);
        most.forward_least = fmin(most.forward_least, g.forward_least);
        most.backward_least = fmin(most.backward_least,
                                   g.backward_least);
    }
    return most;
}
