#include "support/cpu.h"
#include "ground/random.h"
#include "model/model.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include <string.h>

enum { T = 64, WORDS = 11, BATCH = 2 };

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

// Tests of what lazy models keep
/* fails if a lazy model is planned with more than it saves */
START_TEST(a_lazy_model_takes_less)
{
    struct configuration c = small(connection_find("mhc"), 4, 6);
    size_t all = planned(&c, 0);
    for (c.lazy = 2; c.lazy <= 5; c.lazy++) {
        size_t less = planned(&c, 0);
        ck_assert_uint_lt(less, all);
        all = less;
    }
}
END_TEST

static size_t taped(const struct configuration *c)
{
    struct model m = plan(c, TRAINING, 0);
    size_t bytes = tape_bytes(&m.tape);
    model_close(&m);
    return bytes;
}

/* fails if an array is added to the plan and not to the formula, or
   streams are kept that are made again */
START_TEST(a_lazy_model_keeps_what_the_formula_says)
{
    for (size_t i = 0; connections[i] != NULL; i++)
        for (size_t n = 1; n <= 4; n *= 2)
            for (size_t layers = 1; layers < 6; layers++) {
                const struct connection *k = connections[i];
                struct configuration c = small(k, n, layers);
                size_t all = taped(&c);
                size_t said = lazy_bytes(k, &c, &cpu, 0);
                for (c.lazy = 1; c.lazy <= 8; c.lazy++)
                    ck_assert_msg(
                        taped(&c) + T * said == all
                            + T * lazy_bytes(k, &c, &cpu, c.lazy),
                        "%s, %zu streams, %zu layers, blocks of %zu",
                        k->name, c.streams, layers, c.lazy);
            }
}
END_TEST

/* by hand: 7 starts and 2 that take turns, of 4 streams; 25 normed
   vectors, 24 answers, 1 input */
START_TEST(a_lazy_block_of_four_keeps_86_vectors)
{
    const struct connection *k = connection_find("hc-static");
    struct configuration c = small(k, 4, 12);
    size_t K = connection_coefficients(k, 4);
    ck_assert_uint_eq(lazy_bytes(k, &c, &cpu, 4),
                      sizeof(real) * (86 * c.width + 25 * (K + 1)));
}
END_TEST

/* fails if sampling pays for a way back */
START_TEST(a_lazy_model_for_inference_is_as_any_other)
{
    struct configuration c = small(connection_find("mhc"), 4, 2);
    struct model plain = plan(&c, INFERENCE, 0);
    c.lazy = 4;
    struct model m = plan(&c, INFERENCE, 0);
    ck_assert(m.lazy == 0 && model_bytes(&m) == model_bytes(&plain));
    model_close(&m);
    model_close(&plain);
}
END_TEST

/* fails if one of two is dropped without a word */
START_TEST(two_ways_of_making_again_are_refused)
{
    struct configuration c = small(connection_find("mhc"), 4, 2);
    struct message m = { 0, "" };
    c.lazy = 4;
    ck_assert(configuration_check(&c, &m));
    c.frugal = true;
    ck_assert(!configuration_check(&c, &m));
    ck_assert(m.status == 64 && strstr(m.text, "--frugal") != NULL);
    c.frugal = false;
    c.recompute = 2;
    ck_assert(!configuration_check(&c, &m));
}
END_TEST

static size_t there_is;

static bool ready(struct device *d, size_t bytes, struct message *m)
{
    (void)d;
    return bytes <= there_is || fail(m, 71, "no room");
}

/* fails if the hint does not fit, or one with less traffic would */
START_TEST(what_does_not_fit_names_the_shortest_block)
{
    struct operations narrow = cpu_operations;
    struct device d = cpu;
    struct configuration c = small(connection_find("mhc"), 4, 12);
    struct architecture a;
    struct message why = { 0, "" };
    struct model m;
    narrow.ready = ready;
    d.does = &narrow;
    ck_assert(architecture_find(&a, &c, &why));
    ck_assert(model_plan(&m, &a, &c, &d, 1, TRAINING, 0, &why));
    for (size_t L = 2; L <= 5; L++) {
        char hint[32];
        why = (struct message){ 0, "" };
        there_is = model_bytes(&m)
                 - T * lazy_bytes(&mhc, &c, &d, 0)
                 + T * lazy_bytes(&mhc, &c, &d, L);
        ck_assert(!model_fits(&m, 0, &why));
        snprintf(hint, sizeof hint, ", or say --lazy %zu", L);
        ck_assert_msg(strstr(why.text, hint) != NULL, "%s", why.text);
    }
    there_is = 1000;
    why = (struct message){ 0, "" };
    ck_assert(!model_fits(&m, 0, &why));
    ck_assert(strstr(why.text, ", or say --frugal") != NULL);
    model_close(&m);
}
END_TEST

// Tests of what lazy models compute
enum { ROOM = 60000, LONG = 256 };

static double gradients_of(real *gradient, struct device *d,
                           const struct configuration *c,
                           size_t sequences, bool apart)
{
    static token id[BATCH * LONG + 1];
    struct message why = { 0, "" };
    struct model m;
    ck_assert_msg(model_open(&m, c, d, sequences, TRAINING, 0, &why),
                  "%s", why.text);
    size_t count = m.parameters.count;
    real *w = test_reals(count);
    ck_assert(count <= ROOM);
    for (size_t i = 0; i <= sequences * c->context; i++)
        id[i] = (token)random_below(3, 0, i, c->vocabulary);
    model_initialise(&m);
    device_download(d, w, m.weights);
    real *noise = test_reals(count);
    fill_normal(noise, count, 8, 0.3);
    for (size_t i = 0; i < count; i++)
        w[i] += noise[i];
    device_upload(d, m.weights, w);
    model_copy_weights(&m);
    m.apart = apart;
    model_forward(&m, id, id + 1);
    double loss = model_loss(&m);
    model_backward(&m, 1);
    device_download(d, gradient, m.gradients);
    model_close(&m);
    return loss;
}

static void no_bit_changes(struct device *d, struct configuration *c,
                           size_t sequences)
{
    real *want = test_reals(ROOM), *got = test_reals(ROOM);
    c->lazy = 0;
    double loss = gradients_of(want, d, c, sequences, false);
    ck_assert(loss > 0);
    for (c->lazy = 1; c->lazy <= 8; c->lazy++) {
        ck_assert(gradients_of(got, d, c, sequences, false) == loss);
        assert_same(got, want, ROOM);
    }
    c->lazy = 0;
    gradients_of(want, d, c, sequences, true);
    c->lazy = 3;
    gradients_of(got, d, c, sequences, true);
    assert_same(got, want, ROOM);
}

/* fails if a stream is made from another answer, row or start, or an
   input is another site's */
START_TEST(making_again_changes_no_bit_of_any_connection)
{
    for (size_t i = 0; connections[i] != NULL; i++)
        for (size_t n = 1; n <= 4; n *= 2) {
            struct configuration c = small(connections[i], n, 4);
            no_bit_changes(&cpu, &c, BATCH);
        }
}
END_TEST

/* fails if what is made again is not rounded where it was */
START_TEST(making_again_changes_no_bit_in_sixteen)
{
    static const char *const precision[] = {
        // Precisions that make streams again
        "bf16",
        "fp8-streams", "fp8-streams-stochastic", "fp8-streams-mean",
    };
    struct device d;
    struct message why = { 0, "" };
    if (sizeof(real) != sizeof(float))
        return;
    for (size_t k = 0; k < sizeof precision / sizeof *precision; k++) {
        ck_assert_msg(device_open(&d, "cpu", precision[k], &why), "%s",
                      why.text);
        for (size_t i = 0; connections[i] != NULL; i++) {
            struct configuration c = small(connections[i], 4, 3);
            no_bit_changes(&d, &c, BATCH);
        }
        device_close(&d);
    }
}
END_TEST

/* fails if tiles of a thread or slices of tokens are mixed up */
START_TEST(making_again_changes_no_bit_of_many_tiles)
{
    struct configuration c = small(connection_find("mhc"), 4, 2);
    c.context = LONG;
    c.width = 24;
    no_bit_changes(&cpu, &c, BATCH);
}
END_TEST

Suite *lazy_suite(void)
{
    Suite *s = suite_create("lazy");
    TCase *c = tcase_create("lazy");
    tcase_add_test(c, a_lazy_model_keeps_what_the_formula_says);
    tcase_add_test(c, a_lazy_model_takes_less);
    tcase_add_test(c, a_lazy_block_of_four_keeps_86_vectors);
    tcase_add_test(c, a_lazy_model_for_inference_is_as_any_other);
    tcase_add_test(c, two_ways_of_making_again_are_refused);
    tcase_add_test(c, what_does_not_fit_names_the_shortest_block);
    tcase_add_test(c, making_again_changes_no_bit_of_any_connection);
    tcase_add_test(c, making_again_changes_no_bit_in_sixteen);
    tcase_add_test(c, making_again_changes_no_bit_of_many_tiles);
    suite_add_tcase(s, c);
    return s;
}
