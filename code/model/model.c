#include "model/model.h"
#include "ground/memory.h"
#include "layers/attention.h"
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
                    ", mhc, identity, wide-residual"
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
    // Settle what else is dropped
    m->lazy = m->use == TRAINING && m->block == 0
            ? m->configuration.lazy : 0;
    if (m->lazy > sites)
        m->lazy = sites;
    if (m->lazy > 0)
        m->stream_slots = m->lazy > 2 ? 2 : m->lazy - 1;
}

// Plan one array after the other
struct planned {
    size_t *index;
    const char *name;
    enum role role;
    size_t rows, columns, copies;
};

static void plan_arrays(struct model *m, size_t T, struct message *e)
{
    // Say how many streams there are
    m->device->eight.streams = m->configuration.streams;
    const struct configuration *c = &m->configuration;
    size_t n = c->streams, C = c->width, V = c->vocabulary;
    size_t K = connection_coefficients(m->architecture.connection, n);
    size_t slots = m->slots, mixed = K > 0, once = m->use == TRAINING;
    struct at *at = &m->at;
    // Count what not every model has
    size_t P = m->parameters.count, half = C / c->heads / 2;
    size_t copied = m->device->format[WORKING]
                 != m->device->format[MASTER];
    size_t sites = m->sublayers + 1, block = m->block;
    size_t starts = block == 0 ? 0 : (sites + block - 1) / block;
    size_t inputs = mixed * slots;
    bool all = m->use == TRAINING && (K > 0 || block > 0);
    if (m->lazy > 0) {
        starts = (sites + m->lazy - 1) / m->lazy;
        inputs = mixed;
        all = true;
    }
    const struct planned list[] = {
        // Arrays at the ends of the row
        { &at->weights, "weights", MASTER, 1, P, 1 },
        { &at->gradients, "gradients", MASTER, 1, P, once },
        { &at->working, "working copies", WORKING, 1, P, copied },
        { &at->rotation, "rotation", EXACT, 2, c->context * half, 1 },
        { &at->vector, "vector", ACTIVATION, T, C, mixed },
        { &at->dvector, "dvector", GRADIENT, T, C, mixed * once },
        { &at->input_tokens, "tokens", TOKEN, T, 1, 1 },
        { &at->target, "targets", TOKEN, T, 1, 1 },
        { &at->logits, "logits", EXACT, T, V, 1 },
        { &at->each, "each", EXACT, T, 1, 1 },
        { &at->lse, "lse", EXACT, T, 1, 1 },
        { &at->sum, "sum", SUM, 1, 1, 1 },
        // Arrays of the sites
        { &at->start, "stream of a block", STREAM, T, n * C, starts },
        { &at->stream, "stream", STREAM, T, n * C, m->stream_slots },
        { &at->coefficients, "coefficients", EXACT, T, K, slots },
        { &at->input, "input", ACTIVATION, T, C, inputs },
        { &at->inverse_rms, "inverse_rms", EXACT, T, 1, slots },
        { &at->normed, "normed", OPERAND, T, C, slots },
        { &at->answer, "answer", ACTIVATION, T, C, all ? m->sublayers : 1 },
        // Gradients of the sites
        { &at->dstream, "dstream", STREAM, T, n * C, 2 * once },
        { &at->dcoefficients, "dcoefficients", EXACT, T, K, 2 * once },
        { &at->dinput, "dinput", GRADIENT, T, C, mixed * once },
        { &at->dnormed, "dnormed", GRADIENT, T, C, once },
        { &at->danswer, "danswer", OPERAND, T, C, once },
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        *list[i].index = tape_add(&m->tape, "", list[i].name,
                                  list[i].role, list[i].rows,
                                  list[i].columns, list[i].copies, e);
}

// Plan the arrays of the sublayers
// Plan the arrays of one kind
/* how many bytes its members share */
static size_t plan_kind(struct model *m, size_t kind, struct message *e)
{
    const struct sublayer *k = m->architecture.pattern[kind];
    struct need need[SUBLAYER_ARRAYS] = { { .name = NULL } };
    struct tape region = { .device = m->device };
    size_t period = m->architecture.period;
    size_t members = (m->sublayers - kind + period - 1) / period;
    bool backward = m->use == TRAINING;
    k->plan(need, &m->configuration, m->sequences);
    for (size_t i = 0; i < SUBLAYER_ARRAYS; i++) {
        const struct need *n = &need[i];
        if (n->name == NULL || (n->life == RETURN && !backward))
            continue;
        // Plan one array of the kind
        struct home *home = &m->home[kind][i];
        bool shared = n->life == SCRATCH || n->life == RETURN;
        struct tape *t = shared ? &region : &m->tape;
        home->copies = shared ? 0 : n->life == KEPT && !backward ? 1 : members;
        home->offset = tape_bytes(&region);
        home->index = tape_add(t, k->name, n->name, n->role, n->rows,
                               n->columns, shared ? 1 : home->copies, e);
        home->shape = tape_at(t, home->index, 0);
    }
    return tape_bytes(&region);
}

// Plan the arrays of all kinds
static void plan_sublayers(struct model *m, struct message *e)
{
    size_t most = 0, each = sizeof(token);
    for (size_t i = 0; i < m->architecture.period; i++)
        if (i < m->sublayers) {
            size_t used = plan_kind(m, i, e);
            most = used > most ? used : most;
        }
    m->at.shared = tape_add(&m->tape, "", "shared", TOKEN, most / each,
                            1, 1, e);
    // Plan more arrays
    if (m->device->format[OPERAND] == IMAGES)
        m->exponents = tape_add(&m->tape, "", "exponents", EXACT, 1,
                                m->parameters.count / 256 + 1, 1, e);
}

// Compute the rotation
static bool upload_rotation(struct model *m, struct message *message)
{
    size_t size = m->configuration.width / m->configuration.heads;
    size_t count = m->configuration.context * (size / 2);
    real *table = memory_new(2 * count, sizeof *table, message);
    if (table == NULL)
        return false;
    attention_rotation(table, table + count, m->configuration.context,
                       size);
    device_upload(m->device, tape_at(&m->tape, m->at.rotation, 0),
                  table);
    memory_free(table);
    return true;
}

// Find what belongs to a site or a sublayer
/* the part of `all` that belongs to this parameter */
static struct array part_of(const struct model *m, struct array all,
                            size_t index)
{
    if (index == PARAMETER_NONE)
        return device_shape(m->device, MASTER, 0, 0);
    return parameter_in(all, &m->parameters.list[index]);
}

// Find a site
/* the copies of an array take turns */
static struct array in_turn(const struct model *m, size_t index,
                            size_t i)
{
    size_t copies = m->tape.list[index].copies;
    return tape_at(&m->tape, index, copies == 0 ? 0 : i % copies);
}

static struct site site_at(const struct model *m, size_t i)
{
    const struct tape *t = &m->tape;
    size_t parity = i % 2, block = m->block;
    struct site s = {
        .device = m->device, .index = i, .exit = i == m->sublayers,
        .streams = m->configuration.streams,
        .width = m->configuration.width,
        .gain = part_of(m, m->weights, m->place[i].norm),
        .dgain = part_of(m, m->gradients, m->place[i].norm),
        // The arrays of a site
        .stream = block == 0 ? in_turn(m, m->at.stream, i)
                : i % block == 0 ? tape_at(t, m->at.start, i / block)
                : tape_at(t, m->at.stream, i % block - 1),
        .coefficients = in_turn(m, m->at.coefficients, i),
        .input = in_turn(m, m->at.input, i),
        .inverse_rms = in_turn(m, m->at.inverse_rms, i),
        .normed = in_turn(m, m->at.normed, i),
        .answer = i == m->sublayers ? device_shape(m->device, ACTIVATION, 0, 0)
                : in_turn(m, m->at.answer, i),
        .dstream = tape_at(t, m->at.dstream, parity),
        .dcoefficients = tape_at(t, m->at.dcoefficients, parity),
        .dinput = tape_at(t, m->at.dinput, 0),
        .dnormed = tape_at(t, m->at.dnormed, 0),
        .danswer = tape_at(t, m->at.danswer, 0),
    };
    // Let site s see what is learned there
    const struct connection *k = m->architecture.connection;
    s.layout = layout_of(k->mix, s.streams, s.width,
                         m->configuration.iterations);
    s.mean = k->mean;
    s.phi = part_of(m, m->weights, m->place[i].phi);
    s.alpha = part_of(m, m->weights, m->place[i].alpha);
    s.bias = part_of(m, m->weights, m->place[i].bias);
    s.dphi = part_of(m, m->gradients, m->place[i].phi);
    s.dalpha = part_of(m, m->gradients, m->place[i].alpha);
    s.dbias = part_of(m, m->gradients, m->place[i].bias);
    s.again = m->lazy > 0;
    if (s.again && i % m->lazy > 0) {
        s.behind = &m->site[i - 1];
        s.stream = in_turn(m, m->at.stream, i % m->lazy - 1);
    } else if (s.again)
        s.stream = tape_at(t, m->at.start, i / m->lazy);
    // Name the arrays that are a site's own
    s.stream.place = 2 * (unsigned)i;
    s.dstream.place = s.stream.place + 1;
    // Where reading is looking, the input is the stream
    if (s.coefficients.columns == 0) {
        s.input = s.stream;
        s.dinput = s.dstream;
    }
    if (s.exit)                 /* whose vector is the head's */
        s.normed = array_as(s.normed, ACTIVATION,
                            m->device->format[ACTIVATION]);
    return s;
}

// Find a sublayer's work
static struct work work_at(const struct model *m, size_t i)
{
    const struct tape *t = &m->tape;
    const struct site *s = &m->site[i];
    struct work w = {
        .device = m->device,
        .rotation = tape_at(t, m->at.rotation, 0),
        .normed = s->normed, .answer = s->answer,
        .danswer = s->danswer, .dnormed = s->dnormed,
    };
    for (size_t k = 0; k < SUBLAYER_PARAMETERS; k++) {
        size_t index = m->place[i].sublayer[k];
        w.weight[k] = part_of(m, m->working, index);
        w.gradient[k] = part_of(m, m->gradients, index);
    }
    // Let work w see the sublayer's arrays
    size_t period = m->architecture.period;
    struct array region = tape_at(t, m->at.shared, 0);
    for (size_t k = 0; k < SUBLAYER_ARRAYS; k++) {
        const struct home *home = &m->home[i % period][k];
        w.array[k] = home->shape;
        if (home->copies > 0)
            w.array[k] = tape_at(t, home->index, i / period % home->copies);
        else if (home->shape.rows > 0 && region.at != NULL)
            w.array[k].at = (void *)((uintptr_t)region.at + home->offset);
    }
    bool images = m->device->format[OPERAND] == IMAGES;
    uintptr_t exponents = images ? (uintptr_t)tape_at(t, m->exponents, 0).at
                                 : 0;
    for (size_t k = 0; k < SUBLAYER_PARAMETERS; k++) {
        struct array *a = &w.weight[k];
        if (images && a->rows > 0 && a->rows % 128 == 0
            && a->columns % 128 == 0) {
            size_t index = m->place[i].sublayer[k];
            a->format = IMAGES;
            a->exponent = (int8_t *)(exponents
                + (m->parameters.list[index].offset + 127) / 128 * 2);
            assert((uintptr_t)a->exponent % 2 == 0);    /* two at once */
        }
        m->part[i * SUBLAYER_PARAMETERS + k] = *a;
    }
    return w;
}

static void make_sites(struct model *m)
{
    m->weights = tape_at(&m->tape, m->at.weights, 0);
    m->gradients = tape_at(&m->tape, m->at.gradients, 0);
    m->working = tape_at(&m->tape, m->at.working, 0);
    if (m->device->format[WORKING] == m->device->format[MASTER])
        m->working = array_as(m->weights, WORKING,
                              m->weights.format);
    for (size_t i = 0; i <= m->sublayers; i++)
        m->site[i] = site_at(m, i);
    for (size_t i = 0; i < m->sublayers; i++)
        m->work[i] = work_at(m, i);
    // Name the weights that are images
    m->working.part = m->part;
    m->working.parts = m->sublayers * SUBLAYER_PARAMETERS;
}

// Run forward
static struct array tape_rows(const struct model *m, size_t index)
{
    return array_rows(tape_at(&m->tape, index, 0), 0, m->tokens);
}

// Settle what is computed in this call
static void settle(struct model *m, size_t sequences, size_t first,
                   size_t length)
{
    size_t tokens = m->tokens = sequences * length;
    // Tell the device whether somebody looks
    m->device->eight.looked_at = m->watch.forward != NULL
                              || m->watch.backward != NULL;
    for (size_t i = 0; i <= m->sublayers; i++) {
        m->site[i].tokens = tokens;
        m->site[i].apart = m->apart;
    }
    for (size_t i = 0; i < m->sublayers; i++) {
        struct work *w = &m->work[i];
        w->configuration = &m->configuration;
        w->sequences = sequences;
        w->first = first;
        w->length = length;
        w->tokens = tokens;
        w->answer = array_rows(m->site[i].answer, 0, tokens);
    }
}

static void watch_site(const struct model *m,
                       void (*at)(void *, const struct site *),
                       size_t i)
{
    if (at != NULL && !m->device->planning)
        at(m->watch.context, &m->site[i]);
}

static void walk(struct model *m, size_t first, size_t last,
                 bool answers_stand)
{
    device_cross(m->device, NULL, &m->site[first]);
    for (size_t i = first; i < last; i++) {
        if (!answers_stand) {
            kind_of(m, i)->forward(&m->work[i]);
            watch_site(m, m->watch.forward, i);
        }
        device_cross(m->device, &m->site[i], &m->site[i + 1]);
    }
    if (!answers_stand)
        watch_site(m, m->watch.forward, last);
}

// Run from tokens to logits
static void run(struct model *m, size_t sequences, size_t first,
                size_t length)
{
    struct device *d = m->device;
    struct array vector = tape_at(&m->tape, m->at.vector, 0);
    settle(m, sequences, first, length);
    if (m->tape.list[m->at.vector].copies == 0)
        vector = m->site[0].stream;
    device_embed(d, array_rows(vector, 0, m->tokens),
                 tape_rows(m, m->at.input_tokens),
                 part_of(m, m->weights, m->embedding));
    // Enter several streams
    if (m->site[0].layout.mix != MIX_NONE)
        device_enter(d, &m->site[0], array_rows(vector, 0, m->tokens));
    walk(m, 0, m->sublayers, false);
    device_product(d, tape_rows(m, m->at.logits),
                   m->site[m->sublayers].normed,
                   part_of(m, m->working, m->head));
}

// Run forward for training, and for sampling
void model_take(struct model *m, const token *input,
                const token *target)
{
    struct device *d = m->device;
    device_upload(d, tape_at(&m->tape, m->at.input_tokens, 0), input);
    m->scored = target != NULL;
    if (m->scored)
        device_upload(d, tape_at(&m->tape, m->at.target, 0), target);
}

void model_run(struct model *m)
{
    run(m, m->sequences, 0, m->configuration.context);
    m->kept = m->scored && m->use == TRAINING;
    if (m->scored)
        device_loss(m->device, tape_rows(m, m->at.each),
                    tape_rows(m, m->at.lse), tape_rows(m, m->at.logits),
                    tape_rows(m, m->at.target));
}

void model_forward(struct model *m, const token *input,
                   const token *target)
{
    // Begin a forward that is no part of an update
    device_place(m->device, m->configuration.seed, 0, 0);
    model_take(m, input, target);
    model_run(m);
}

void model_extend(struct model *m, const token *id, size_t first,
                  size_t count)
{
    assert(m->sequences == 1 && count > 0);
    assert(first + count <= m->configuration.context);
    m->tokens = count;
    device_upload(m->device, tape_rows(m, m->at.input_tokens), id);
    m->scored = m->kept = false;
    run(m, 1, first, count);
}

// Run backward
static void go_back(struct model *m, double scale)
{
    struct device *d = m->device;
    // Go back from the loss to the exit
    struct array logits = tape_rows(m, m->at.logits);
    struct site *exit = &m->site[m->sublayers];
    device_loss_backward(d, logits, tape_rows(m, m->at.lse),
                         tape_rows(m, m->at.target),
                         scale / (double)m->tokens);
    device_product_weight(d, part_of(m, m->gradients, m->head), logits,
                          exit->normed);
    device_product_input(d, exit->dnormed, logits,
                         part_of(m, m->working, m->head), false);
    for (size_t i = m->sublayers; i-- > 0; ) {
        // Rebuild a block if site i is its last
        if (m->block > 0 && (i + 1) % m->block == 0)
            walk(m, i + 1 - m->block, i, true);
        device_cross_backward(d, &m->site[i], &m->site[i + 1]);
        watch_site(m, m->watch.backward, i + 1);
        kind_of(m, i)->backward(&m->work[i]);
    }
    // Go back from the first site to the embedding
    struct array dvector = tape_at(&m->tape, m->at.dvector, 0);
    if (m->tape.list[m->at.dvector].copies == 0)
        dvector = m->site[0].dstream;
    device_cross_backward(d, NULL, &m->site[0]);
    watch_site(m, m->watch.backward, 0);
    // Enter several streams, backward
    if (m->site[0].layout.mix != MIX_NONE)
        device_enter_backward(d, dvector, &m->site[0]);
    device_embed_backward(d, part_of(m, m->gradients, m->embedding),
                          dvector,
                          tape_at(&m->tape, m->at.input_tokens, 0));
}

void model_backward(struct model *m, double scale)
{
    assert(m->kept);
    m->kept = m->scored = false;
    go_back(m, scale);
}

// Find how much workspace a model needs
static void plan_workspace(struct model *m)
{
    struct device *d = m->device;
    d->planning = true;
    d->asked = 0;
    make_sites(m);
    run(m, m->sequences, 0, m->configuration.context);
    if (m->use == TRAINING)
        go_back(m, 1);
    m->workspace = d->asked;
    d->planning = false;
    m->tokens = 0;
}

// Open and close
bool model_plan(struct model *m, const struct architecture *a,
                const struct configuration *c, struct device *d,
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
    size_t sites = m->sublayers + 1;
    m->place = memory_new(sites, sizeof *m->place, message);
    m->site = memory_new(sites, sizeof *m->site, message);
    m->work = memory_new(sites, sizeof *m->work, message);
    // Make room for more of a model
    m->part = memory_new(m->sublayers * SUBLAYER_PARAMETERS,
                         sizeof *m->part, message);
    if (message->status != 0)
        return false;
    declare(m);
    count_slots(m);
    plan_arrays(m, tokens, message);
    plan_sublayers(m, message);
    if (message->status != 0)
        return false;
    plan_workspace(m);
    return true;
}

// Take the memory of a model
bool model_fits(const struct model *m, size_t besides,
                struct message *message)
{
    const struct configuration *c = &m->configuration;
    size_t all = model_bytes(m) + besides;
    struct message why = { 0, "" };
    if (!device_ready(m->device, 0, message))
        return false;
    if (device_ready(m->device, all, &why))
        return true;
    const char *more = "";
    // Find what else takes less memory
    if (m->use == TRAINING && !c->frugal)
        more = ", or say --frugal";
    char shorter[24] = "";
    for (size_t L = m->lazy + 1; L <= PAST + 1 && *shorter == '\0'; L++) {
        const struct connection *k = m->architecture.connection;
        size_t T = m->sequences * c->context, lazy = m->lazy;
        size_t saved = T * lazy_bytes(k, c, m->device, lazy)
                     - T * lazy_bytes(k, c, m->device, L);
        if (m->use == TRAINING && m->block == 0 && all > saved
            && device_ready(m->device, all - saved, &why))
            snprintf(shorter, sizeof shorter, ", or say --lazy %zu", L);
    }
    if (*shorter != '\0')
        more = shorter;
    else if (m->use == TRAINING && c->lazy > 0)
        more = ", or say --lazy 0 --frugal";
    return fail(message, why.status, "no memory: %zu layers of width "
                "%zu and batches of %zu times %zu tokens take %zu MiB "
                "in all; lower --batch, --context, --layers or --width"
                "%s", c->layers, c->width, m->sequences, c->context,
                (all >> 20) + 1, more);
}

bool model_allocate(struct model *m, struct message *message)
{
    if (!model_fits(m, 0, message) || !tape_allocate(&m->tape, message))
        return false;
    if (!device_reserve(m->device, m->workspace))
        return device_finish(m->device, message);
    make_sites(m);
    return upload_rotation(m, message);
}

// Close a model
void model_close(struct model *m)
{
    tape_release(&m->tape);
    // Give back more of a model
    memory_free(m->part);
    memory_free(m->work);
    memory_free(m->site);
    memory_free(m->place);
    parameters_free(&m->parameters);
    *m = (struct model){ .tape.device = m->device };
}

// Open a model
bool model_open(struct model *m, const struct configuration *c,
                struct device *d, size_t sequences, enum use use,
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
    return tape_bytes(&m->tape) + m->workspace;
}

// Initialise the parameters
void model_initialise(struct model *m)
{
    enum { PIECE = 16384 };
    real piece[PIECE];
    uint64_t seed = m->configuration.seed;
    for (size_t i = 0; i < m->parameters.used; i++) {
        struct parameter p = m->parameters.list[i];
        for (size_t at = 0; at < p.count; at += PIECE) {
            size_t rest = p.count - at;
            size_t count = rest < PIECE ? rest : PIECE;
            #pragma omp parallel for schedule(static)
            for (size_t k = 0; k < count; k++)
                piece[k] = parameter_start(&p, seed,
                                           (at + k) / p.columns,
                                           (at + k) % p.columns);
            struct parameter part = { .rows = 1, .columns = count,
                                      .offset = p.offset + at };
            device_upload(m->device, parameter_in(m->weights, &part),
                          piece);
        }
    }
    // Copy what was initialised
    model_copy_weights(m);
}
void model_copy_weights(const struct model *m)
{
    if (m->working.at != m->weights.at)
        device_copy(m->device, m->working, m->weights);
}

// Look at the results
void model_add_loss(struct model *m, struct array sum, double scale,
                    bool add)
{
    assert(m->scored);
    device_mean(m->device, sum, tape_rows(m, m->at.each), scale, add);
}

double model_loss(const struct model *m)
{
    double loss;
    struct array sum = tape_at(&m->tape, m->at.sum, 0);
    assert(m->scored);
    device_mean(m->device, sum, tape_rows(m, m->at.each), 1, false);
    device_download(m->device, &loss, sum);
    return loss;
}

void model_logits(const struct model *m, real *host, size_t row)
{
    assert(row < m->tokens);
    device_download(m->device, host,
                    array_rows(tape_at(&m->tape, m->at.logits, 0), row,
                               1));
}
