#include "support/cpu.h"
#include "boundary/sites.h"
#include "ground/random.h"
#include "model/readable.h"
#include "support/compare.h"
#include "support/suite.h"
#include "whole.h"
#include <omp.h>
#include <stdio.h>

// Tests of a crossing
static const struct connection *mixed_kind(int i)
{
    const struct connection *const *k = connections;
    while ((*k)->mix == MIX_NONE || i-- > 0)
        k++;
    return *k;
}

static bool takes(const struct connection *k, size_t streams)
{
    struct configuration c = configuration_default();
    struct architecture a;
    struct message m = { 0, "" };
    snprintf(c.connection, sizeof c.connection, "%s", k->name);
    c.streams = streams;
    return architecture_find(&a, &c, &m);
}

static int mixed_kinds(void)
{
    int count = 0;
    for (size_t i = 0; connections[i] != NULL; i++)
        count += connections[i]->mix != MIX_NONE;
    return count;
}

// Hold two boundaries against each other
static void assert_equal_boundaries(const struct sites *a,
                                    const struct sites *b,
                                    double tolerance)
{
    const struct site *x = &a->to, *y = &b->to;
    size_t count = x->tokens * x->width, all = x->streams * count;
    assert_same(reals(x->stream), reals(y->stream), all);
    assert_same(reals(x->coefficients), reals(y->coefficients),
                a->rows);
    assert_same(reals(x->input), reals(y->input), count);
    assert_same(reals(x->inverse_rms), reals(y->inverse_rms),
                x->tokens);
    assert_same(reals(x->normed), reals(y->normed), count);
    assert_same(reals(x->dcoefficients), reals(y->dcoefficients),
                a->rows);
    assert_same(reals(a->from.dstream), reals(b->from.dstream), all);
    assert_same(reals(a->from.danswer), reals(b->from.danswer), count);
    assert_same(reals(a->from.dcoefficients),
                reals(b->from.dcoefficients), a->rows);
    assert_close(reals(x->dgain), reals(y->dgain), x->width, tolerance);
    if (a->phi > 0)
        assert_same(reals(x->dphi), reals(y->dphi), a->phi);
    assert_same(reals(x->dalpha), reals(y->dalpha), a->small);
    assert_same(reals(x->dbias), reals(y->dbias), a->small);
}

// The sweep against one operation after the other
static const size_t sizes[][2] = { { 1, 16 }, { 3, 7 }, { 37, 80 },
                                   { 150, 21 } };

/* fails if a tile writes, projects or reads with what belongs to the
   other site, or to other tokens */
START_TEST(a_sweep_equals_one_operation_after_the_other)
{
    const struct connection *k = mixed_kind(_i);
    for (size_t n = 1; n <= k->most_streams; n++)
        for (size_t i = 0; i < 4 && takes(k, n); i++) {
            struct sites a = sites_of(k, n, sizes[i][0], sizes[i][1],
                                      false);
            struct sites b = sites_of(k, n, sizes[i][0], sizes[i][1],
                                      true);
            there(&a), back(&a);
            there(&b), back(&b);
            assert_equal_boundaries(&a, &b, 1000 * REAL_EPSILON);
        }
}
END_TEST

/* fails if a slice goes wrong from its second tile on, where small
   sizes have only one */
START_TEST(a_sweep_over_many_tokens_equals_the_operations)
{
    const struct connection *k = mixed_kind(_i);
    struct sites a = sites_of(k, 4, 1031, 192, false);
    struct sites b = sites_of(k, 4, 1031, 192, true);
    there(&a), back(&a);
    there(&b), back(&b);
    assert_equal_boundaries(&a, &b, 1000 * REAL_EPSILON);
}
END_TEST

// The sweep with several threads
/* fails if the slices of the sums follow the number of threads */
START_TEST(a_sweep_does_not_depend_on_the_threads)
{
    const struct connection *k = mixed_kind(_i);
    struct sites one = sites_of(k, k->most_streams, 150, 21, false);
    omp_set_num_threads(1);
    there(&one), back(&one);
    for (int threads = 2; threads < 6; threads++) {
        struct sites many = sites_of(k, k->most_streams, 150, 21,
                                     false);
        omp_set_num_threads(threads);
        there(&many), back(&many);
        assert_equal_boundaries(&many, &one, 0);
    }
}
END_TEST

// Tests of whole models that cross
/* fails if the model hands a boundary the arrays or parameters of
   another site */
START_TEST(a_model_has_the_same_gradients_with_and_without_a_sweep)
{
    const struct connection *k = mixed_kind(_i);
    for (size_t n = 1; n <= k->most_streams; n++) {
        struct model m[2];
        double loss[2];
        if (!takes(k, n))
            continue;
        for (size_t i = 0; i < 2; i++) {
            m[i] = whole_open(k, n, 0);
            m[i].apart = i == 0;
            whole_scatter(&m[i]);
            loss[i] = whole_run(&m[i]);
        }
        ck_assert(loss[0] == loss[1]);
        for (size_t i = 0; i < m->parameters.used; i++) {
            const struct parameter *p = &m->parameters.list[i];
            const real *want = reals(m[0].gradients) + p->offset;
            const real *got = reals(m[1].gradients) + p->offset;
            bool sum = p->rows == 1 || strstr(p->name, ".phi") != NULL;
            if (sum)
                assert_close(got, want, p->count, 1000 * REAL_EPSILON);
            else
                assert_same(got, want, p->count);
        }
        model_close(&m[0]);
        model_close(&m[1]);
    }
}
END_TEST

enum { PEOPLE = 4, CONTEXT = 256, BYTES = 256 };

static struct model large_model(bool apart, enum use use,
                                size_t sequences)
{
    static const struct sublayer *const pattern[] = {
        &attention_sublayer, &feedforward_sublayer };
    struct configuration c = configuration_default();
    struct architecture a = { connection_find("mhc"), pattern, 2 };
    struct message message = { 0, "" };
    struct model m;
    c.layers = 2, c.width = 192, c.heads = 6, c.streams = 4;
    c.context = CONTEXT;
    ck_assert_msg(model_plan(&m, &a, &c, &cpu, sequences, use, 0,
                             &message) && model_allocate(&m, &message),
                  "%s", message.text);
    m.apart = apart;
    readable_scatter(&m);
    return m;
}

/* fails if a model that reads in pieces loses the rest of a tile, or
   begins at a wrong position */
START_TEST(a_large_model_is_the_same_with_a_sweep_and_in_pieces)
{
    static const size_t pieces[] = { 1, 63, 65, 1, 126 };
    static token in[PEOPLE * CONTEXT + 1];
    struct model m[2] = { large_model(true, TRAINING, PEOPLE),
                          large_model(false, TRAINING, PEOPLE) };
    struct model reader = large_model(false, INFERENCE, 1);
    double loss[2];
    for (size_t i = 0; i <= PEOPLE * CONTEXT; i++)
        in[i] = (token)random_below(1, 0, i, BYTES);
    for (size_t i = 0; i < 2; i++)
        model_forward(&m[i], in, in + 1), loss[i] = model_loss(&m[i]);
    ck_assert(fabs(loss[1] / loss[0] - 1) < 1e3 * REAL_EPSILON);
    // Compare what is expected after each piece
    for (size_t i = 0, at = 0; i < sizeof pieces / sizeof *pieces; i++) {
        real want[BYTES], got[BYTES];
        model_extend(&reader, in + at, at, pieces[i]);
        at += pieces[i];
        model_logits(&reader, got, pieces[i] - 1);
        model_logits(&m[0], want, at - 1);
        assert_close(got, want, BYTES, 1e4 * REAL_EPSILON);
    }
    for (size_t i = 0; i < 2; i++)
        model_backward(&m[i], 1);
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        ck_assert_msg(compare_arrays(stderr, p->name,
            reals(m[1].gradients) + p->offset, reals(m[0].gradients)
                + p->offset,
            &p->count, 1, 1e4 * REAL_EPSILON), "%s", p->name);
    }
    for (size_t i = 0; i < 2; i++)
        model_close(&m[i]);
    model_close(&reader);
}
END_TEST

// The suite of the sweep
Suite *sweep_suite(void);
Suite *sweep_suite(void)
{
    Suite *s = suite_create("sweep");
    TCase *c = tcase_create("sweep");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_sweep_equals_one_operation_after_the_other,
                        0, mixed_kinds());
    tcase_add_loop_test(c, a_sweep_does_not_depend_on_the_threads, 0,
                        mixed_kinds());
    tcase_add_loop_test(c,
        a_model_has_the_same_gradients_with_and_without_a_sweep, 0,
        mixed_kinds());
    c = tcase_create("size");
    tcase_set_tags(c, "slow");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c,
        a_sweep_over_many_tokens_equals_the_operations, 0,
        mixed_kinds());
    tcase_add_test(c,
        a_large_model_is_the_same_with_a_sweep_and_in_pieces);
    return s;
}
