#include "support/cpu.h"
#include "ground/memory.h"
#include "model/model.h"
#include "readable.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include "ground/random.h"
#include <string.h>

enum { T = 64, WORDS = 11 };

// Small models of every kind
static struct configuration small(const struct connection *k,
                                  size_t streams, size_t layers)
{
    struct configuration c = configuration_default();
    strcpy(c.connection, k->name);
    c.streams = streams < k->most_streams ? streams : k->most_streams;
    c.layers = layers;
    c.width = 16;
    c.heads = 2;
    c.hidden = 16;
    c.context = T;
    c.vocabulary = WORDS;
    return c;
}

static struct model plan(const struct configuration *c, enum use use,
                         size_t block)
{
    struct message message = { 0, "" };
    struct architecture a;
    struct model m;
    ck_assert(architecture_find(&a, c, &message));
    ck_assert_msg(model_plan(&m, &a, c, &cpu, 1, use, block, &message),
                  "%s", message.text);
    return m;
}

static size_t planned(const struct configuration *c, size_t block)
{
    struct model m = plan(c, TRAINING, block);
    size_t bytes = model_bytes(&m);
    model_close(&m);
    return bytes;
}

// The formula and the plan agree
/* fails if an array is added to the plan and not to the formula, or
   answers are forgotten */
START_TEST(the_formula_is_what_the_plan_says)
{
    for (size_t i = 0; connections[i] != NULL; i++)
        for (size_t n = 1; n <= 4; n *= 2)
            for (size_t layers = 1; layers < 6; layers++) {
                const struct connection *k = connections[i];
                struct configuration c = small(k, n, layers);
                size_t all = recompute_bytes(k, &c, &cpu, 0);
                for (size_t b = 1; b <= 2 * layers + 3; b++)
                    ck_assert_msg(planned(&c, b) + T * all ==
                        planned(&c, 0) +
                        T * recompute_bytes(k, &c, &cpu, b),
                        "%s, %zu streams, %zu layers, blocks of %zu",
                        k->name, c.streams, layers, b);
            }
}
END_TEST

// Frugal takes the least
/* fails if frugal is read and then forgotten when a model is planned */
START_TEST(the_best_block_is_the_best_plan)
{
    for (size_t i = 0; connections[i] != NULL; i++)
        for (size_t layers = 1; layers <= 13; layers += 3) {
            struct configuration c = small(connections[i], 4, layers);
            size_t best = 0;
            for (size_t b = 1; b <= 2 * layers + 1; b++)
                if (planned(&c, b) < planned(&c, best))
                    best = b;
            size_t least = planned(&c, best);
            c.frugal = true;
            struct model m = plan(&c, TRAINING, 0);
            ck_assert_uint_eq(m.block, best);
            ck_assert_uint_eq(model_bytes(&m), least);
            model_close(&m);
        }
}
END_TEST

// Depths and blocks worked out by hand
/* fails if the exit is not counted as a site: 24 sublayers would want
   blocks of 4 */
START_TEST(with_four_streams_known_depths_want_known_blocks)
{
    const struct connection *four = connection_find("hc-static");
    const size_t known[][2] = { { 12, 5 }, { 30, 7 }, { 4, 3 } };
    for (size_t i = 0; i < 3; i++) {
        struct configuration c = small(four, 4, known[i][0]);
        c.width = 512;
        ck_assert_uint_eq(recompute_best(four, &c, &cpu), known[i][1]);
    }
}
END_TEST

/* fails if of equal blocks the longer one is taken */
START_TEST(of_equal_blocks_the_shortest_is_best)
{
    const struct connection *k = connection_find("hc-static");
    struct configuration c = small(k, 1, 10);
    c.width = 4;
    ck_assert_uint_eq(recompute_bytes(k, &c, &cpu, 2),
                      recompute_bytes(k, &c, &cpu, 3));
    ck_assert_uint_eq(recompute_best(k, &c, &cpu), 2);
}
END_TEST

/* fails if a residual network without recomputation is charged for
   answers that it drops */
START_TEST(one_stream_saves_a_quarter)
{
    const struct connection *k = connection_find("residual");
    struct configuration c = small(k, 1, 12);
    size_t C = c.width, real_bytes = sizeof(real);
    ck_assert_uint_eq(recompute_best(k, &c, &cpu), 3);
    ck_assert_uint_eq(recompute_bytes(k, &c, &cpu, 0),
                      real_bytes * (51 * C + 25));
    ck_assert_uint_eq(recompute_bytes(k, &c, &cpu, 3),
                      real_bytes * (39 * C + 4));
}
END_TEST

/* fails if --frugal gives a model without a way back slots to rebuild
   in */
START_TEST(a_frugal_model_for_inference_is_as_any_other)
{
    struct configuration c = small(connection_find("residual"), 1, 2);
    c.frugal = true;
    struct model m = plan(&c, INFERENCE, 0);
    ck_assert(m.block == 0 && m.slots == 2);
    model_close(&m);
}
END_TEST

// Rebuilding changes no bit, whatever connects
static void gradients_of(real *gradient, struct configuration *c,
                         size_t block, double *loss)
{
    struct model m = plan(c, TRAINING, block);
    struct message message = { 0, "" };
    token id[T + 1];
    for (size_t i = 0; i <= T; i++)
        id[i] = (token)random_below(3, 0, i, WORDS);
    ck_assert(model_allocate(&m, &message));
    model_initialise(&m);
    real *noise = test_reals(m.parameters.count);
    fill_normal(noise, m.parameters.count, 8, 0.3);
    for (size_t i = 0; i < m.parameters.count; i++)
        reals(m.weights)[i] += noise[i];
    model_forward(&m, id, id + 1);
    *loss = model_loss(&m);
    model_backward(&m, 1);
    memcpy(gradient, reals(m.gradients),
           m.parameters.count * sizeof(real));
    model_close(&m);
}

/* four sequences of 256 tokens, six heads, four streams */
static double some_size(real *gradient, size_t block)
{
    enum { MANY = 1024 };
    static token id[MANY + 1];
    struct configuration c = configuration_default();
    struct message message = { 0, "" };
    struct model m;
    strcpy(c.connection, "mhc");
    c.streams = 4, c.layers = 2, c.width = 192, c.heads = 6;
    c.context = 256;
    ck_assert(model_open(&m, &c, &cpu, 4, TRAINING, block, &message));
    readable_scatter(&m);
    for (size_t i = 0; i <= MANY; i++)
        id[i] = (token)random_below(3, 0, i, 256);
    model_forward(&m, id, id + 1);
    double loss = model_loss(&m);
    model_backward(&m, 1);
    ck_assert(m.parameters.count <= 1200000);
    memcpy(gradient, reals(m.gradients),
           m.parameters.count * sizeof(real));
    model_close(&m);
    return loss;
}

/* fails if a site of more than one tile is rebuilt by other sums than
   the first time */
START_TEST(rebuilding_changes_no_bit_of_a_large_model)
{
    real *want = test_reals(1200000), *got = test_reals(1200000);
    double loss = some_size(want, 0);
    ck_assert(loss > 0 && some_size(got, 2) == loss);
    assert_same(got, want, 1200000);
    ck_assert(some_size(got, 3) == loss);
    assert_same(got, want, 1200000);
}
END_TEST

/* fails if a stream is rebuilt from the wrong answer, or differs in its
   last bit */
START_TEST(rebuilding_changes_no_bit_for_any_connection)
{
    enum { ROOM = 40000 };
    real *want = test_reals(ROOM), *got = test_reals(ROOM);
    double loss, other;
    for (size_t i = 0; connections[i] != NULL; i++)
        for (size_t n = 1; n <= 4; n *= 2) {
            struct configuration c = small(connections[i], n, 3);
            struct model m = plan(&c, TRAINING, 0);
            size_t count = m.parameters.count;
            model_close(&m);
            ck_assert(count <= ROOM);
            gradients_of(want, &c, 0, &loss);
            for (size_t block = 1; block <= 7; block++) {
                gradients_of(got, &c, block, &other);
                ck_assert(loss == other && loss > 0);
                assert_same(got, want, count);
            }
        }
}
END_TEST

Suite *recompute_suite(void)
{
    Suite *s = suite_create("recompute");
    TCase *c = tcase_create("recompute");
    tcase_add_test(c, the_formula_is_what_the_plan_says);
    tcase_add_test(c, the_best_block_is_the_best_plan);
    tcase_add_test(c, with_four_streams_known_depths_want_known_blocks);
    tcase_add_test(c, of_equal_blocks_the_shortest_is_best);
    tcase_add_test(c, one_stream_saves_a_quarter);
    tcase_add_test(c, a_frugal_model_for_inference_is_as_any_other);
    tcase_add_test(c, rebuilding_changes_no_bit_for_any_connection);
    suite_add_tcase(s, c);
    c = tcase_create("size");
    tcase_set_tags(c, "slow");
    tcase_add_test(c, rebuilding_changes_no_bit_of_a_large_model);
    suite_add_tcase(s, c);
    return s;
}
