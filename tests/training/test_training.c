#include "ground/sum.h"
#include "support/behind.h"
#include "support/cpu.h"
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "corpus/counts.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "model/readable.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include "training/training.h"

// Texts and settings to train with
static unsigned char learnt[200], judged[60];
static struct corpus corpus;

static void make_texts(void)
{
    omp_set_num_threads(1);
    static const unsigned char period[8] = { 0, 3, 1, 7, 5, 2, 6, 4 };
    for (size_t i = 0; i < sizeof learnt; i++)
        learnt[i] = period[i % 8];
    for (size_t i = 0; i < sizeof judged; i++)
        judged[i] = period[(i + 5) % 8];
    corpus = (struct corpus){ .training = { learnt, sizeof learnt },
                              .held_out = { judged, sizeof judged } };
}

static struct configuration settings(void)
{
    struct configuration c = configuration_default();
    c.layers = 1;
    c.width = 16;
    c.heads = 2;
    c.hidden = 16;
    c.context = 8;
    c.vocabulary = 8;
    c.batch = 4;
    c.steps = 100;
    c.warmup = 3;
    c.rate = 0.01;
    return c;
}

static void open_trainer(struct trainer *t, struct configuration c)
{
    struct message m = { 0 };
    ck_assert_msg(trainer_open(t, &c, &cpu, &corpus, &m), "%s", m.text);
}

static struct update step_of(struct trainer *t)
{
    struct message m = { 0 };
    struct update u;
    ck_assert_msg(trainer_step(&u, t, &m), "%s", m.text);
    return u;
}

// Look at the state of a trainer
static real *row_of(const struct trainer *t, size_t i)
{
    struct trainer_row row[TRAINER_ROWS];
    size_t count = t->model.parameters.count;
    real *host = test_reals(count);
    trainer_rows(row, t);
    device_download(t->device, host, row[i].array);
    return host;
}

static void assert_same_state(const struct trainer *a,
                              const struct trainer *b)
{
    for (size_t i = 0; i < TRAINER_ROWS; i++)
        assert_same(row_of(a, i), row_of(b, i),
                    a->model.parameters.count);
    ck_assert_mem_eq(&a->bookmark, &b->bookmark, sizeof a->bookmark);
}

// Tests of the settings
static const struct {
    const char *name, *too_small, *smallest, *largest, *too_large;
    bool fixed;
} limits[] = {
    { "batch", "0", "1", "65536", "65537", false },
    { "accumulation", "0", "1", "65536", "65537", false },
    { "steps", "0", "1", "1000000000", "1000000001", false },
    { "warmup", "-1", "0", "1000000000", "1000000001", false },
    { "rate", "0", "1e-12", "1000", "1001", false },
    { "floor", "-0.1", "0", "1", "1.1", false },
    { "decay", "-0.1", "0", "1000", "1001", false },
    { "beta1", "-0.1", "0", "0.999999", "1", true },
    { "beta2", "-0.1", "0", "0.999999", "1", true },
    { "epsilon", "0", "1e-30", "1", "1.1", false },
    { "clip", "-1", "0", "1000000000", "1000000001", false },
    { "evaluate-every", "0", "1", "1000000000", "1000000001", false },
    { "evaluate-windows", "-1", "0", "1000000000", "1000000001",
      false },
    { "recompute", "-1", "0", "8192", "8193", false },
};
enum { LIMITS = sizeof limits / sizeof limits[0] };

/* fails if a limit is excluded, nan gets in, or a beta is free to
   change */
START_TEST(setting_has_its_limits)
{
    struct configuration c = configuration_default();
    struct message m = { 0 };
    const char *name = limits[_i].name;
    ck_assert(configuration_set(&c, name, limits[_i].smallest, &m));
    ck_assert(configuration_set(&c, name, limits[_i].largest, &m));
    ck_assert(!configuration_set(&c, name, limits[_i].too_small, &m));
    ck_assert_int_ne(m.status, 0);
    m = (struct message){ 0 };
    ck_assert(!configuration_set(&c, name, limits[_i].too_large, &m));
    m = (struct message){ 0 };
    ck_assert(!configuration_set(&c, name, "nan", &m));
    const struct field *f = configuration_fields;
    while (strcmp(f->name, name) != 0)
        f++;
    ck_assert_int_eq(f->change, limits[_i].fixed ? FIXED : FREE);
}
END_TEST

/* fails if a default is refused by the checks, or switches a part
   off */
START_TEST(defaults_are_within_the_limits)
{
    struct configuration c = configuration_default();
    struct message m = { 0 };
    ck_assert_msg(configuration_check(&c, &m), "%s", m.text);
    ck_assert_uint_ge(c.batch, 1);
    ck_assert_uint_ge(c.accumulation, 1);
    ck_assert_uint_ge(c.evaluate_every, 1);
    ck_assert(c.warmup < c.steps);
    ck_assert(0 < c.rate && 0 <= c.floor && c.floor <= 1);
    ck_assert(0 < c.beta1 && c.beta1 < c.beta2 && c.beta2 < 1);
    ck_assert(0 < c.epsilon && c.epsilon < 1e-3);
    ck_assert(0 < c.decay && 0 < c.clip && 0 < c.evaluate_windows);
}
END_TEST

// Tests of opening a trainer
/* fails if moments or bookmark do not begin at nought */
START_TEST(new_trainer_stands_at_the_beginning)
{
    struct trainer t;
    open_trainer(&t, settings());
    ck_assert_uint_eq(t.bookmark.step, 0);
    ck_assert_uint_eq(t.bookmark.position.epoch, 0);
    ck_assert_uint_eq(t.bookmark.position.index, 0);
    ck_assert(isinf(t.bookmark.best) && t.bookmark.best > 0);
    ck_assert_uint_eq(t.bookmark.training_text,
                      text_fingerprint(corpus.training));
    ck_assert_uint_eq(t.bookmark.held_out_text,
                      text_fingerprint(corpus.held_out));
    real *weights = row_of(&t, 0);
    ck_assert_double_gt(sum_of_squares(weights, 16), 0);
    real *zeros = test_reals(t.model.parameters.count);
    assert_same(row_of(&t, 1), zeros, t.model.parameters.count);
    assert_same(row_of(&t, 2), zeros, t.model.parameters.count);
    trainer_close(&t);
}
END_TEST

/* fails if the first byte of a text or the last is not looked at */
START_TEST(byte_without_a_token_is_refused)
{
    for (int k = 0; k < 2; k++) {
        struct trainer t;
        struct message m = { 0 };
        struct configuration c = settings();
        make_texts();
        *(k == 0 ? &learnt[0] : &judged[59]) = 8;
        ck_assert(!trainer_open(&t, &c, &cpu, &corpus, &m));
        ck_assert_int_eq(m.status, EX_DATAERR);
        ck_assert_str_eq(m.text, k == 0
            ? "byte 0 of the text is 8, but the vocabulary is only 8"
            : "byte 59 of the text is 8, but the vocabulary is only 8");
    }
}
END_TEST

/* fails if one of the allocations is not checked */
START_TEST(trainer_without_memory_is_refused)
{
    struct configuration c = settings();
    struct message m;
    bool opened = false;
    size_t allowed = 0;
    for (; !opened; allowed++) {
        struct trainer t;
        m = (struct message){ 0 };
        memory_allow(allowed);
        opened = trainer_open(&t, &c, &cpu, &corpus, &m);
        memory_allow(SIZE_MAX);
        ck_assert_int_eq(m.status, opened ? 0 : EX_OSERR);
        if (opened)
            trainer_close(&t);
    }
    ck_assert_uint_gt(allowed, 6);
}
END_TEST

// Tests of the update
static struct operations own;
static struct segment seen[64];
static double seen_adamw[ADAMW_NUMBERS], seen_sum[2];
static size_t seen_segments;

static void watched_step(struct device *d, struct array weight,
                         struct array working, struct array first,
                         struct array second, struct array gradient,
                         struct array sum, struct array adamw,
                         const struct segment *segment, size_t segments)
{
    memcpy(seen, segment, segments * sizeof *segment);
    memcpy(seen_adamw, doubles(adamw), sizeof seen_adamw);
    memcpy(seen_sum, doubles(sum), sizeof seen_sum);
    seen_segments = segments;
    cpu_operations.step(d, weight, working, first, second, gradient,
                        sum, adamw, segment, segments);
}

/* fails if a gain decays, or one setting stands in another's place */
START_TEST(every_parameter_is_moved_by_the_settings)
{
    struct device watched = cpu;
    struct configuration c = settings();
    struct trainer t;
    struct message m = { 0 };
    struct update u;
    own = cpu_operations;
    own.step = watched_step;
    watched.does = &own;
    c.clip = 1e-3;
    c.decay = 0.5;
    ck_assert(trainer_open(&t, &c, &watched, &corpus, &m));
    ck_assert(trainer_step(&u, &t, &m));
    ck_assert_uint_eq(seen_segments, t.model.parameters.used);
    ck_assert_uint_gt(seen_segments, 2);
    // Hold what was asked against the table of parameters
    size_t total = 0, vectors = 0;
    for (size_t i = 0; i < seen_segments; i++) {
        const struct parameter *p = &t.model.parameters.list[i];
        ck_assert_uint_eq(seen[i].first, p->offset);
        ck_assert_uint_eq(seen[i].count, p->count);
        ck_assert_int_eq(seen[i].decay, p->decay);
        ck_assert_int_eq(p->decay, p->rows > 1);
        vectors += p->rows == 1;
        total += seen[i].count;
    }
    ck_assert_uint_eq(total, t.model.parameters.numbers);
    ck_assert_uint_gt(vectors, 0);
    ck_assert_double_eq(seen_adamw[ADAMW_RATE], c.rate / 3);
    ck_assert_double_eq(seen_adamw[ADAMW_DECAY], 0.5);
    ck_assert_double_eq(seen_adamw[ADAMW_BETA1], c.beta1);
    ck_assert_double_eq(seen_adamw[ADAMW_BETA2], c.beta2);
    ck_assert_double_eq(seen_adamw[ADAMW_EPSILON], c.epsilon);
    ck_assert_double_eq(seen_adamw[ADAMW_CLIP], 1e-3);
    ck_assert_double_eq(seen_adamw[ADAMW_STEP], 1);
    ck_assert(seen_sum[0] == u.loss && seen_sum[1] == u.norm);
    trainer_close(&t);
}
END_TEST
/* fails if every part of a batch waits for its loss */
START_TEST(a_trainer_on_a_device_that_lags_waits_twice_in_an_update)
{
    struct configuration c = settings();
    struct device d;
    struct trainer here, there;
    struct message m = { 0 };
    c.accumulation = 3;
    c.batch = 2;
    open_trainer(&here, c);
    behind_open(&d);
    ck_assert(trainer_open(&there, &c, &d, &corpus, &m));
    for (size_t k = 0; k < 4; k++) {
        struct update u, v = step_of(&here);
        size_t before = behind_waits();
        ck_assert(trainer_step(&u, &there, &m));
        ck_assert_uint_eq(behind_waits(), before + 2);
        ck_assert(u.loss == v.loss && u.norm == v.norm);
    }
    assert_same_state(&here, &there);
    trainer_close(&here);
    trainer_close(&there);
    device_close(&d);
}
END_TEST

/* fails if an update counts although the device gave up */
START_TEST(a_device_that_fails_ends_the_update)
{
    struct configuration c = settings();
    struct device d;
    struct trainer t;
    struct message m = { 0 };
    struct update u;
    behind_open(&d);
    ck_assert(trainer_open(&t, &c, &d, &corpus, &m));
    ck_assert(trainer_step(&u, &t, &m));
    behind_fail_at(9);
    ck_assert(!trainer_step(&u, &t, &m));
    ck_assert_int_eq(m.status, EX_OSERR);
    ck_assert_str_eq(m.text, "update 2: this call was to fail");
    ck_assert_uint_eq(t.bookmark.step, 1);
    trainer_close(&t);
    device_close(&d);
}
END_TEST
static struct array row(double *numbers, size_t count)
{
    return (struct array){ .at = numbers, .rows = 1,
        .columns = count, .role = SUM, .format = F64 };
}

static struct array master(real *numbers, enum role role)
{
    return (struct array){ .at = numbers, .rows = 1, .columns = 8,
        .role = role, .format = REAL_FORMAT };
}

/* fails if a weight moves although a sum is not finite */
START_TEST(a_step_moves_all_segments_or_nothing)
{
    static const double bad[] = { 0, INFINITY, NAN, -INFINITY };
    real g[8] = { 3, 0, 0, 0, 0, 4, 0, 0 };
    double adamw[ADAMW_NUMBERS] = { 0.1, 0.5, 0.9, 0.99, 1e-8, 1, 3 };
    struct segment s[] = { { 0, 3, true }, { 4, 4, false } };
    for (size_t k = 0; k < 8; k++) {
        real w[2][8], one[2][8] = { 0 }, two[2][8] = { 0 };
        double sum[2] = { k < 4 ? 2 + bad[k] : 2,
                          k < 4 ? 5 : 5 + bad[k - 4] };
        bool moves = isfinite(sum[0] + sum[1]);
        for (size_t i = 0; i < 16; i++)
            w[i / 8][i % 8] = (real)(i % 8) + 1;
        device_step(&cpu, master(w[0], MASTER), master(w[0], WORKING),
                    master(one[0], MASTER), master(two[0], MASTER),
                    master(g, MASTER), row(sum, 2),
                    row(adamw, ADAMW_NUMBERS), s, 2);
        for (size_t i = 0; moves && i < 2; i++)
            optimizer_step(w[1] + 4 * i, one[1] + 4 * i, two[1] + 4 * i,
                           g + 4 * i, &(struct adamw){ .rate = 0.1,
                           .decay = i == 0 ? 0.5 : 0, .beta1 = 0.9,
                           .beta2 = 0.99, .epsilon = 1e-8, .scale = 0.2,
                           .step = 3 }, 3 + i);
        assert_same(w[0], w[1], 8);
        assert_same(one[0], one[1], 8);
        assert_same(two[0], two[1], 8);
    }
    real long_one[3] = { 2, -1, 2 };
    double found[2] = { 7, 0 };
    struct array three = master(long_one, MASTER);
    three.columns = 3;
    device_gradient_norm(&cpu, row(found, 2), three);
    ck_assert(found[0] == 7 && found[1] == 3);
}
END_TEST
/* fails if the loss reported is the one after the update */
START_TEST(update_reports_what_it_found)
{
    struct trainer t;
    struct batches b;
    struct message m = { 0 };
    struct configuration c = settings();
    token input[32], target[32];
    open_trainer(&t, c);
    ck_assert(batches_open(&b, corpus.training, 8, c.seed, &m));
    struct position p = batches_fill(input, target, &b,
                                     (struct position){ 0, 0 }, 4);
    model_forward(&t.model, input, target);
    double loss = model_loss(&t.model);
    struct update u = step_of(&t);
    ck_assert_uint_eq(u.step, 1);
    ck_assert_double_eq(u.loss, loss);
    ck_assert_double_eq(u.rate, c.rate / 3);
    size_t count = t.model.parameters.count;
    real *g = test_reals(count);
    device_download(&cpu, g, t.model.gradients);
    ck_assert_double_eq(u.norm * u.norm > 0, 1);
    ck_assert_double_eq(u.norm, sqrt(sum_of_squares(g, count)));
    ck_assert_uint_eq(t.bookmark.step, 1);
    ck_assert_uint_eq(t.bookmark.position.index, p.index);
    u = step_of(&t);
    ck_assert_uint_eq(u.step, 2);
    ck_assert_double_eq_tol(u.rate, c.rate * 2 / 3, 1e-15);
    for (int i = 0; i < 100; i++)
        u = step_of(&t);
    ck_assert_double_eq_tol(u.rate, c.rate * c.floor, 1e-15);
    batches_close(&b);
    trainer_close(&t);
}
END_TEST

/* fails if the parts' gradients are not divided by their number */
START_TEST(accumulating_parts_is_one_large_batch)
{
    struct update want = { 0 };
    real *weights = NULL;
    for (size_t parts = 1; parts <= 4; parts *= 2) {
        struct trainer t;
        struct configuration c = settings();
        c.batch = 4 / parts;
        c.accumulation = parts;
        c.decay = 0;
        c.epsilon = 1;
        open_trainer(&t, c);
        struct update u = step_of(&t);
        if (parts == 1) {
            want = u;
            weights = row_of(&t, 1);
        }
        ck_assert_double_eq_tol(u.loss, want.loss, 16 * REAL_EPSILON);
        ck_assert_double_eq_tol(u.norm, want.norm,
                                want.norm * 64 * REAL_EPSILON);
        assert_close(row_of(&t, 1), weights, t.model.parameters.count,
                     1e3 * REAL_EPSILON);
        ck_assert_uint_eq(t.bookmark.position.index, 4);
        trainer_close(&t);
    }
}
END_TEST
static void infinite_norm(struct device *d, struct array sum,
                          struct array gradient)
{
    (void)d, (void)gradient;
    doubles(sum)[1] = INFINITY;
}

/* fails if only the loss is looked at before weights move */
START_TEST(gradient_that_is_not_finite_moves_nothing)
{
    struct device lying = cpu;
    struct configuration c = settings();
    struct trainer t, untouched;
    struct message m = { 0 };
    struct update u;
    ck_assert(trainer_open(&t, &c, &lying, &corpus, &m));
    open_trainer(&untouched, c);
    step_of(&t);
    step_of(&untouched);
    own = cpu_operations;
    own.gradient_norm = infinite_norm;
    lying.does = &own;
    ck_assert(!trainer_step(&u, &t, &m));
    ck_assert_int_eq(m.status, EXIT_FAILURE);
    ck_assert_str_eq(m.text, "update 2: the gradient is not finite");
    assert_same_state(&t, &untouched);
    trainer_close(&t);
    trainer_close(&untouched);
}
END_TEST

/* fails if an update with a loss of NaN counts, or touches the
   moments */
START_TEST(loss_that_is_not_finite_moves_nothing)
{
    struct trainer t;
    struct message m = { 0 };
    struct update u;
    open_trainer(&t, settings());
    size_t count = t.model.parameters.count;
    real *spoilt = row_of(&t, 0);
    for (size_t i = 0; i < count; i++)
        spoilt[i] = NAN;
    device_upload(&cpu, t.model.weights, spoilt);
    ck_assert(!trainer_step(&u, &t, &m));
    ck_assert_int_eq(m.status, EXIT_FAILURE);
    ck_assert_ptr_nonnull(strstr(m.text, "update 1: the loss is not"));
    real *zeros = test_reals(count);
    assert_same(row_of(&t, 1), zeros, count);
    ck_assert_uint_eq(t.bookmark.step, 0);
    ck_assert_uint_eq(t.bookmark.position.index, 0);
    // The held-out loss is not finite either
    double nats;
    m = (struct message){ 0 };
    ck_assert(!trainer_evaluate(&nats, &t, 0, &m));
    ck_assert_int_eq(m.status, EXIT_FAILURE);
    ck_assert_str_eq(m.text,
                     "after update 0 the held-out loss is not finite");
    ck_assert(!trainer_best(&t, nats));
    trainer_close(&t);
}
END_TEST

// Tests of going on
enum { UPDATES = 8 };

/* fails if some state of a run is in neither the rows nor the
   bookmark */
START_TEST(going_on_from_a_copy_is_the_same_run)
{
    struct configuration c = settings();
    struct trainer whole, begun, resumed;
    struct message m = { 0 };
    c.batch = 5;
    open_trainer(&whole, c);
    for (int i = 0; i < UPDATES; i++)
        step_of(&whole);
    ck_assert_uint_gt(whole.bookmark.position.epoch, 0);
    open_trainer(&begun, c);
    for (int i = 0; i < _i; i++)
        step_of(&begun);
    trainer_best(&begun, 3);
    trainer_best(&whole, 3);
    open_trainer(&resumed, c);
    // Copy rows and bookmark
    struct trainer_row to[TRAINER_ROWS];
    trainer_rows(to, &resumed);
    for (size_t i = 0; i < TRAINER_ROWS; i++)
        device_upload(&cpu, to[i].array, row_of(&begun, i));
    ck_assert(trainer_place(&resumed, &begun.bookmark, &m));
    assert_same_state(&begun, &resumed);
    for (int i = _i; i < UPDATES; i++)
        step_of(&resumed);
    assert_same_state(&whole, &resumed);
    trainer_close(&whole);
    trainer_close(&begun);
    trainer_close(&resumed);
}
END_TEST
/* fails if the setting does not reach the model, or changes a bit */
START_TEST(recomputation_is_the_same_run)
{
    struct configuration c = settings();
    struct trainer kept, rebuilt;
    open_trainer(&kept, c);
    c.recompute = 2;
    open_trainer(&rebuilt, c);
    ck_assert_uint_eq(rebuilt.model.block, 2);
    for (int i = 0; i < 3; i++) {
        step_of(&kept);
        step_of(&rebuilt);
    }
    assert_same_state(&kept, &rebuilt);
    trainer_close(&kept);
    trainer_close(&rebuilt);
}
END_TEST

/* fails if the number of threads decides the order of a sum */
START_TEST(run_is_the_same_for_any_number_of_threads)
{
    struct trainer t[2];
    for (int k = 0; k < 2; k++) {
        omp_set_num_threads(k + 1);
        open_trainer(&t[k], settings());
        step_of(&t[k]);
        step_of(&t[k]);
    }
    assert_same_state(&t[0], &t[1]);
    trainer_close(&t[0]);
    trainer_close(&t[1]);
}
END_TEST

/* fails if something random does not come from the seed */
START_TEST(seed_decides_the_run)
{
    struct configuration c = settings();
    struct trainer a, b, other;
    open_trainer(&a, c);
    open_trainer(&b, c);
    c.seed++;
    open_trainer(&other, c);
    for (int i = 0; i < 3; i++) {
        step_of(&a);
        step_of(&b);
        step_of(&other);
    }
    assert_same_state(&a, &b);
    ck_assert(!compare_bits(NULL, "", row_of(&a, 0),
                            row_of(&other, 0),
                            a.model.parameters.count));
    trainer_close(&a);
    trainer_close(&b);
    trainer_close(&other);
}
END_TEST

/* fails if a run goes on in another text, or past the end of an
   epoch */
START_TEST(bookmark_of_another_text_is_refused)
{
    static const char *const words[] = { "training text is not",
        "held-out text is not", "window 23 of an epoch of 23",
        "best loss is not a number" };
    struct trainer t;
    open_trainer(&t, settings());
    struct bookmark good = t.bookmark;
    good.step = 7;
    good.position = (struct position){ 2, 22 };
    for (size_t k = 0; k < 4; k++) {
        struct bookmark b = good;
        struct message m = { 0 };
        b.training_text += k == 0;
        b.held_out_text += k == 1;
        b.position.index += k == 2;
        b.best = k == 3 ? NAN : b.best;
        ck_assert(!trainer_place(&t, &b, &m));
        ck_assert_int_eq(m.status, EX_DATAERR);
        ck_assert_ptr_nonnull(strstr(m.text, words[k]));
        ck_assert_uint_eq(t.bookmark.step, 0);
    }
    struct message m = { 0 };
    ck_assert(trainer_place(&t, &good, &m));
    ck_assert_mem_eq(&t.bookmark, &good, sizeof good);
    trainer_close(&t);
}
END_TEST
/* fails if a new member of the bookmark is not put on the list */
START_TEST(list_of_the_bookmark_is_complete)
{
    size_t next = 0, count = 0;
    const struct field *f = bookmark_fields;
    for (; f->name != NULL; f++, count++) {
        ck_assert_uint_eq(f->offset, next);
        next += f->type == COUNT ? sizeof(size_t)
            : f->type == HASH ? sizeof(uint64_t)
            : sizeof(double);
    }
    ck_assert_uint_eq(next, sizeof(struct bookmark));
    ck_assert_uint_eq(count, 6);
    ck_assert_int_eq(bookmark_fields[3].type, RECORD);
    ck_assert_str_eq(bookmark_fields[3].name, "best");
    struct trainer t;
    struct trainer_row row[TRAINER_ROWS];
    open_trainer(&t, settings());
    trainer_rows(row, &t);
    ck_assert_ptr_eq(row[0].array.at, t.model.weights.at);
    ck_assert_ptr_eq(row[1].array.at, t.first.at);
    ck_assert_ptr_eq(row[2].array.at, t.second.at);
    trainer_close(&t);
}
END_TEST

// Tests of judging
static double judged_by_hand(struct trainer *t, size_t windows)
{
    double sum = 0;
    size_t counted = 0, batch = t->options.batch;
    token input[64] = { 0 }, target[64] = { 0 };
    for (size_t j = 0; j < windows; j++) {
        struct window w = window_of(60, 8, j * 8 / windows);
        window_cut(input, target, corpus.held_out, w.start, 8);
        model_forward(&t->model, input, target);
        trainer_losses(t);
        for (size_t i = w.skip; i < 8; i++, counted++)
            sum += (double)t->losses[i];
    }
    ck_assert_uint_le(batch * 8, 64);
    if (windows == 8)
        ck_assert_uint_eq(counted, 59);
    return sum / (double)counted;
}

/* fails if what the last window skips, or an empty place, is counted */
START_TEST(evaluation_is_the_mean_over_the_windows)
{
    struct configuration c = settings();
    struct trainer t;
    struct message m = { 0 };
    c.batch = (size_t)_i;
    open_trainer(&t, c);
    for (int i = 0; i < 20; i++)
        step_of(&t);
    for (size_t windows = 0; windows <= 10; windows++) {
        double nats, want = judged_by_hand(&t,
            windows == 0 || windows > 8 ? 8 : windows);
        ck_assert(trainer_evaluate(&nats, &t, windows, &m));
        ck_assert_double_eq_tol(nats, want,
                                want * 64 * REAL_EPSILON);
    }
    trainer_close(&t);
}
END_TEST

enum { PEOPLE = 256, HELD_OUT = 1500, LOOKS = 6 };

/* nats and bytes of each window that is held out */
static void read_windows(double nats[LOOKS], double bytes[LOOKS],
                         const struct trainer *t)
{
    static const size_t starts[LOOKS] = { 0, 256, 512, 768, 1024,
                                          1243 };
    struct readable r = readable_of(&t->model, PEOPLE);
    token input[PEOPLE], target[PEOPLE];
    for (size_t k = 0; k < LOOKS; k++) {
        size_t skip = k + 1 < LOOKS ? 0 : 1280 - 1243;
        window_cut(input, target, t->corpus->held_out, starts[k],
                   PEOPLE);
        readable_forward(&r, input, PEOPLE);
        nats[k] = 0;
        bytes[k] = (double)(PEOPLE - skip);
        for (size_t i = skip; i < PEOPLE; i++)
            nats[k] += readable_nats(&r, i, target[i]);
    }
}

/* fails if the loss is wrong only at sizes that people train */
START_TEST(evaluation_at_the_size_of_people_agrees_with_plain_loops)
{
    static unsigned char text[HELD_OUT];
    static const size_t which[][LOOKS] = { { 0, 1, 2, 3, 4, 5 },
                                           { 0, 1, 2, 3, 4 },
                                           { 0, 1, 3, 4 } };
    struct configuration c = configuration_default();
    struct trainer t;
    struct message m = { 0 };
    double nats[LOOKS], bytes[LOOKS];
    c.layers = 2, c.width = 192, c.heads = 6, c.context = PEOPLE;
    c.batch = 4;
    for (size_t i = 0; i < HELD_OUT; i++)
        text[i] = (unsigned char)random_below(1, 0, i, 256);
    corpus.training = corpus.held_out = (struct text){ text, HELD_OUT };
    open_trainer(&t, c);
    readable_scatter(&t.model);
    read_windows(nats, bytes, &t);
    for (size_t fewer = 0; fewer < 3; fewer++) {
        double sum = 0, count = 0, got;
        for (size_t k = 0; k < LOOKS - fewer; k++) {
            sum += nats[which[fewer][k]];
            count += bytes[which[fewer][k]];
        }
        ck_assert(trainer_evaluate(&got, &t, LOOKS - fewer, &m));
        ck_assert_double_eq_tol(got * count / sum, 1,
                                1e3 * REAL_EPSILON);
    }
    trainer_close(&t);
}
END_TEST

/* fails if judging in steps skips a batch, or goes on after the last */
START_TEST(a_text_can_be_judged_batch_by_batch)
{
    struct configuration c = settings();
    struct trainer t;
    struct message m = { 0 };
    double nats, whole;
    c.batch = 3;
    open_trainer(&t, c);
    struct judgement j = trainer_judgement(&t, 0);
    for (size_t done = 3; done <= 6; done += 3) {
        ck_assert(trainer_judge(&j, &t));
        ck_assert_uint_eq(j.next, done);
    }
    ck_assert(trainer_judge(&j, &t));
    ck_assert_uint_eq(j.next, 8);
    ck_assert_uint_eq(j.bytes, 59);
    ck_assert(!trainer_judge(&j, &t));
    ck_assert(trainer_verdict(&nats, &j, &t, &m)
              && trainer_evaluate(&whole, &t, 0, &m));
    ck_assert_double_eq(nats, whole);
    trainer_close(&t);
}
END_TEST

/* fails if a subset is the first windows, or starts anew in each
   batch */
START_TEST(a_subset_of_windows_is_spread_evenly)
{
    static const size_t starts[] = { 0, 16, 40,         /* of 3 */
                                     0, 8, 24, 32, 48 };    /* of 5 */
    struct configuration c = settings();
    struct trainer t;
    c.vocabulary = 60;
    c.batch = 2;
    make_texts();
    for (size_t i = 0; i < 60; i++)
        judged[i] = (unsigned char)i;
    struct message m = { 0 };
    ck_assert(trainer_open(&t, &c, &cpu, &corpus, &m));
    for (size_t windows = 3; windows <= 5; windows += 2)
        for (size_t k = 0, places; k < windows; k += places) {
            places = trainer_fill(&t, k, windows);
            ck_assert_uint_eq(places, k + 1 == windows ? 1 : 2);
            for (size_t s = 0; s < places; s++) {
                size_t want = starts[(windows == 5 ? 3 : 0) + k + s];
                ck_assert(t.input[s * 8] == (token)want);
                ck_assert(t.target[s * 8 + 7] == (token)want + 8);
            }
        }
    trainer_close(&t);
}
END_TEST

/* fails if a look at the held-out text moves the run's place or
   weights */
START_TEST(evaluation_changes_nothing)
{
    struct trainer a, b;
    struct message m = { 0 };
    double nats;
    open_trainer(&a, settings());
    open_trainer(&b, settings());
    for (int i = 0; i < 3; i++) {
        step_of(&a);
        step_of(&b);
        ck_assert(trainer_evaluate(&nats, &b, 0, &m));
    }
    assert_same_state(&a, &b);
    trainer_close(&a);
    trainer_close(&b);
}
END_TEST

/* fails if evaluating takes memory for gradients or moments */
START_TEST(a_trainer_that_only_evaluates_finds_the_same_bits)
{
    struct trainer a, b;
    struct message m = { 0 };
    double nats[2];
    open_trainer(&a, settings());
    step_of(&a);
    ck_assert(trainer_open_to_evaluate(&b, &a.options, &cpu, a.corpus,
                                       &m));
    device_copy(&cpu, b.model.weights, a.model.weights);
    for (size_t windows = 0; windows < 3; windows++) {
        ck_assert(trainer_evaluate(&nats[0], &a, windows, &m));
        ck_assert(trainer_evaluate(&nats[1], &b, windows, &m));
        ck_assert(nats[0] == nats[1]);
    }
    ck_assert(2 * trainer_bytes(&b.model) < trainer_bytes(&a.model));
    ck_assert_ptr_null(b.model.gradients.at);
    trainer_close(&a);
    trainer_close(&b);
}
END_TEST

/* fails if a loss that is only as good is noted as better */
START_TEST(best_is_the_lowest_so_far)
{
    struct trainer t = { .bookmark = { .best = INFINITY } };
    ck_assert(trainer_best(&t, 2));
    ck_assert(!trainer_best(&t, 2));
    ck_assert(!trainer_best(&t, 3));
    ck_assert_double_eq(t.bookmark.best, 2);
    ck_assert(trainer_best(&t, 1));
    ck_assert_double_eq(t.bookmark.best, 1);
}
END_TEST

// Tests of learning
/* fails if updates do not follow the gradient */
START_TEST(one_window_is_learnt_by_heart)
{
    struct configuration c = settings();
    struct trainer t;
    struct update u = { 0 };
    c.steps = 150;
    c.rate = 0.03;
    corpus.training.size = 9;
    open_trainer(&t, c);
    for (int i = 0; i < 150; i++)
        u = step_of(&t);
    ck_assert_uint_eq(t.bookmark.position.epoch, 600);
    ck_assert_double_lt(u.loss, 0.01);
    trainer_close(&t);
}
END_TEST

/* fails if the model learns only how common each byte is */
START_TEST(model_beats_a_table_of_bytes)
{
    struct trainer t;
    struct message m = { 0 };
    double table, before, after;
    ck_assert(counts_loss(&table, corpus.held_out, corpus.training, 1,
                          &m));
    ck_assert_double_gt(table, log(8) - 0.1);
    open_trainer(&t, settings());
    ck_assert(trainer_evaluate(&before, &t, 0, &m));
    for (int i = 0; i < 100; i++)
        step_of(&t);
    ck_assert(trainer_evaluate(&after, &t, 0, &m));
    ck_assert_double_gt(before, log(8) - 0.5);
    ck_assert_double_lt(after, table / 2);
    trainer_close(&t);
}
END_TEST

Suite *training_suite(void);
Suite *training_suite(void)
{
    Suite *s = suite_create("training");
    TCase *c = tcase_create("trainer");
    tcase_add_checked_fixture(c, make_texts, NULL);
    // Register the tests of the trainer
    tcase_add_loop_test(c, setting_has_its_limits, 0, LIMITS);
    tcase_add_test(c, defaults_are_within_the_limits);
    tcase_add_test(c, new_trainer_stands_at_the_beginning);
    tcase_add_test(c, byte_without_a_token_is_refused);
    tcase_add_test(c, trainer_without_memory_is_refused);
    tcase_add_test(c, every_parameter_is_moved_by_the_settings);
    tcase_add_test(c, a_step_moves_all_segments_or_nothing);
    tcase_add_test(c,
        a_trainer_on_a_device_that_lags_waits_twice_in_an_update);
    tcase_add_test(c, a_device_that_fails_ends_the_update);
    tcase_add_test(c, update_reports_what_it_found);
    tcase_add_test(c, accumulating_parts_is_one_large_batch);
    tcase_add_test(c, gradient_that_is_not_finite_moves_nothing);
    tcase_add_test(c, loss_that_is_not_finite_moves_nothing);
    tcase_add_loop_test(c, going_on_from_a_copy_is_the_same_run,
                        0, UPDATES + 1);
    tcase_add_test(c, run_is_the_same_for_any_number_of_threads);
    tcase_add_test(c, seed_decides_the_run);
    tcase_add_test(c, recomputation_is_the_same_run);
    tcase_add_test(c, bookmark_of_another_text_is_refused);
    tcase_add_test(c, list_of_the_bookmark_is_complete);
    tcase_add_loop_test(c, evaluation_is_the_mean_over_the_windows, 1, 6);
    tcase_add_test(c, a_text_can_be_judged_batch_by_batch);
    tcase_add_test(c, a_subset_of_windows_is_spread_evenly);
    tcase_add_test(c, evaluation_changes_nothing);
    tcase_add_test(c, a_trainer_that_only_evaluates_finds_the_same_bits);
    tcase_add_test(c, best_is_the_lowest_so_far);
    tcase_add_test(c, one_window_is_learnt_by_heart);
    tcase_add_test(c, model_beats_a_table_of_bytes);
    suite_add_tcase(s, c);
    c = tcase_create("size");
    tcase_set_tags(c, "slow");
    tcase_add_test(c,
        evaluation_at_the_size_of_people_agrees_with_plain_loops);
    suite_add_tcase(s, c);
    return s;
}
