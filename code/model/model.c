#include "model/model.h"
#include "ground/memory.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <sysexits.h>

// Find the architecture
static const struct sublayer *const layer[] = {
    &attention_sublayer, &feedforward_sublayer
};

bool architecture_find(struct architecture *a,
                       const struct configuration *c,
                       struct message *m)
{
    const struct connection *k = connection_find(c->connection);
    if (k == NULL)
        return fail(m, EX_USAGE,
                    "connection: there is no kind '%s', but "
                    "residual"
                    ", hc-static, hc, hc-three"
                    ", mhc, identity"
                    ", mhc-lite, krom",
                    c->connection);
    if (c->streams > k->most_streams)
        return fail(m, EX_USAGE, "streams: the %s connection takes %zu "
                    "at most, not %zu", k->name, k->most_streams,
                    c->streams);
    // Refuse numbers of streams that a kind cannot take
    if (k->powers && (c->streams & (c->streams - 1)) != 0)
        return fail(m, EX_USAGE, "streams: the %s connection takes a power "
                    "of two, not %zu", k->name, c->streams);
    *a = (struct architecture){ k, layer, 2 };
    return true;
}

// Declare the parameters
static const struct sublayer *kind_of(const struct model *m, size_t i)
{
    return m->architecture.pattern[i % m->architecture.period];
}

// Declare the parameters of a connection
static void declare_connection(struct model *m, struct place *here,
                               const char *prefix, size_t i)
{
    const struct connection *k = m->architecture.connection;
    char name[96];
    // Let no parameter of a place exist
    for (size_t k = 0; k < SUBLAYER_PARAMETERS; k++)
        here->sublayer[k] = PARAMETER_NONE;
    here->phi = here->alpha = here->bias = PARAMETER_NONE;
    snprintf(name, sizeof name, "%s.%s", prefix, k->name);
    if (i == m->sublayers)
        return;
    // Declare what is learned at the site
    const struct configuration *c = &m->configuration;
    struct layout l = layout_of(k->mix, c->streams, c->width,
                                c->iterations);
    if (l.parts > 0) {
        here->phi = parameter_add(&m->parameters, name, "phi", l.outputs,
            layout_inputs(&l), start_constant(0), true);
        here->alpha = parameter_add(&m->parameters, name, "alpha", 1,
            mix_scales(k->mix), start_constant(0.01), false);
    }
    if (k->mix != MIX_NONE)
        here->bias = parameter_add(&m->parameters, name, "bias", 1,
            mix_biases(k->mix, c->streams),
            start_rule(k->start, c->streams, i), false);
}

static void declare(struct model *m)
{
    const struct configuration *c = &m->configuration;
    struct parameters *p = &m->parameters;
    m->embedding = parameter_add(p, "", "embedding", c->vocabulary,
                                 c->width, start_normal(0.02), true);
    for (size_t i = 0; i < m->sublayers; i++) {
        // Declare the parameters of sublayer i and its site
        struct place *here = &m->place[i];
        char prefix[32], name[64];
        snprintf(prefix, sizeof prefix, "sublayer.%zu", i);
        here->norm = parameter_add(p, prefix, "norm", 1, c->width,
                                   start_constant(1), false);
        declare_connection(m, here, prefix, i);
        snprintf(name, sizeof name, "%s.%s", prefix, kind_of(m, i)->name);
        kind_of(m, i)->declare(p, here->sublayer, name, c);
    }
    // Declare the parameters of the exit
    struct place *exit = &m->place[m->sublayers];
    exit->norm = parameter_add(p, "", "norm", 1, c->width,
                               start_constant(1), false);
    declare_connection(m, exit, "exit", m->sublayers);
    m->head = c->tied ? m->embedding
                      : parameter_add(p, "", "head", c->vocabulary,
                                      c->width, start_normal(0.02), true);
}

// Plan the memory
static void count_slots(struct model *m)
{
    size_t sites = m->sublayers + 1;
    // Settle the block of recomputation
    if (m->block > sites)
        m->block = sites;
    if (m->configuration.frugal && m->use == TRAINING)
        m->block = recompute_best(m->architecture.connection,
                                  &m->configuration, m->device);
    m->slots = m->use == INFERENCE ? 2
             : m->block == 0 ? sites
             : m->block + 1;
    m->stream_slots = m->block == 0 ? m->slots : m->block - 1;
}

// Plan the arrays of the sites
static void plan_sites(struct model *m, size_t tokens,
                       struct message *e)
{
    const struct connection *k = m->architecture.connection;
    const struct configuration *c = &m->configuration;
    struct tape *t = &m->tape;
    size_t n = c->streams, C = c->width, sites = m->sublayers + 1;
    size_t K = connection_coefficients(k, n);
    size_t starts = m->block == 0 ? 0
                  : (sites + m->block - 1) / m->block;
    bool all = m->use == TRAINING && (K > 0 || m->block > 0);
    m->at.start = tape_add(t, "", "stream of a block", ROUNDED, tokens,
                           n * C, starts, e);
    m->at.stream = tape_add(t, "", "stream", ROUNDED, tokens, n * C,
                            m->stream_slots, e);
    m->at.coefficients = tape_add(t, "", "coefficients", EXACT, tokens,
                                  K, m->slots, e);
    m->at.input = tape_add(t, "", "input", ROUNDED, tokens, C,
                           K == 0 ? 0 : m->slots, e);
    m->at.inverse_rms = tape_add(t, "", "inverse_rms", EXACT, tokens, 1,
                                 m->slots, e);
    m->at.normed = tape_add(t, "", "normed", ROUNDED, tokens, C,
                            m->slots, e);
    m->at.answer = tape_add(t, "", "answer", ROUNDED, tokens, C,
                            all ? m->sublayers : 1, e);
    // Plan the gradients of the sites
    size_t once = m->use == TRAINING;
    m->at.dstream = tape_add(t, "", "dstream", ROUNDED, tokens, n * C,
                             2 * once, e);
    m->at.dcoefficients = tape_add(t, "", "dcoefficients", EXACT, tokens, K,
                                   2 * once, e);
    m->at.dinput = tape_add(t, "", "dinput", ROUNDED, tokens, C,
                            K == 0 ? 0 : once, e);
    m->at.dnormed = tape_add(t, "", "dnormed", ROUNDED, tokens, C, once, e);
    m->at.danswer = tape_add(t, "", "danswer", ROUNDED, tokens, C, once, e);
}

// Plan the arrays of the sublayers
static void share(struct model *m, size_t kind, size_t i,
                  const struct need *n, size_t used[], size_t most[],
                  struct message *e)
{
    size_t count = 0;
    if (!multiply_sizes(&count, n->rows, n->columns) ||
        count > SIZE_MAX / 4 - used[n->storage])
        fail(e, EX_OSERR, "%s would be too large", n->name);
    m->need[kind][i].offset = used[n->storage];
    used[n->storage] += (count / TAPE_ALIGNMENT + 1) * TAPE_ALIGNMENT;
    if (used[n->storage] > most[n->storage])
        most[n->storage] = used[n->storage];
}

// Plan the arrays of one kind
static void plan_kind(struct model *m, size_t kind, size_t most[],
                      struct message *e)
{
    const struct sublayer *k = m->architecture.pattern[kind];
    struct need need[SUBLAYER_ARRAYS] = { { .name = NULL } };
    size_t used[STORAGES] = { 0 };
    size_t period = m->architecture.period;
    size_t members = (m->sublayers - kind + period - 1) / period;
    k->plan(need, m->device, &m->configuration, m->sequences);
    for (size_t i = 0; i < SUBLAYER_ARRAYS; i++) {
        const struct need *n = &need[i];
        bool backward = m->use == TRAINING;
        if (n->name == NULL || (n->life == RETURN && !backward))
            continue;
        // Plan one array of the kind
        m->need[kind][i].exists = true;
        m->need[kind][i].count = n->rows * n->columns;
        m->need[kind][i].storage = n->storage;
        m->need[kind][i].shared = n->life == SCRATCH || n->life == RETURN;
        m->need[kind][i].single = n->life == KEPT && !backward;
        if (m->need[kind][i].shared)
            share(m, kind, i, n, used, most, e);
        else
            m->need[kind][i].array =
                tape_add(&m->tape, k->name, n->name, n->storage, n->rows,
                         n->columns, m->need[kind][i].single ? 1 : members, e);
    }
}

// Plan the arrays of all kinds
static void plan_sublayers(struct model *m, size_t tokens,
                           struct message *e)
{
    size_t most[STORAGES] = { 0 };
    (void)tokens;
    // Make room for the work of a boundary
    if (m->architecture.connection->mix != MIX_NONE)
        most[EXACT] = boundary_work(m->configuration.streams,
                                    m->configuration.width, tokens);
    for (size_t i = 0; i < m->architecture.period; i++)
        if (i < m->sublayers)
            plan_kind(m, i, most, e);
    m->at.shared[EXACT] = tape_add(&m->tape, "", "shared; exact", EXACT,
                                   1, most[EXACT], 1, e);
    m->at.shared[ROUNDED] = tape_add(&m->tape, "", "shared; rounded",
                                     ROUNDED, 1, most[ROUNDED], 1, e);
}

// Plan everything else
static void plan_ends(struct model *m, size_t tokens, struct message *e)
{
    const struct configuration *c = &m->configuration;
    size_t K = connection_coefficients(m->architecture.connection,
                                       c->streams);
    struct tape *t = &m->tape;
    size_t half = c->width / c->heads / 2, once = m->use == TRAINING;
    m->at.weights = tape_add(t, "", "weights", EXACT, 1,
                             m->parameters.count, 1, e);
    m->at.gradients = tape_add(t, "", "gradients", EXACT, 1,
                               m->parameters.count, once, e);
    m->at.cosine = tape_add(t, "", "cosine", EXACT, c->context, half,
                            1, e);
    m->at.sine = tape_add(t, "", "sine", EXACT, c->context, half, 1, e);
    m->at.vector = tape_add(t, "", "vector", ROUNDED, tokens, c->width,
                            K > 0, e);
    m->at.dvector = tape_add(t, "", "dvector", ROUNDED, tokens,
                             c->width, K > 0 ? once : 0, e);
    m->at.logits = tape_add(t, "", "logits", EXACT, tokens,
                            c->vocabulary, 1, e);
    m->at.each = tape_add(t, "", "each", EXACT, tokens, 1, 1, e);
    m->at.lse = tape_add(t, "", "lse", EXACT, tokens, 1, 1, e);
}

static bool upload_rotation(struct model *m, struct message *message)
{
    const struct device *d = m->device;
    size_t size = m->configuration.width / m->configuration.heads;
    size_t count = m->configuration.context * (size / 2);
    real *table = memory_new(2 * count, sizeof *table, message);
    if (table == NULL)
        return false;
    d->attention.rotation(table, table + count,
                          m->configuration.context, size);
    d->upload(tape_at(&m->tape, m->at.cosine, 0), table, count, EXACT);
    d->upload(tape_at(&m->tape, m->at.sine, 0), table + count, count,
              EXACT);
    memory_free(table);
    return true;
}

// Open and close
bool model_plan(struct model *m, const struct architecture *a,
                const struct configuration *c, const struct device *d,
                size_t sequences, enum use use, size_t block,
                struct message *message)
{
    assert(a->period >= 1 && a->period <= PATTERN_MOST);
    *m = (struct model){
        .configuration = *c, .device = d, .architecture = *a,
        .sequences = sequences, .use = use,
        .block = use == TRAINING ? block : 0,
        .parameters.message = message, .tape.device = d };
    if (!configuration_check(c, message))
        return false;
    m->sublayers = 2 * c->layers;
    size_t tokens;
    // Let tokens be the number of positions, or fail
    if (sequences == 0)
        return fail(message, EX_USAGE, "a batch of no sequences");
    if (!multiply_sizes(&tokens, sequences, c->context) ||
        tokens > INT32_MAX)
        return fail(message, EX_USAGE, "%zu sequences of %zu tokens are "
                    "too many at once", sequences, c->context);
    m->place = memory_new(m->sublayers + 1, sizeof *m->place, message);
    if (m->place == NULL)
        return false;
    declare(m);
    count_slots(m);
    plan_ends(m, tokens, message);
    plan_sites(m, tokens, message);
    plan_sublayers(m, tokens, message);
    return message->status == 0;
}

// Take the memory of a model
bool model_fits(const struct model *m, size_t besides,
                struct message *message)
{
    const struct configuration *c = &m->configuration;
    size_t all = model_bytes(m) + besides;
    struct message why = { 0, "" };
    if (!m->device->ready(0, message))
        return false;
    if (m->device->ready(all, &why))
        return true;
    const char *more = "";
    // Find what else takes less memory
    if (m->use == TRAINING && !c->frugal)
        more = ", or say --frugal";
    return fail(message, why.status, "no memory: %zu layers of width "
                "%zu and batches of %zu times %zu tokens take %zu MiB "
                "in all; lower --batch, --context, --layers or --width"
                "%s", c->layers, c->width, m->sequences, c->context,
                (all >> 20) + 1, more);
}

bool model_allocate(struct model *m, struct message *message)
{
    size_t tokens = m->sequences * m->configuration.context;
    if (!model_fits(m, 0, message) || !tape_allocate(&m->tape, message))
        return false;
    m->weights = tape_at(&m->tape, m->at.weights, 0);
    m->gradients = tape_at(&m->tape, m->at.gradients, 0);
    m->input = m->device->allocate_tokens(tokens, message);
    m->target = m->device->allocate_tokens(tokens, message);
    m->host = memory_new(tokens, sizeof(real), message);
    if (m->input == NULL || m->target == NULL || m->host == NULL)
        return false;
    return upload_rotation(m, message);
}

// Close a model
void model_close(struct model *m)
{
    tape_release(&m->tape);
    if (m->input != NULL)
        m->device->release_tokens(m->input);
    if (m->target != NULL)
        m->device->release_tokens(m->target);
    memory_free(m->host);
    memory_free(m->place);
    parameters_free(&m->parameters);
    *m = (struct model){ .tape.device = m->device };
}

// Open a model
bool model_open(struct model *m, const struct configuration *c,
                const struct device *d, size_t sequences, enum use use,
                size_t block, struct message *message)
{
    struct architecture a;
    if (!configuration_check(c, message) ||
        !architecture_find(&a, c, message))
        return false;
    if (model_plan(m, &a, c, d, sequences, use, block, message) &&
        model_allocate(m, message))
        return true;
    model_close(m);
    return false;
}

size_t model_bytes(const struct model *m)
{
    return tape_bytes(&m->tape) + 2 * sizeof(token) * m->sequences
                                    * m->configuration.context;
}

// Initialise the parameters
void model_initialise(struct model *m)
{
    enum { PIECE = 1024 };
    real piece[PIECE];
    const struct device *d = m->device;
    uint64_t seed = m->configuration.seed;
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        for (size_t at = 0; at < p->count; at += PIECE) {
            size_t rest = p->count - at;
            size_t count = rest < PIECE ? rest : PIECE;
            for (size_t k = 0; k < count; k++)
                piece[k] = parameter_start(p, seed,
                                           (at + k) / p->columns,
                                           (at + k) % p->columns);
            d->upload(device_at(d, m->weights, p->offset + at, EXACT),
                      piece, count, EXACT);
        }
    }
}

// Find what belongs to a site or a sublayer
struct span { size_t sequences, first, length; };

static real *weight_at(const struct model *m, size_t offset)
{
    if (offset == PARAMETER_NONE)
        return NULL;
    return device_at(m->device, m->weights, offset, EXACT);
}

static real *gradient_at(const struct model *m, size_t offset)
{
    if (m->gradients == NULL || offset == PARAMETER_NONE)
        return NULL;
    return device_at(m->device, m->gradients, offset, EXACT);
}

// Find a site
static struct site site_at(const struct model *m, size_t i,
                           struct span span)
{
    const struct tape *t = &m->tape;
    size_t slot = i % m->slots, turn = i % 2, kept = m->block;
    bool exit = i == m->sublayers;
    size_t answers = t->list[m->at.answer].copies;
    struct site s = {
        .device = m->device, .index = i, .exit = exit,
        .apart = m->apart,
        .tokens = span.sequences * span.length,
        .streams = m->configuration.streams,
        .width = m->configuration.width,
        .gain = weight_at(m, m->place[i].norm),
        .dgain = gradient_at(m, m->place[i].norm),
        // The arrays of a site
        .stream = kept == 0 ? tape_at(t, m->at.stream, slot)
                : i % kept == 0 ? tape_at(t, m->at.start, i / kept)
                : tape_at(t, m->at.stream, i % kept - 1),
        .coefficients = tape_at(t, m->at.coefficients, slot),
        .input = tape_at(t, m->at.input, slot),
        .inverse_rms = tape_at(t, m->at.inverse_rms, slot),
        .normed = tape_at(t, m->at.normed, slot),
        .answer = exit ? NULL : tape_at(t, m->at.answer, i % answers),
        .dstream = tape_at(t, m->at.dstream, turn),
        .dcoefficients = tape_at(t, m->at.dcoefficients, turn),
        .dinput = tape_at(t, m->at.dinput, 0),
        .dnormed = tape_at(t, m->at.dnormed, 0),
        .danswer = tape_at(t, m->at.danswer, 0),
    };
    // Let site s see what is learned there
    const struct connection *k = m->architecture.connection;
    s.layout = layout_of(k->mix, s.streams, s.width,
                         m->configuration.iterations);
    s.mean = k->mean;
    s.phi = weight_at(m, m->place[i].phi);
    s.alpha = weight_at(m, m->place[i].alpha);
    s.bias = weight_at(m, m->place[i].bias);
    s.dphi = gradient_at(m, m->place[i].phi);
    s.dalpha = gradient_at(m, m->place[i].alpha);
    s.dbias = gradient_at(m, m->place[i].bias);
    s.work = tape_at(t, m->at.shared[EXACT], 0);
    // Where reading is looking, the input is the stream
    if (s.coefficients == NULL) {
        s.input = s.stream;
        s.dinput = s.dstream;
    }
    return s;
}

// Find a sublayer's work
static struct work work_at(const struct model *m, size_t i,
                           const struct site *s, struct span span)
{
    const struct tape *t = &m->tape;
    struct work w = {
        .device = m->device, .configuration = &m->configuration,
        .sequences = span.sequences, .first = span.first,
        .length = span.length, .tokens = s->tokens,
        .cosine = tape_at(t, m->at.cosine, 0),
        .sine = tape_at(t, m->at.sine, 0),
        .normed = s->normed, .answer = s->answer,
        .danswer = s->danswer, .dnormed = s->dnormed,
    };
    for (size_t k = 0; k < SUBLAYER_PARAMETERS; k++) {
        w.weight[k] = weight_at(m, m->place[i].sublayer[k]);
        w.gradient[k] = gradient_at(m, m->place[i].sublayer[k]);
    }
    // Let work w see the sublayer's arrays
    size_t period = m->architecture.period;
    for (size_t k = 0; k < SUBLAYER_ARRAYS; k++)
        if (m->need[i % period][k].exists) {
            size_t array = m->need[i % period][k].array;
            size_t offset = m->need[i % period][k].offset;
            size_t copy = m->need[i % period][k].single ? 0 : i / period;
            enum storage storage = m->need[i % period][k].storage;
            w.count[k] = m->need[i % period][k].count;
            w.array[k] = !m->need[i % period][k].shared
                       ? tape_at(t, array, copy)
                       : device_at(m->device,
                                   tape_at(t, m->at.shared[storage], 0),
                                   offset, storage);
        }
    return w;
}

// Run forward
static void walk(struct model *m, size_t first, size_t last,
                 bool answers_stand, struct span span)
{
    struct site here = site_at(m, first, span);
    boundary_arrive(&here);
    for (size_t i = first; i < last; i++) {
        struct site next = site_at(m, i + 1, span);
        struct work work = work_at(m, i, &here, span);
        if (!answers_stand)
            kind_of(m, i)->forward(&work);
        if (!answers_stand && m->watch.forward != NULL)
            m->watch.forward(m->watch.context, &here);
        boundary_cross(&here, &next);
        here = next;
    }
    if (!answers_stand && m->watch.forward != NULL)
        m->watch.forward(m->watch.context, &here);
}

// Run from tokens to logits
static void run(struct model *m, struct span span)
{
    const struct device *d = m->device;
    size_t V = m->configuration.vocabulary, C = m->configuration.width;
    struct site first = site_at(m, 0, span);
    struct site exit = site_at(m, m->sublayers, span);
    real *vector = tape_at(&m->tape, m->at.vector, 0);
    if (vector == NULL)
        vector = first.stream;
    m->tokens = first.tokens;
    d->embedding.forward(vector, m->input, weight_at(m, m->embedding),
                         m->tokens, C);
    // Enter several streams
    if (first.layout.mix != MIX_NONE)
        boundary_enter(&first, vector);
    walk(m, 0, m->sublayers, false, span);
    d->matmul_exact.forward(tape_at(&m->tape, m->at.logits, 0),
                            exit.normed, weight_at(m, m->head),
                            m->tokens, V, C);
}

// Run forward for training, and for sampling
void model_forward(struct model *m, const token *input,
                   const token *target)
{
    const struct device *d = m->device;
    struct span all = { m->sequences, 0, m->configuration.context };
    size_t tokens = all.sequences * all.length;
    d->upload_tokens(m->input, input, tokens);
    run(m, all);
    m->scored = target != NULL;
    m->kept = m->scored && m->use == TRAINING;
    if (!m->scored)
        return;
    d->upload_tokens(m->target, target, tokens);
    d->loss.forward(tape_at(&m->tape, m->at.each, 0),
                    tape_at(&m->tape, m->at.lse, 0),
                    tape_at(&m->tape, m->at.logits, 0), m->target,
                    tokens, m->configuration.vocabulary);
}

void model_extend(struct model *m, const token *id, size_t first,
                  size_t count)
{
    assert(m->sequences == 1 && count > 0);
    assert(first + count <= m->configuration.context);
    m->device->upload_tokens(m->input, id, count);
    m->scored = m->kept = false;
    run(m, (struct span){ 1, first, count });
}

// Run backward
void model_backward(struct model *m, double scale)
{
    struct span all = { m->sequences, 0, m->configuration.context };
    assert(m->kept);
    m->kept = m->scored = false;
    // Go back from the loss to the exit
    const struct device *d = m->device;
    size_t V = m->configuration.vocabulary, C = m->configuration.width;
    struct site exit = site_at(m, m->sublayers, all);
    real *logits = tape_at(&m->tape, m->at.logits, 0);
    d->loss.backward(logits, logits, tape_at(&m->tape, m->at.lse, 0),
                     m->target, (real)(scale / (double)m->tokens),
                     m->tokens, V);
    d->matmul_exact.backward_weight(gradient_at(m, m->head), logits,
                                    exit.normed, m->tokens, V, C);
    d->matmul_exact.backward_input(exit.dnormed, logits,
                                   weight_at(m, m->head), m->tokens, V, C,
                                   false);
    for (size_t i = m->sublayers; i-- > 0; ) {
        // Rebuild a block if site i is its last
        if (m->block > 0 && (i + 1) % m->block == 0)
            walk(m, i + 1 - m->block, i, true, all);
        struct site here = site_at(m, i, all);
        struct site next = site_at(m, i + 1, all);
        struct work work = work_at(m, i, &here, all);
        boundary_cross_backward(&here, &next);
        if (m->watch.backward != NULL)
            m->watch.backward(m->watch.context, &next);
        kind_of(m, i)->backward(&work);
    }
    // Go back from the first site to the embedding
    struct site first = site_at(m, 0, all);
    real *dvector = tape_at(&m->tape, m->at.dvector, 0);
    if (dvector == NULL)
        dvector = first.dstream;
    boundary_arrive_backward(&first);
    if (m->watch.backward != NULL)
        m->watch.backward(m->watch.context, &first);
    // Enter several streams, backward
    if (first.layout.mix != MIX_NONE)
        boundary_enter_backward(dvector, &first);
    d->embedding.backward(gradient_at(m, m->embedding), dvector, m->input,
                          m->tokens, C);
}

// Look at the results
double model_loss(const struct model *m)
{
    assert(m->scored);
    m->device->download(m->host, tape_at(&m->tape, m->at.each, 0),
                        m->tokens, EXACT);
    double sum = 0;
    for (size_t t = 0; t < m->tokens; t++)
        sum += (double)m->host[t];
    return sum / (double)m->tokens;
}

void model_logits(const struct model *m, real *host, size_t row)
{
    size_t V = m->configuration.vocabulary;
    assert(row < m->tokens);
    m->device->download(host,
                        device_at(m->device,
                                  tape_at(&m->tape, m->at.logits, 0),
                                  row * V, EXACT), V, EXACT);
}
