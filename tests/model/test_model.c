#include "kinds.h"
#include "connection/residual.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "model/model.h"
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
    { &mixing, usual, 2, false },
    { &mixing, usual, 4, true },
    { &mixing, usual, 3, false },
    { &residual, experts, 1, false },
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
static void scatter(struct model *m)
{
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        real *w = m->weights + p->offset;
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
        m->weights + p->offset + first,
        m->gradients + p->offset + first, count);
    ck_assert_msg(d.largest > 1e-4, "%s + %zu: gradients of at most %g",
                  p->name, first, d.largest);
    ck_assert_msg(d.worst <= 1e-6, "%s[%zu] is off by %g of %g",
                  p->name, first + d.at, d.worst, d.largest);
}

START_TEST(the_gradient_of_every_parameter_is_right)
{
    omp_set_num_threads(1);
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
                         size_t block)
{
    struct model m = open_as(e, BATCH, TRAINING, block);
    scatter(&m);
    run_backward(&m);
    ck_assert(m.parameters.count <= 8000);
    memcpy(gradients, m.gradients, m.parameters.count * sizeof(real));
    model_close(&m);
}

START_TEST(recomputation_changes_no_bit_of_any_gradient)
{
    size_t count = 8000;
    real *want = test_reals(count), *got = test_reals(count);
    gradients_of(want, &examples[_i], 0);
    const size_t blocks[] = { 1, 2, 3, 4, 5, 6, 100 };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        gradients_of(got, &examples[_i], blocks[i]);
        assert_same(got, want, count);
    }
}
END_TEST

// A fused cross changes no bit
static const struct example fusions[][2] = {
    { { &residual, usual, 1, false },
      { &residual_unfused, usual, 1, false } },
    { { &residual_by_token, usual, 1, true },
      { &residual_unfused, usual, 1, true } },
    { { &mixing_by_token, usual, 3, false },
      { &mixing, usual, 3, false } },
};
enum { FUSIONS = sizeof fusions / sizeof fusions[0] };

START_TEST(a_fused_cross_changes_no_bit_of_any_gradient)
{
    size_t count = 8000;
    real *want = test_reals(count), *got = test_reals(count);
    for (size_t block = 0; block < 4; block++) {
        gradients_of(want, &fusions[_i][1], block);
        gradients_of(got, &fusions[_i][0], block);
        assert_same(got, want, count);
    }
}
END_TEST

// Extending is forward in pieces
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
        assert_close(got, want, LENGTH * WORDS, 1e-5);
    }
    model_close(&whole);
    model_close(&m);
}
END_TEST

// What the model promises


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
    c = tcase_create("bits");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, recomputation_changes_no_bit_of_any_gradient,
                        0, EXAMPLES);
    tcase_add_loop_test(c, a_fused_cross_changes_no_bit_of_any_gradient,
                        0, FUSIONS);
    tcase_add_loop_test(c,
                        extending_in_pieces_gives_the_logits_of_forward,
                        0, EXAMPLES);
    return s;
}
