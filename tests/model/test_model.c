#include "support/cpu.h"
#include "mixture.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "model/model.h"
#include "readable.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

// Small models to test with
static const struct sublayer *const usual[] = {
    &attention_sublayer, &feedforward_sublayer
};
static const struct sublayer *const experts[] = {
    &attention_sublayer, &mixture
};

static const struct example {
    const struct connection *connection;
    const struct sublayer *const *pattern;
    size_t streams;
    bool tied;
} examples[] = {
    { &residual, usual, 1, false },
    { &residual, usual, 1, true },
    { &residual, experts, 1, false },
    // Examples with several streams
    { &hc_static, usual, 3, false },
    { &hc, usual, 2, false },
    { &hc_three, usual, 4, true },
};
enum { EXAMPLES = sizeof examples / sizeof examples[0],
       BATCH = 2, LENGTH = 5, WORDS = 11 };

static token input[BATCH * LENGTH], target[BATCH * LENGTH];

// Open an example
static struct configuration small(void)
{
    struct configuration c = configuration_default();
    c.layers = 2;
    c.width = 8;
    c.heads = 2;
    c.hidden = 6;
    c.context = LENGTH;
    c.vocabulary = WORDS;
    return c;
}

static struct model open_as(const struct example *e, size_t sequences,
                            enum use use, size_t block)
{
    struct message message = { 0, "" };
    struct configuration c = small();
    struct architecture a = { e->connection, e->pattern, 2 };
    struct model m;
    c.streams = e->streams;
    c.tied = e->tied;
    bool open = model_plan(&m, &a, &c, &cpu, sequences, use, block,
                           &message) && model_allocate(&m, &message);
    ck_assert_msg(open, "%s", message.text);
    for (size_t i = 0; i < BATCH * LENGTH; i++) {
        input[i] = (token)random_below(5, 0, i, WORDS);
        input[i] = input[i] == 7 ? 3 : input[i];
        target[i] = (token)random_below(6, 0, i, WORDS);
    }
    return m;
}

// Put a model at a random point
static void one_thread(void)
{
    omp_set_num_threads(1);
}

static void scatter(struct model *m)
{
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        real *w = reals(m->weights) + p->offset;
        fill_normal(w, p->count, 100 + i, p->rows == 1 ? 0.3 : 0.5);
        for (size_t k = 0; p->rows == 1 && k < p->count; k++)
            w[k] += 1;
    }
}

static void run_backward(struct model *m)
{
    model_forward(m, input, target);
    model_backward(m, 1);
}

// Gradients against differences
#ifdef REAL_IS_DOUBLE
static double loss_of(void *context)
{
    model_forward(context, input, target);
    return model_loss(context);
}

static void check_group(struct model *m, const struct parameter *p,
                        size_t first, size_t count)
{
    struct difference d = difference_check(loss_of, m,
        reals(m->weights) + p->offset + first,
        reals(m->gradients) + p->offset + first, count);
    ck_assert_msg(d.largest > 1e-4, "%s + %zu: gradients of at most %g",
                  p->name, first, d.largest);
    ck_assert_msg(d.worst <= 1e-6, "%s[%zu] is off by %g of %g",
                  p->name, first + d.at, d.worst, d.largest);
}

/* fails if a gradient takes its activation's place too early */
START_TEST(the_gradient_of_every_parameter_is_right)
{
    struct model m = open_as(&examples[_i], BATCH, TRAINING, 0);
    scatter(&m);
    run_backward(&m);
    for (size_t i = 0; i < m.parameters.used; i++) {
        const struct parameter *p = &m.parameters.list[i];
        size_t parts = strstr(p->name, "qkv") != NULL ? 3 : 1;
        for (size_t k = 0; k < parts; k++)
            check_group(&m, p, k * p->count / parts, p->count / parts);
    }
    model_close(&m);
}
END_TEST
#endif

// Recomputation changes no bit
static void gradients_of(real *gradients, const struct example *e,
                         size_t block, bool apart)
{
    struct model m = open_as(e, BATCH, TRAINING, block);
    m.apart = apart;
    scatter(&m);
    run_backward(&m);
    ck_assert(m.parameters.count <= 8000);
    memcpy(gradients, reals(m.gradients),
           m.parameters.count * sizeof(real));
    model_close(&m);
}

/* fails if a block is rebuilt where the site behind it still stands */
START_TEST(recomputation_changes_no_bit_of_any_gradient)
{
    size_t count = 8000;
    real *want = test_reals(count), *got = test_reals(count);
    gradients_of(want, &examples[_i], 0, false);
    const size_t blocks[] = { 1, 2, 3, 4, 5, 6, 100 };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        gradients_of(got, &examples[_i], blocks[i], false);
        assert_same(got, want, count);
    }
}
END_TEST

// A watch sees every site once, and finished
struct seen {
    size_t forward, backward, width;
    real answer, slope[8];
};

static void look(void *context, const struct site *s)
{
    struct seen *seen = context;
    ck_assert_uint_eq(s->index, seen->forward++);
    ck_assert(s->exit == (s->answer.at == NULL));
    if (s->index == 1)
        seen->answer = reals(s->answer)[3];
}

static void look_back(void *context, const struct site *s)
{
    struct seen *seen = context;
    ck_assert_uint_eq(s->index, 4 - seen->backward++);
    if (s->index > 0)
        return;
    size_t n = s->streams, C = s->width;
    for (size_t t = 0; t < s->tokens; t++)
        for (size_t i = 0; input[t] == 3 && i < n * C; i++)
            seen->slope[i % C] += reals(s->dstream)[t * n * C + i];
}

/* fails if a rebuilt site is shown again, or its gradient is not
   complete yet */
START_TEST(a_watch_sees_every_site_once_and_finished)
{
    const struct example *e = &examples[_i / 4];
    struct model m = open_as(e, BATCH, TRAINING, (size_t)_i % 4);
    struct seen seen = { 0 };
    m.watch = (struct watch){ look, look_back, &seen };
    scatter(&m);
    run_backward(&m);
    ck_assert(seen.forward == 5 && seen.backward == 5);
    if (m.tape.list[m.at.answer].copies > 1) {
        const real *first = reals(tape_at(&m.tape, m.at.answer, 1));
        ck_assert(seen.answer == first[3]);
    }
    size_t C = m.configuration.width;
    if (!e->tied)
        assert_close(seen.slope, reals(m.gradients) + 3 * C, C, 1e-5);
    model_close(&m);
}
END_TEST

// A fused cross changes no bit
/* fails if the fused crossing rounds otherwise than its parts */
START_TEST(a_residual_crossed_at_once_changes_no_bit)
{
    size_t count = 8000;
    real *want = test_reals(count), *got = test_reals(count);
    for (size_t block = 0; block < 4; block++) {
        gradients_of(want, &examples[_i], block, true);
        gradients_of(got, &examples[_i], block, false);
        assert_same(got, want, count);
    }
}
END_TEST

// Extending is forward in pieces
/* fails if new keys and values are written over the old ones */
START_TEST(extending_in_pieces_gives_the_logits_of_forward)
{
    const size_t cuts[][6] = {
        { 0, 5 }, { 0, 1, 2, 3, 4, 5 }, { 0, 3, 4, 5 }, { 0, 2, 5 }
    };
    real *want = test_reals(LENGTH * WORDS);
    struct model whole = open_as(&examples[_i], BATCH, TRAINING, 2);
    scatter(&whole);
    model_forward(&whole, input, NULL);
    for (size_t t = 0; t < LENGTH; t++)
        model_logits(&whole, want + t * WORDS, t);
    struct model m = open_as(&examples[_i], 1, INFERENCE, 0);
    scatter(&m);
    for (size_t k = 0; k < sizeof cuts / sizeof cuts[0]; k++) {
        real *got = test_unset(LENGTH * WORDS);
        // Extend from cut to cut
        for (const size_t *cut = cuts[k]; *cut < LENGTH; cut++) {
            model_extend(&m, input + cut[0], cut[0], cut[1] - cut[0]);
            for (size_t t = cut[0]; t < cut[1]; t++)
                model_logits(&m, got + t * WORDS, t - cut[0]);
        }
        assert_close(got, want, LENGTH * WORDS, 400 * REAL_EPSILON);
    }
    model_close(&whole);
    model_close(&m);
}
END_TEST

// What the model promises
/* fails if a tied head's gradient does not reach the embedding */
START_TEST(absent_bytes_have_no_gradient_unless_tied)
{
    for (size_t e = 0; e < 2; e++) {
        struct model m = open_as(&examples[e], BATCH, TRAINING, 0);
        scatter(&m);
        run_backward(&m);
        const real *row = reals(m.gradients)
                        + 7 * m.configuration.width;
        double sum = 0;
        for (size_t c = 0; c < m.configuration.width; c++)
            sum += fabs((double)row[c]);
        ck_assert_msg(examples[e].tied ? sum > 1e-3 : sum == 0,
                      "%g", sum);
        model_close(&m);
    }
}
END_TEST

/* fails if a backward pass sets gradients, or leaves out the scale */
START_TEST(backward_adds_to_the_gradients_what_scale_says)
{
    struct model m = open_as(&examples[_i], BATCH, TRAINING, 0);
    size_t count = m.parameters.count;
    real *want = test_reals(count);
    scatter(&m);
    model_forward(&m, input, target);
    model_backward(&m, 0.25);
    memcpy(want, reals(m.gradients), count * sizeof(real));
    model_forward(&m, input, target);
    model_backward(&m, 0.5);
    for (size_t i = 0; i < count; i++)
        want[i] *= 3;
    assert_close(reals(m.gradients), want, count, 1e-4);
    model_close(&m);
}
END_TEST

// What the model promises of its loss
/* fails if the loss is a sum, or that of one sequence */
START_TEST(the_loss_is_the_mean_over_all_targets)
{
    struct model m = open_as(&examples[0], BATCH, INFERENCE, 3);
    scatter(&m);
    model_forward(&m, input, target);
    double sum = 0;
    for (size_t t = 0; t < BATCH * LENGTH; t++) {
        real logits[WORDS];
        double all = 0;
        model_logits(&m, logits, t);
        for (size_t v = 0; v < WORDS; v++)
            all += exp((double)logits[v]);
        sum += log(all) - (double)logits[target[t]];
    }
    double want = sum / (BATCH * LENGTH);
    ck_assert(fabs(model_loss(&m) - want) < 1e-5 * want);
    ck_assert(want > 1);
    model_close(&m);
}
END_TEST

/* opened on so many threads, run on `threads` */
static void gradients_with(int opened, int threads, real *gradients,
                           double *loss)
{
    struct configuration c = configuration_default();
    struct message message = { 0, "" };
    struct model m;
    enum { MANY = 64 * 3 };
    token in[MANY], out[MANY];
    c.layers = 1;
    c.width = 36;
    c.heads = 2;
    c.context = 64;
    for (size_t i = 0; i < MANY; i++) {
        in[i] = (token)random_below(1, 0, i, 256);
        out[i] = (token)random_below(2, 0, i, 256);
    }
    omp_set_num_threads(opened);
    ck_assert(model_open(&m, &c, &cpu, 3, TRAINING, 0, &message));
    omp_set_num_threads(threads);
    ck_assert(m.parameters.count <= 50000);
    scatter(&m);
    model_forward(&m, in, out);
    *loss = model_loss(&m);
    model_backward(&m, 1);
    memcpy(gradients, reals(m.gradients),
           m.parameters.count * sizeof(real));
    model_close(&m);
}

/* fails if threads decide the order of a sum, or more threads than at
   opening overrun the workspace */
START_TEST(loss_and_gradients_are_the_same_for_any_threads)
{
    real *one = test_reals(50000), *two = test_reals(50000);
    double loss, other;
    gradients_with(1, 1, one, &loss);
    gradients_with(2, 2, two, &other);
    ck_assert(loss == other && loss > 0);
    assert_same(two, one, 50000);
    gradients_with(1, 8, two, &other);
    ck_assert(loss == other && loss > 0);
    assert_same(two, one, 50000);
}
END_TEST

// What the model promises of its memory
static size_t counted, held;

static void count_release(struct device *d, void *memory)
{
    held--;
    cpu_operations.release(d, memory);
}

static void *count_bytes(struct device *d, size_t bytes)
{
    counted += bytes;
    held++;
    return cpu_operations.allocate(d, bytes);
}

static size_t bytes_of(const struct example *e, enum use use,
                       size_t block, size_t layers)
{
    struct message message = { 0, "" };
    struct configuration c = small();
    struct architecture a = { e->connection, e->pattern, 2 };
    struct operations does = cpu_operations;
    struct device counting;
    struct model m;
    ck_assert(device_open(&counting, "cpu", "single", &message));
    counting.does = &does;
    does.allocate = count_bytes;
    does.release = count_release;
    counted = held = 0;
    c.streams = e->streams;
    c.layers = layers;
    c.context = 32;
    ck_assert(model_plan(&m, &a, &c, &counting, BATCH, use, block,
                         &message));
    ck_assert(model_allocate(&m, &message));
    ck_assert(counted == model_bytes(&m));
    for (size_t i = 0; i < m.tape.used; i++)
        if (strncmp(m.tape.list[i].name, "shared", 6) == 0)
            ck_assert_uint_eq(m.tape.list[i].copies, 1);
    model_close(&m);
    device_close(&counting);
    ck_assert(held == 0);
    return counted;
}

/* fails if the device is asked for more than was planned, or never gets
   it back */
START_TEST(a_model_takes_the_memory_it_says)
{
    for (size_t e = 0; e < EXAMPLES; e++)
        for (size_t layers = 1; layers < 6; layers++)
            for (size_t block = 0; block < 5; block++)
                bytes_of(&examples[e], TRAINING, block, layers);
}
END_TEST

// What recomputation and inference save
/* fails if inference keeps an activation for every sublayer */
START_TEST(a_layer_costs_inference_its_parameters_and_its_cache)
{
    size_t C = 8, H = 6, T = BATCH * 32;
    size_t parameters = 4 * C * C + 3 * C * H + 2 * 16;
    for (size_t e = 0; e < 2; e++) {
        size_t two = bytes_of(&examples[e], INFERENCE, 0, 2);
        size_t six = bytes_of(&examples[e], INFERENCE, 0, 6);
        ck_assert(six - two == 4 * (parameters + 3 * C * T)
                               * sizeof(real));
    }
    struct model m = open_as(&examples[0], BATCH, INFERENCE, 0);
    ck_assert_ptr_null(reals(m.gradients));
    model_close(&m);
}
END_TEST

// Nothing is allocated on the way
/* fails if an operation takes memory beside the workspace */
START_TEST(forward_backward_and_extend_allocate_nothing)
{
    struct model m = open_as(&examples[_i], BATCH, TRAINING, 2);
    struct model one = open_as(&examples[_i], 1, INFERENCE, 0);
    scatter(&m);
    scatter(&one);
    struct message message = { 0, "" };
    memory_allow(0);
    run_backward(&m);
    model_extend(&one, input, 0, 3);
    memory_allow(SIZE_MAX);
    ck_assert(device_finish(&cpu, &message));
    model_close(&m);
    model_close(&one);
}
END_TEST

/* fails if one of the allocations is not checked */
START_TEST(without_memory_a_model_says_so)
{
    struct configuration c = small();
    struct model m;
    size_t k = 0;
    for (;; k++) {
        struct message message = { 0, "" };
        memory_allow(k);
        bool open = model_open(&m, &c, &cpu, BATCH, TRAINING, 2,
                               &message);
        memory_allow(SIZE_MAX);
        if (open)
            break;
        ck_assert(message.status == EX_OSERR);
    }
    ck_assert(k > 25);
    model_close(&m);
}
END_TEST

// What the model promises of its start
static struct model open_usual(struct configuration c)
{
    struct message message = { 0, "" };
    struct model m;
    bool open = model_open(&m, &c, &cpu, 1, TRAINING, 0, &message);
    ck_assert_msg(open, "%s", message.text);
    model_initialise(&m);
    return m;
}

static double deviation_of(const struct model *m, const char *name)
{
    const struct parameter *p = parameter_find(&m->parameters, name);
    ck_assert_msg(p != NULL, "no %s", name);
    double sum = 0;
    for (size_t i = 0; i < p->count; i++) {
        double w = (double)reals(m->weights)[p->offset + i];
        sum += w * w;
    }
    return sqrt(sum / (double)p->count);
}

/* fails if matrices that write to the stream start as large as the
   others */
START_TEST(parameters_start_as_the_text_says)
{
    struct configuration c = configuration_default();
    c.width = 96;
    c.layers = 3;
    struct model m = open_usual(c);
    double in = 1 / sqrt(96), shared = in / sqrt(6);
    const struct { const char *name; double want; } list[] = {
        { "embedding", 0.02 }, { "head", 0.02 }, { "norm", 1 },
        { "sublayer.4.norm", 1 }, { "sublayer.0.attention.qkv", in },
        { "sublayer.2.attention.out", shared },
        { "sublayer.1.feedforward.gate_up", in },
        { "sublayer.5.feedforward.down", 1 / sqrt(256 * 6) } };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        double got = deviation_of(&m, list[i].name);
        ck_assert_msg(fabs(got / list[i].want - 1) < 0.02, "%s: %g",
                      list[i].name, got);
    }
    for (size_t k = 0; k < m.parameters.used; k++) {
        const struct parameter *p = &m.parameters.list[k];
        for (size_t i = 0; i < p->count; i++)
            ck_assert(reals(m.weights)[p->offset + i]
                      == parameter_start(p, c.seed, i / p->columns,
                                         i % p->columns));
    }
    model_close(&m);
}
END_TEST

/* fails if the head starts so large that the first loss is not ln
   256 */
START_TEST(a_model_that_knows_nothing_says_so)
{
    for (int tied = 0; tied < 2; tied++) {
        struct configuration c = configuration_default();
        token in[128], out[128];
        c.tied = tied;
        for (size_t i = 0; i < 128; i++) {
            in[i] = (token)random_below(1, 0, i, 256);
            out[i] = (token)random_below(2, 0, i, 256);
        }
        struct model m = open_usual(c);
        model_forward(&m, in, out);
        double loss = model_loss(&m);
        ck_assert_msg(fabs(loss - log(256)) < 0.1, "%g", loss);
        model_close(&m);
    }
}
END_TEST

// Equal names start equal
/* fails if the seed does not reach the parameters */
START_TEST(another_seed_starts_elsewhere)
{
    struct configuration c = small(), other = small();
    other.seed = 2;
    struct model a = open_usual(c), b = open_usual(other);
    struct model again = open_usual(c);
    size_t count = a.parameters.count;
    assert_same(reals(again.weights), reals(a.weights), count);
    ck_assert(!compare_bits(NULL, "", reals(b.weights),
                            reals(a.weights), 8));
    model_close(&a);
    model_close(&b);
    model_close(&again);
}
END_TEST

// The table of a small model
static const struct {
    const char *name;
    size_t rows, columns, offset;
    bool decay;
} table[] = {
    { "embedding", 11, 8, 0, true },
    { "sublayer.0.norm", 1, 8, 96, false },
    { "sublayer.0.attention.qkv", 24, 8, 112, true },
    { "sublayer.0.attention.out", 8, 8, 304, true },
    { "sublayer.1.norm", 1, 8, 368, false },
    { "sublayer.1.feedforward.gate_up", 12, 8, 384, true },
    { "sublayer.1.feedforward.down", 8, 6, 480, true },
    { "norm", 1, 8, 528, false },
    { "head", 11, 8, 544, true },
};

/* fails if a parameter gets another name than in older checkpoints */
START_TEST(parameters_have_these_names_shapes_and_places)
{
    struct configuration c = small();
    c.layers = 1;
    struct model m = open_usual(c);
    ck_assert(m.parameters.used == sizeof table / sizeof table[0]);
    for (size_t i = 0; i < m.parameters.used; i++) {
        const struct parameter *p = &m.parameters.list[i];
        ck_assert_str_eq(p->name, table[i].name);
        ck_assert(p->rows == table[i].rows);
        ck_assert(p->columns == table[i].columns);
        ck_assert(p->count == p->rows * p->columns);
        ck_assert(p->offset == table[i].offset);
        ck_assert_ptr_eq(parameter_find(&m.parameters, p->name), p);
        ck_assert(p->decay == table[i].decay);
    }
    ck_assert(m.parameters.count == 640);
    ck_assert(m.parameters.numbers == 2 * 88 + 24 + 256 + 144);
    model_close(&m);
}
END_TEST

// What the model refuses
static void refuse(struct configuration c, size_t sequences,
                   const char *reason)
{
    struct message message = { 0, "" };
    struct model m;
    ck_assert(!model_open(&m, &c, &cpu, sequences, TRAINING, 0,
                          &message));
    ck_assert_msg(strstr(message.text, reason) != NULL, "%s",
                  message.text);
    ck_assert(message.status == EX_USAGE || message.status == EX_OSERR);
}

/* fails if an unknown connection or a batch of nothing is opened */
START_TEST(models_that_cannot_be_are_refused)
{
    struct configuration c = small();
    strcpy(c.connection, "telepathy");
    refuse(c, 1, "telepathy");
    c = small();
    c.streams = 2;
    refuse(c, 1, "takes 1 at most, not 2");
    c = small();
    c.heads = 3;
    refuse(c, 1, "heads");
    refuse(small(), 0, "no sequences");
    refuse(small(), SIZE_MAX, "too many");
    refuse(small(), ((size_t)1 << 31) / LENGTH + 1, "too many");
}
END_TEST

/* fails if a product of sizes wraps, and a huge model looks small */
START_TEST(sizes_beyond_all_memory_are_refused)
{
    struct configuration c = small();
    struct message message = { 0, "" };
    struct architecture a = { &residual, usual, 2 };
    struct model m;
    c.layers = c.heads = 4096;
    c.width = 65536;
    c.hidden = 262144;
    c.context = c.vocabulary = 1048576;
    ck_assert(model_plan(&m, &a, &c, &cpu, 32, TRAINING, 0, &message));
    ck_assert(model_bytes(&m) > (size_t)1 << 56);
    model_close(&m);
    refuse(c, 32, "no memory");
    refuse(c, 2047, "too large");
    c = small();
    c.context = 1;
    ck_assert(model_plan(&m, &a, &c, &cpu, INT32_MAX, TRAINING, 0,
                         &message));
    model_close(&m);
    refuse(c, (size_t)INT32_MAX + 1, "too many");
}
END_TEST

// Models with several streams
// The plan of a small model
static const struct {
    const char *name;
    enum role role;
    size_t rows, columns, copies[4];    /* block 0, 1, 2; inference */
} arrays[] = {
    { "gradients", MASTER, 1, 0, { 1, 1, 1, 0 } },
    { "working copies", WORKING, 1, 0, { 0, 0, 0, 0 } },
    { "rotation", EXACT, 2, 10, { 1, 1, 1, 1 } },
    { "vector", ACTIVATION, 10, 8, { 1, 1, 1, 1 } },
    { "dvector", GRADIENT, 10, 8, { 1, 1, 1, 0 } },
    { "tokens", TOKEN, 10, 1, { 1, 1, 1, 1 } },
    { "targets", TOKEN, 10, 1, { 1, 1, 1, 1 } },
    { "logits", EXACT, 10, 11, { 1, 1, 1, 1 } },
    { "each", EXACT, 10, 1, { 1, 1, 1, 1 } },
    { "lse", EXACT, 10, 1, { 1, 1, 1, 1 } },
    { "sum", SUM, 1, 1, { 1, 1, 1, 1 } },
    { "stream of a block", STREAM, 10, 24, { 0, 5, 3, 0 } },
    { "stream", STREAM, 10, 24, { 5, 0, 1, 2 } },
    { "coefficients", EXACT, 10, 15, { 5, 2, 3, 2 } },
    { "input", ACTIVATION, 10, 8, { 5, 2, 3, 2 } },
    { "inverse_rms", EXACT, 10, 1, { 5, 2, 3, 2 } },
    { "normed", OPERAND, 10, 8, { 5, 2, 3, 2 } },
    { "answer", ACTIVATION, 10, 8, { 4, 4, 4, 1 } },
    { "dstream", STREAM, 10, 24, { 2, 2, 2, 0 } },
    { "dcoefficients", EXACT, 10, 15, { 2, 2, 2, 0 } },
    { "dinput", GRADIENT, 10, 8, { 1, 1, 1, 0 } },
    { "dnormed", GRADIENT, 10, 8, { 1, 1, 1, 0 } },
    { "danswer", OPERAND, 10, 8, { 1, 1, 1, 0 } },
    { "attention.qkv", ACTIVATION, 10, 24, { 2, 2, 2, 2 } },
    { "attention.mixed", ACTIVATION, 10, 8, { 2, 2, 2, 1 } },
    { "attention.lse", EXACT, 10, 2, { 2, 2, 2, 1 } },
    { "feedforward.gate_up", OPERAND, 10, 12, { 2, 2, 2, 1 } },
};
enum { ARRAYS = sizeof arrays / sizeof arrays[0] };

// Compare the plan with the one by hand
static const struct tape_array *array_of(const struct model *m,
                                    const char *name)
{
    for (size_t i = 0; i < m->tape.used; i++)
        if (strcmp(m->tape.list[i].name, name) == 0)
            return &m->tape.list[i];
    return NULL;
}

/* fails if an array of a site is too large, or kept once too often */
START_TEST(the_plan_of_memory_is_the_one_by_hand)
{
    struct message message = { 0, "" };
    struct configuration c = small();
    struct architecture a = { &hc_static, usual, 2 };
    struct model m;
    c.streams = 3;
    ck_assert(model_plan(&m, &a, &c, &cpu, BATCH,
                         _i < 3 ? TRAINING : INFERENCE, (size_t)_i,
                         &message));
    for (size_t i = 0; i < ARRAYS; i++) {
        const struct tape_array *got = array_of(&m, arrays[i].name);
        ck_assert_msg(got != NULL, "%s", arrays[i].name);
        ck_assert(got->array.role == arrays[i].role);
        ck_assert(got->array.rows == arrays[i].rows);
        ck_assert(got->array.columns == (i < 2 ? m.parameters.count
                                               : arrays[i].columns));
        ck_assert_msg(got->copies == arrays[i].copies[_i], "%s: %zu",
                      got->name, got->copies);
    }
    ck_assert(m.tape.used == ARRAYS + 2);
    size_t one = sizeof(real), lines = 256;
    size_t shared = (240 * one + lines - 1) / lines * lines
                  + (80 * one + lines - 1) / lines * lines;
    if (_i == 3)
        shared = (60 * one + lines - 1) / lines * lines;
    ck_assert(array_bytes(array_of(&m, "shared")->array) == shared);
    ck_assert(m.workspace >= boundary_work(&m.site[0].layout));
    model_close(&m);
}
END_TEST

// What recomputation saves
static const struct example four = { &hc_static, usual, 4, true };

/* fails if recomputation keeps the streams of a site that it will
   compute again */
START_TEST(recomputation_saves_what_the_formula_says)
{
    size_t n = 4, C = 8, T = BATCH * 32, N = 12, K = n * n + 2 * n;
    size_t all = (N + 1) * ((n + 2) * C + K + 1);
    for (size_t k = 1; k <= N + 1; k++) {
        size_t slots = k + 1, starts = (N + 1 + k - 1) / k;
        size_t part = n * C * (starts + k - 1)
                    + slots * (2 * C + K + 1);
        size_t without = bytes_of(&four, TRAINING, 0, N / 2);
        size_t with = bytes_of(&four, TRAINING, k, N / 2);
        ck_assert(with + all * T * sizeof(real)
                  == without + part * T * sizeof(real));
    }
    ck_assert(bytes_of(&four, TRAINING, N + 1, N / 2) ==
              bytes_of(&four, TRAINING, 99, N / 2));
}
END_TEST

// Sublayers start equal, whatever connects them
/* fails if the random start of a parameter depends on its place and
   not on its name */
START_TEST(sublayers_start_equal_whatever_connects_them)
{
    struct model a = open_as(&examples[1], BATCH, TRAINING, 0);
    struct model b = open_as(&four, BATCH, TRAINING, 0);
    size_t compared = 0;
    model_initialise(&a);
    model_initialise(&b);
    for (size_t i = 0; i < a.parameters.used; i++) {
        const struct parameter *p = &a.parameters.list[i];
        const struct parameter *q = parameter_find(&b.parameters,
                                                   p->name);
        ck_assert_ptr_nonnull(q);
        compared += p->offset != q->offset;
        assert_same(reals(a.weights) + p->offset, reals(b.weights)
                    + q->offset,
                    p->count);
    }
    ck_assert(compared > 10);
    model_close(&a);
    model_close(&b);
}
END_TEST

// The size that people train
enum { PEOPLE = 4, CONTEXT = 256, BYTES = 256 };

static struct model large_model(void)
{
    struct configuration c = configuration_default();
    struct message message = { 0, "" };
    struct model m;
    c.layers = 3;
    c.width = 192;
    c.heads = 6;
    c.context = CONTEXT;
    ck_assert_msg(model_open(&m, &c, &cpu, PEOPLE, TRAINING, 0,
                             &message),
                  "%s", message.text);
    readable_scatter(&m);
    return m;
}

/* as reals, to be compared */
static real *rounded(const double *x, size_t count)
{
    real *to = test_reals(count);
    for (size_t i = 0; i < count; i++)
        to[i] = (real)x[i];
    return to;
}

/* fails if something is wrong from the second tile or slice on only */
START_TEST(a_model_of_some_size_agrees_with_plain_loops)
{
    enum { TOKENS = PEOPLE * CONTEXT };
    static token in[TOKENS], out[TOKENS];
    struct model m = large_model();
    struct readable r = readable_of(&m, CONTEXT);
    double loss = 0;
    for (size_t i = 0; i < TOKENS; i++) {
        in[i] = (token)random_below(1, 0, i, BYTES);
        out[i] = (token)random_below(2, 0, i, BYTES);
    }
    model_forward(&m, in, out);
    // Compare all logits and add up the readable loss
    real *got = test_reals(CONTEXT * BYTES);
    for (size_t b = 0; b < TOKENS; b += CONTEXT) {
        readable_forward(&r, in + b, CONTEXT);
        for (size_t t = 0; t < CONTEXT; t++) {
            model_logits(&m, got + t * BYTES, b + t);
            loss += readable_nats(&r, t, out[b + t]) / TOKENS;
        }
        real *want = rounded(r.logits, CONTEXT * BYTES);
        assert_close(got, want, CONTEXT * BYTES, 1e3 * REAL_EPSILON);
        readable_backward(&r, in + b, out + b, 1. / TOKENS);
    }
    ck_assert(fabs(model_loss(&m) / loss - 1) < 100 * REAL_EPSILON);
    model_backward(&m, 1);
    // Compare all gradients with the readable ones
    for (size_t i = 0; i < m.parameters.used; i++) {
        const struct parameter *p = &m.parameters.list[i];
        real *want = rounded(r.gradient + p->offset, p->count);
        ck_assert_msg(compare_arrays(stderr, p->name,
                                     reals(m.gradients) + p->offset, want,
                                     &p->count, 1, 1e3 * REAL_EPSILON),
                      "%s is not what plain loops give", p->name);
    }
    model_close(&m);
}
END_TEST

// The suite of the model
Suite *model_suite(void);
Suite *model_suite(void)
{
    Suite *s = suite_create("model");
    TCase *c = tcase_create("gradients");
    suite_add_tcase(s, c);
#ifdef REAL_IS_DOUBLE
    tcase_add_loop_test(c, the_gradient_of_every_parameter_is_right,
                        0, EXAMPLES);
#endif
    tcase_add_checked_fixture(c, one_thread, NULL);
    tcase_add_test(c,
                   absent_bytes_have_no_gradient_unless_tied);
    tcase_add_loop_test(c,
        backward_adds_to_the_gradients_what_scale_says, 0, EXAMPLES);
    // Add the tests of bits, loss and memory
    c = tcase_create("bits");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, one_thread, NULL);
    tcase_add_loop_test(c, recomputation_changes_no_bit_of_any_gradient,
                        0, EXAMPLES);
    tcase_add_loop_test(c, a_residual_crossed_at_once_changes_no_bit,
                        0, 3);
    tcase_add_loop_test(c, a_watch_sees_every_site_once_and_finished, 0,
                        4 * EXAMPLES);
    tcase_add_loop_test(c, extending_in_pieces_gives_the_logits_of_forward,
                        0, EXAMPLES);
    tcase_add_test(c,
                   loss_and_gradients_are_the_same_for_any_threads);
    c = tcase_create("memory");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, one_thread, NULL);
    tcase_add_test(c, the_loss_is_the_mean_over_all_targets);
    tcase_add_test(c, a_model_takes_the_memory_it_says);
    tcase_add_test(c, a_layer_costs_inference_its_parameters_and_its_cache);
    tcase_add_loop_test(c, forward_backward_and_extend_allocate_nothing, 0,
                        EXAMPLES);
    tcase_add_test(c, without_memory_a_model_says_so);
    // Add the tests of models with several streams
    c = tcase_create("streams");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, one_thread, NULL);
    tcase_add_loop_test(c, the_plan_of_memory_is_the_one_by_hand, 0, 4);
    tcase_add_test(c, recomputation_saves_what_the_formula_says);
    tcase_add_test(c, sublayers_start_equal_whatever_connects_them);
    c = tcase_create("size");
    tcase_set_tags(c, "slow");
    suite_add_tcase(s, c);
    tcase_add_test(c, a_model_of_some_size_agrees_with_plain_loops);
    // Add the tests of the start, and of what is refused
    c = tcase_create("start");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, one_thread, NULL);
    tcase_add_test(c, parameters_start_as_the_text_says);
    tcase_add_test(c, a_model_that_knows_nothing_says_so);
    tcase_add_test(c, another_seed_starts_elsewhere);
    tcase_add_test(c, parameters_have_these_names_shapes_and_places);
    tcase_add_test(c, models_that_cannot_be_are_refused);
    tcase_add_test(c, sizes_beyond_all_memory_are_refused);
    return s;
}
