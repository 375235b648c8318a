#include "support/cpu.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/tiny.h"
#include "gain/note.h"
#include "gain/profile.h"
#include "ground/random.h"
#include "boundary/whole.h"
#include "model/readable.h"
#include "plot/decades.h"
#include "support/fill.h"
#include "support/suite.h"

// Tests of one matrix
static const struct matrix_case {
    size_t n;
    double h[16];
    struct gain want;
} matrices[] = {
    { 1, { -3 }, { 3, 3, 3, 3 } },
    { 2, { 2, -1, 0.5, 1 }, { 1.5, 2.5, 1, 0 } },
    { 2, { 1, 0.5, 0.5, -1.5 }, { 1.5, 1.5, 1, 1 } },
    { 3, { 1, 2, 4, 0, 0, 0, -8, 16, -32 }, { 24, 28, 0, 7 } },
    // A matrix that was printed
    { 4, { 5.43, 4.43, 4.43, 4.43, -4.07, -3.07, -4.07, -4.07,
           -3.95, -3.95, -2.95, -3.95, -4.22, -4.22, -4.22, -3.22 },
      { 18.72, 6.81, 14.80, 6.81 } },
};
enum { MATRICES = sizeof matrices / sizeof *matrices };

static void assert_gain(struct gain got, struct gain want,
                        double tolerance)
{
    const double pair[][2] = {
        { got.forward, want.forward }, { got.backward, want.backward },
        { got.forward_least, want.forward_least },
        { got.backward_least, want.backward_least } };
    for (int k = 0; k < 4; k++)
        ck_assert_msg(fabs(pair[k][0] - pair[k][1]) <= tolerance,
                      "figure %d is %.17g, not %.17g", k, pair[k][0],
                      pair[k][1]);
}

/* fails if absolute values are taken before the sum, or columns are
   summed for rows */
START_TEST(gains_of_matrices_by_hand)
{
    const struct matrix_case *m = &matrices[_i];
    assert_gain(gain_of(m->h, m->n), m->want, 1e-12);
}
END_TEST

/* fails if forward and backward are read off the same sums */
START_TEST(transposing_swaps_forward_and_backward)
{
    double h[16], transposed[16];
    for (size_t e = 0; e < 16; e++) {
        h[e] = random_normal(1, 3, e);
        transposed[e % 4 * 4 + e / 4] = h[e];
    }
    struct gain g = gain_of(h, 4), swapped = gain_of(transposed, 4);
    assert_gain(swapped, (struct gain){ g.backward, g.forward,
                g.backward_least, g.forward_least }, 1e-15);
    ck_assert(fabs(g.forward - g.backward) > 0.1);
}
END_TEST

// Tests of chains
static const double shear[4] = { 1, 1, 0, 1 };
static const double triple[4] = { 1, 0, 0, 3 };

/* fails if left and right are exchanged in the product */
START_TEST(a_product_is_in_the_order_written)
{
    static const double want[4] = { 1, 3, 0, 3 };
    double got[4];
    gain_product(got, shear, triple, 2);
    ck_assert_mem_eq(got, want, sizeof want);
}
END_TEST

/* fails if a new factor comes to the wrong side of the product, or a
   composite gain begins one sublayer too late */
START_TEST(a_chain_grows_at_its_last_and_ends_at_its_first)
{
    double h[8];
    struct gain g[2];
    memcpy(h, triple, sizeof triple);
    memcpy(h + 4, shear, sizeof shear);
    gain_along(g, h, 2, 2);
    assert_gain(g[0], (struct gain){ 3, 6, 1, 1 }, 0);
    assert_gain(g[1], (struct gain){ 4, 2, 3, 1 }, 0);
}
END_TEST

// Gains from vectors alone
static void extremes(double *most, double *least, const double *v,
                     size_t n)
{
    *most = *least = fabs(v[0]);
    for (size_t i = 1; i < n; i++) {
        *most = fmax(*most, fabs(v[i]));
        *least = fmin(*least, fabs(v[i]));
    }
}

static void gains_from_vectors(struct gain *g, const double *h,
                               size_t depth, size_t n)
{
    double v[8], next[8] = { 0 };
    for (int back = 0; back < 2; back++) {
        for (size_t i = 0; i < n; i++)
            v[i] = 1;
        for (size_t k = 0; k < depth; k++) {
            size_t l = back ? depth - 1 - k : k;
            for (size_t i = 0; i < n; i++) {
                next[i] = 0;
                for (size_t j = 0; j < n; j++) {
                    size_t e = back ? j * n + i : i * n + j;
                    next[i] += v[j] * h[l * n * n + e];
                }
            }
            memcpy(v, next, sizeof v);
            extremes(back ? &g[l].backward : &g[l].forward,
                     back ? &g[l].backward_least : &g[l].forward_least,
                     v, n);
        }
    }
}

/* fails if the composite gain of a long chain takes in one mixing
   too many or too few */
START_TEST(gains_along_a_chain_follow_from_vectors)
{
    enum { DEPTH = 7 };
    size_t n = (size_t)_i;
    double h[DEPTH * 64];
    struct gain got[DEPTH], want[DEPTH];
    for (size_t e = 0; e < DEPTH * n * n; e++)
        h[e] = random_normal(3, n, e);
    gain_along(got, h, DEPTH, n);
    gains_from_vectors(want, h, DEPTH, n);
    for (size_t l = 0; l < DEPTH; l++)
        assert_gain(got[l], want[l], 1e-12 * pow((double)n, 4));
}
END_TEST

// Tests of profiles
static const struct { const char *kind; size_t streams; }
profiles[] = { { "hc", 4 }, { "hc", 3 }, { "hc-static", 2 } };
enum { PROFILES = sizeof profiles / sizeof *profiles,
       DEEP = 4, PLACES = 10 };

static struct model open_kind(const char *kind, size_t streams,
                              size_t block)
{
    struct model m = whole_open(connection_find(kind), streams, block);
    whole_scatter(&m);
    return m;
}

static void profile_model(struct profile *p, struct model *m,
                          size_t count)
{
    struct message message = { 0 };
    ck_assert(profile_open(p, m, &message));
    m->watch = profile_watch(p, count);
    whole_run(m);
    profile_finish(p);
}

// A profile by vectors
enum { MANY = 1024 };
static double coefficients[DEEP][MANY][64];

static void copy_mixings(void *context, const struct site *s)
{
    size_t n = s->streams, K = mix_row(s->layout.mix, n);
    (void)context;
    for (size_t t = 0; t < s->tokens && !s->exit; t++)
        for (size_t e = 0; e < n * n; e++)
            coefficients[s->index][t][e] =
                (double)reals(s->coefficients)[t * K + 2 * n + e];
}

/* run: forward with `places` tokens */
static void assert_profile(struct model *m, size_t places,
                           double (*run)(struct model *))
{
    size_t n = m->configuration.streams;
    struct message message = { 0 };
    struct profile p;
    struct gain mean[DEEP] = { { 0 } }, single = { 0 };
    m->watch = (struct watch){ .forward = copy_mixings };
    run(m);
    for (size_t t = 0; t < places; t++) {
        // Add the gains of token t, by vectors
        double h[DEEP * 64];
        struct gain g[DEEP + 1];
        for (size_t l = 0; l < DEEP; l++)
            memcpy(h + l * n * n, coefficients[l][t], n * n * sizeof *h);
        gains_from_vectors(g, h, DEEP, n);
        gains_from_vectors(g + DEEP, h + n * n, 1, n);
        for (size_t l = 0; l <= DEEP; l++) {
            struct gain *sum = l < DEEP ? &mean[l] : &single;
            sum->forward += g[l].forward / (double)places;
            sum->backward += g[l].backward / (double)places;
            sum->forward_least += g[l].forward_least / (double)places;
            sum->backward_least += g[l].backward_least / (double)places;
        }
    }
    ck_assert(profile_open(&p, m, &message));
    m->watch = profile_watch(&p, places);
    run(m);
    profile_finish(&p);
    ck_assert_uint_eq(p.tokens, places);
    assert_gain(p.level[1].single, single, 1e-12);
    for (size_t l = 0; l < DEEP; l++)
        assert_gain(p.level[l].composite, mean[l], 1e-12);
    ck_assert(fabs(mean[3].forward - mean[0].backward) > 1e-3);
    profile_close(&p);
}

/* fails if the mixing is read transposed, or from another place of
   the row of coefficients */
START_TEST(a_profile_is_what_the_coefficients_say)
{
    struct model m = open_kind(profiles[_i].kind, profiles[_i].streams,
                               0);
    assert_profile(&m, PLACES, whole_run);
    model_close(&m);
}
END_TEST

static double run_many(struct model *m)
{
    static token in[MANY];
    for (size_t i = 0; i < MANY; i++)
        in[i] = (token)random_below(1, 0, i, 256);
    model_forward(m, in, in);
    return model_loss(m);
}

/* fails if the mixings of some tokens or sublayers are lost in a
   large batch */
START_TEST(a_profile_of_many_tokens_is_what_the_coefficients_say)
{
    struct configuration c = configuration_default();
    struct message message = { 0 };
    struct model m;
    strcpy(c.connection, "hc");
    c.streams = 4, c.layers = DEEP / 2, c.width = 192, c.heads = 6;
    c.context = 256;
    ck_assert(model_open(&m, &c, &cpu, 4, INFERENCE, 0, &message));
    readable_scatter(&m);
    assert_profile(&m, MANY, run_many);
    model_close(&m);
}
END_TEST

// Profiles that must be the same
/* fails if the watch counts a site again when its streams are
   recomputed */
START_TEST(recomputation_changes_no_bit_of_a_profile)
{
    struct model m = open_kind("hc", 4, 0);
    struct model again = open_kind("hc", 4, (size_t)_i);
    struct profile p, q;
    profile_model(&p, &m, PLACES);
    profile_model(&q, &again, PLACES);
    ck_assert_mem_eq(p.level, q.level, (DEEP + 1) * sizeof *p.level);
    ck_assert_uint_eq(q.tokens, PLACES);
    profile_close(&p);
    profile_close(&q);
    model_close(&m);
    model_close(&again);
}
END_TEST

/* fails if the cosine or a gain is added up over tokens that were
   not asked for */
START_TEST(only_the_first_tokens_count)
{
    struct model m = open_kind("hc", 2, 0);
    struct profile all, half, mix;
    profile_model(&all, &m, PLACES);
    profile_model(&half, &m, PLACES / 2);
    struct message message = { 0 };
    ck_assert(profile_open(&mix, &m, &message));
    for (size_t part = 1; part <= 2; part++) {
        m.watch = profile_watch(&mix, part * PLACES / 2);
        whole_run(&m);
    }
    profile_finish(&mix);
    for (size_t l = 0; l < DEEP; l++) {
        double a = all.level[l].composite.forward;
        double h = half.level[l].composite.forward;
        ck_assert(fabs(a - h) > 1e-6);
        ck_assert_double_eq_tol(mix.level[l].composite.forward,
                                (2 * a + h) / 3, 1e-12);
        ck_assert(half.level[0].cosine == 1);
        ck_assert(mix.level[0].cosine == 1);
        a = all.level[l].cosine;
        h = half.level[l].cosine;
        ck_assert_double_eq_tol(mix.level[l].cosine, (2 * a + h) / 3,
                                1e-12);
    }
    profile_close(&all);
    profile_close(&half);
    profile_close(&mix);
    model_close(&m);
}
END_TEST

// Profiles that are known
/* fails if a connection without a mix is given a matrix of rubbish
   and not the identity */
START_TEST(networks_without_mixing_have_gain_one_exactly)
{
    static const char *const kinds[] = { "residual", "hc",
                                         "hc-static" };
    struct model m = whole_open(connection_find(kinds[_i]),
                                _i == 0 ? 1 : 3, 0);
    static const struct gain one = { 1, 1, 1, 1 };
    struct profile p;
    profile_model(&p, &m, PLACES);
    for (size_t l = 0; l < DEEP; l++) {
        assert_gain(p.level[l].single, one, 0);
        assert_gain(p.level[l].composite, one, 0);
        ck_assert(_i > 0 || p.level[l].cosine == 1);
    }
    assert_gain(profile_extremes(&p), one, 0);
    profile_close(&p);
    model_close(&m);
}
END_TEST

/* fails if the cosine is taken of other pairs than those of one
   token, or the lengths are rooted before they are multiplied */
START_TEST(copies_of_a_stream_are_alike_exactly)
{
    struct model m = open_kind("hc", 4, 0);
    struct profile p;
    // Of every token alone the cosine is 1
    for (size_t b = 0; b < m.configuration.vocabulary; b++) {
        const token input[PLACES] = { (token)b }, target[PLACES] = { 0 };
        struct message message = { 0 };
        ck_assert(profile_open(&p, &m, &message));
        m.watch = profile_watch(&p, 1);
        model_forward(&m, input, target);
        profile_finish(&p);
        ck_assert(p.level[0].cosine == 1);
        profile_close(&p);
    }
    profile_model(&p, &m, PLACES);
    ck_assert(p.level[0].cosine == 1);
    // Work out a cosine from the streams at the exit
    const real *x = reals(tape_at(&m.tape, m.at.stream, DEEP));
    size_t C = m.configuration.width;
    double want = 0;
    for (size_t k = 0; k < PLACES * 16; k++) {
        double sum[3] = { 0 };
        const real *a = x + (k / 16 * 4 + k / 4 % 4) * C;
        const real *b = x + (k / 16 * 4 + k % 4) * C;
        for (size_t c = 0; c < C; c++) {
            sum[0] += (double)a[c] * (double)b[c];
            sum[1] += (double)a[c] * (double)a[c];
            sum[2] += (double)b[c] * (double)b[c];
        }
        if (a != b)
            want += sum[0] / sqrt(sum[1]) / sqrt(sum[2]) / (PLACES * 12);
    }
    ck_assert_double_eq_tol(p.level[DEEP].cosine, want, 1e-12);
    ck_assert(want < 0.999);
    profile_close(&p);
    model_close(&m);
}
END_TEST

// Looks at a run
static const unsigned char words[] = "it is a truth universally"
    " acknowledged that a single man in possession of a good fortune";
static const struct corpus corpus = {
    { words, 60 }, { words + 10, 42 }, { NULL, NULL } };

static struct trainer open_trainer(size_t streams)
{
    struct trainer t;
    struct message m = { 0 };
    struct configuration c = tiny_configuration();
    snprintf(c.connection, sizeof c.connection, "hc");
    c.streams = streams, c.vocabulary = 128;
    bool open = trainer_open(&t, &c, &cpu, &corpus, &m);
    ck_assert_msg(open, "%s", m.text);
    return t;
}

// A look, and what comes after it
/* fails if a look leaves its watch in the model, or depends on what
   was in the batch before */
START_TEST(a_look_changes_nothing_in_a_run)
{
    struct trainer t = open_trainer(4), plain = open_trainer(4);
    struct message m = { 0 };
    struct update u, v;
    struct profile p, q;
    for (size_t s = 0; s < 6; s++) {
        ck_assert(trainer_step(&u, &plain, &m));
        ck_assert(trainer_step(&v, &t, &m));
        ck_assert(u.loss == v.loss && u.norm == v.norm);
        ck_assert(profile_measure(&p, &t, 3, &m));
        for (size_t i = 0; i < 16; i++)
            t.input[i] = t.target[i] = (token)s;
        ck_assert(profile_measure(&q, &t, 3, &m));
        ck_assert_mem_eq(p.level, q.level, 3 * sizeof *p.level);
        profile_close(&p);
        profile_close(&q);
    }
    ck_assert(t.model.watch.forward == NULL);
    ck_assert_mem_eq(reals(t.model.weights), reals(plain.model.weights),
                     t.model.parameters.count * sizeof(real));
    trainer_close(&t);
    trainer_close(&plain);
}
END_TEST

/* fails if places of a batch that is not full are counted as windows */
START_TEST(a_look_sees_all_windows_once)
{
    struct trainer t = open_trainer(2);
    struct message m = { 0 };
    static const size_t asked[][2] = { { 0, 6 }, { 1, 1 }, { 3, 3 },
                                       { 99, 6 } };
    for (size_t k = 0; k < 4; k++) {
        struct profile p;
        ck_assert(profile_measure(&p, &t, asked[k][0], &m));
        ck_assert_uint_eq(p.tokens, 8 * asked[k][1]);
        profile_close(&p);
    }
    trainer_close(&t);
}
END_TEST

// Looks that must fail
/* fails if NaNs are passed over by a maximum and gains are reported
   all the same */
START_TEST(a_loss_that_is_not_finite_has_no_gains)
{
    struct trainer t = open_trainer(2);
    struct message m = { 0 };
    struct profile p;
    for (size_t i = 0; i < t.model.parameters.count; i++)
        reals(t.model.weights)[i] = NAN;
    ck_assert(!profile_measure(&p, &t, 1, &m));
    ck_assert(m.status == 1 && strstr(m.text, "not finite"));
    ck_assert(t.model.watch.forward == NULL);
    trainer_close(&t);
}
END_TEST

/* fails if the number of streams is not compared when weights are
   read */
START_TEST(a_checkpoint_of_other_streams_is_refused)
{
    char path[] = "/tmp/gain-XXXXXX";
    struct trainer two = open_trainer(2), four = open_trainer(4);
    struct message m = { 0 };
    struct checkpoint k;
    close(mkstemp(path));
    ck_assert(checkpoint_write(path, &two, &m));
    ck_assert(checkpoint_open(&k, path, &m));
    ck_assert(!checkpoint_read_weights(&four.model, &k, &m));
    ck_assert_msg(m.status == EX_USAGE && strstr(m.text, "streams"),
                  "%s", m.text);
    checkpoint_close(&k);
    unlink(path);
    trainer_close(&two);
    trainer_close(&four);
}
END_TEST

// Tests of the log of gains
/* fails if an infinite or undefined figure is written as it is
   printed, or a full disk goes unnoticed */
START_TEST(an_event_is_a_line_of_json)
{
    char *text = NULL;
    size_t size;
    struct journal j = { .folder = "run" };
    struct message m = { 0 };
    const struct figure figures[] = { { "a", 0.5 }, { "b", -INFINITY },
                                      { "c", NAN }, { NULL, 0 } };
    j.log = open_memstream(&text, &size);
    ck_assert(journal_event(&j, 12, "gain", figures, &m));
    fclose(j.log);
    ck_assert_str_eq(text, "{\"step\":12,\"event\":\"gain\",\"a\":0.5,"
                           "\"b\":null,\"c\":null}\n");
    free(text);
    j.log = fopen("/dev/full", "w");
    ck_assert(!journal_event(&j, 12, "gain", figures, &m));
    ck_assert_int_eq(m.status, EX_IOERR);
    fclose(j.log);
}
END_TEST

/* fails if a residual run notes gains of one at each look */
START_TEST(a_run_without_mixing_notes_nothing)
{
    char *text = NULL;
    size_t size;
    struct message m = { 0 };
    struct journal j = { .log = open_memstream(&text, &size) };
    struct trainer t;
    tiny_open(&t);
    ck_assert(gain_note(&j, &t, &m) && ftell(j.log) == 0);
    tiny_close(&t);
    t = open_trainer(2);
    ck_assert(gain_note(&j, &t, &m));
    trainer_close(&t);
    fclose(j.log);
    ck_assert(strstr(text, "{\"step\":0,\"event\":\"gain\","
                     "\"forward\":1,\"forward_least\":1,"
                     "\"backward\":1,") == text);
    free(text);
}
END_TEST

// Tests of pictures of decades
/* fails if a zero or a NaN is drawn, or the axis does not begin at a
   whole decade */
START_TEST(decades_are_equally_high)
{
    char path[] = "/tmp/gain-XXXXXX", picture[4096] = "";
    double x[] = { 0, 1, 2, 3, 4 }, y[] = { 1, 0, NAN, 1000, 20 };
    double p[6];
    struct curve curve = { "rise",
                           { .count = 5, .x = x, .y = y } };
    struct message m = { 0 };
    close(mkstemp(path));
    ck_assert_msg(decades_write(path, "depth", &curve, 1, &m), "%s",
                  m.text);
    FILE *in = fopen(path, "r");
    ck_assert(fread(picture, 1, sizeof picture - 1, in) > 0);
    fclose(in);
    unlink(path);
    const char *at = strstr(picture, "points=\"");
    ck_assert(at && sscanf(at, "points=\"%lf,%lf %lf,%lf %lf,%lf \"",
                           p, p + 1, p + 2, p + 3, p + 4, p + 5) == 6);
    // Compare the decades with the frame
    static const double want[] = { 64, 392, 473.5, 24, 610,
                                   392 - 368 * 1.30103 / 3 };
    for (size_t k = 0; k < 6; k++)
        ck_assert_double_eq_tol(p[k], want[k], 0.06);
    ck_assert(strstr(picture, "</svg>") && strstr(picture, ">rise<"));
    ck_assert(strstr(picture, ">1000<") && !strstr(picture, ">10000<"));
    ck_assert(strstr(picture, "<text x=\"610.0\" y=\"410\" "
                     "class=\"m\">4</text>"));
    ck_assert(!decades_write("/nowhere/x", "depth", &curve, 1, &m));
    ck_assert_int_eq(m.status, EX_CANTCREAT);
}
END_TEST

Suite *gain_suite(void)
{
    Suite *s = suite_create("gain");
    TCase *c = tcase_create("gains");
    // List the tests of gains
    tcase_add_loop_test(c, gains_of_matrices_by_hand, 0, MATRICES);
    tcase_add_test(c, transposing_swaps_forward_and_backward);
    tcase_add_test(c, a_product_is_in_the_order_written);
    tcase_add_test(c, a_chain_grows_at_its_last_and_ends_at_its_first);
    tcase_add_loop_test(c, gains_along_a_chain_follow_from_vectors, 1, 9);
    tcase_add_loop_test(c, a_profile_is_what_the_coefficients_say, 0,
                        PROFILES);
    tcase_add_test(c,
        a_profile_of_many_tokens_is_what_the_coefficients_say);
    tcase_add_loop_test(c, recomputation_changes_no_bit_of_a_profile, 1, 5);
    tcase_add_test(c, only_the_first_tokens_count);
    tcase_add_test(c, copies_of_a_stream_are_alike_exactly);
    tcase_add_loop_test(c, networks_without_mixing_have_gain_one_exactly, 0,
                        3);
    tcase_add_test(c, a_look_changes_nothing_in_a_run);
    tcase_add_test(c, a_look_sees_all_windows_once);
    tcase_add_test(c, a_loss_that_is_not_finite_has_no_gains);
    tcase_add_test(c, a_checkpoint_of_other_streams_is_refused);
    tcase_add_test(c, an_event_is_a_line_of_json);
    tcase_add_test(c, a_run_without_mixing_notes_nothing);
    tcase_add_test(c, decades_are_equally_high);
    suite_add_tcase(s, c);
    return s;
}
