#include "device/precision.h"
#include "boundary/whole.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tiny.h"
#include "ground/bf16.h"
#include "support/compare.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Whole models in a precision
/* until the test ends, whole models are in it */
static void put_in(const char *precision)
{
    struct message m = { 0, "" };
    ck_assert_msg(device_open(&cpu, "cpu", precision, &m), "%s",
                  m.text);
}

static size_t streams_for(const struct connection *k)
{
    return k->most_streams > 1 ? 2 : 1;
}

double whole_in(const char *precision, real *gradients,
                const struct connection *k, size_t block, bool apart,
                void (*settle)(real *, size_t))
{
    struct message message = { 0, "" };
    ck_assert(device_open(&cpu, "cpu", precision, &message));
    struct model m = whole_open(k, streams_for(k), block);
    m.apart = apart;
    whole_scatter(&m);
    if (settle != NULL)
        settle(reals(m.weights), m.parameters.count);
    model_copy_weights(&m);
    double loss = whole_run(&m);
    device_download(&cpu, gradients, m.gradients);
    ck_assert(device_finish(&cpu, &message));
    model_close(&m);
    return loss;
}

static void settle_in_bf16(real *x, size_t count)
{
    bf16_settle(x, count);
}

/* fails if a sublayer goes on with what it did not store, or something
   is lost on the way back */
void assert_gradients_near_single(const char *precision,
                                  const struct connection *k)
{
    struct device was = cpu;
    real *single = test_reals(WHOLE_MOST);
    real *narrow = test_reals(WHOLE_MOST);
    real *once = test_reals(WHOLE_MOST);
    double all = 0, wrong = 0, moved = 0;
    double a = whole_in("single", single, k, 0, false, NULL);
    whole_in("single", once, k, 0, false, settle_in_bf16);
    double b = whole_in(precision, narrow, k, 0, false, NULL);
    ck_assert(fabs(a - b) < 0.05 && a != b);
    cpu = was;
    struct model m = whole_open(k, streams_for(k), 0);
    for (size_t i = 0; i < m.parameters.used; i++) {
        const struct parameter *p = &m.parameters.list[i];
        double largest = 0, off = 0, one = 0;
        for (size_t j = p->offset; j < p->offset + p->count; j++) {
            double is = (double)single[j], far = (double)narrow[j] - is;
            largest = fmax(largest, fabs(is));
            off = fmax(off, fabs(far));
            one = fmax(one, fabs((double)once[j] - is));
            all += is * is, wrong += far * far;
            moved += ((double)once[j] - is) * ((double)once[j] - is);
        }
        one = fmax(one, largest / 256);
        ck_assert_msg(off <= 44 * one, "%s: %s: off by %g of %g",
                      k->name, p->name, off, largest);
    }
    moved = fmax(moved, all / 65536);
    ck_assert_msg(wrong <= 9 * 44 * moved, "%s: %g of the gradient, "
                  "one rounding %g", k->name, sqrt(wrong / all),
                  sqrt(moved / all));
    model_close(&m);
}

/* fails if a block is built again from other numbers than those that
   were there first, or a crossing at once rounds where the operations
   do not */
void assert_recomputing_changes_no_bit(const char *precision,
                                       const struct connection *k)
{
    real *plain = test_reals(WHOLE_MOST);
    real *again = test_reals(WHOLE_MOST);
    double loss = whole_in(precision, plain, k, 0, false, NULL);
    for (size_t block = 1; block <= 3; block++) {
        ck_assert(whole_in(precision, again, k, block, false, NULL)
                  == loss);
        assert_same(again, plain, WHOLE_MOST);
    }
    ck_assert(whole_in(precision, again, k, 0, true, NULL) == loss);
    assert_close(again, plain, WHOLE_MOST, 1000 * REAL_EPSILON);
}

static struct configuration small_run(void)
{
    struct configuration c = tiny_configuration();
    snprintf(c.connection, sizeof c.connection, "mhc");
    c.streams = 2, c.width = 24, c.hidden = 40, c.steps = 20;
    c.context = 16, c.batch = 2, c.rate = 0.003;
    return c;
}

static double train_some(struct trainer *t, size_t updates)
{
    struct message m = { 0, "" };
    struct update u = { 0 };
    for (size_t i = 0; i < updates; i++)
        ck_assert_msg(trainer_step(&u, t, &m), "%s", m.text);
    return u.loss;
}

/* fails if slices, tiles or chunks follow the threads */
void assert_the_same_for_any_threads(const char *precision)
{
    static const int threads[] = { 1, 2, 5 };
    struct configuration c = small_run();
    struct trainer t[3];
    put_in(precision);
    for (int i = 0; i < 3; i++) {
        omp_set_num_threads(threads[i]);
        tiny_open_as(&t[i], &c);
        train_some(&t[i], 3);
        assert_same(reals(t[i].model.weights),
                    reals(t[0].model.weights),
                    t[0].model.parameters.count);
    }
    for (int i = 0; i < 3; i++)
        tiny_close(&t[i]);
}

/* fails if masters are not kept, or a rounding pulls one way */
void assert_training_follows_single(const char *precision, double most)
{
    struct configuration c = small_run();
    struct trainer single, other;
    struct device own = cpu;
    tiny_open_as(&single, &c);
    single.device = single.model.device = &own;
    for (size_t i = 0; i <= single.model.sublayers; i++)
        single.model.site[i].device = &own;
    for (size_t i = 0; i < single.model.sublayers; i++)
        single.model.work[i].device = &own;
    put_in(precision);
    tiny_open_as(&other, &c);
    for (int i = 0; i < 20; i++) {
        double a = train_some(&single, 1), b = train_some(&other, 1);
        ck_assert_msg(fabs(a - b) < most, "step %d: %g, %g", i + 1, a,
                      b);
    }
    tiny_close(&other);
    trainer_close(&single);
}

/* fails if a checkpoint has rounded weights, does not say that they
   were trained in bf16, or reading one leaves working copies behind */
void assert_a_run_goes_on(const char *precision)
{
    char path[] = "/tmp/sixteen-XXXXXX";
    struct configuration c = small_run();
    struct message m = { 0, "" };
    struct trainer whole, half, rest, single;
    struct checkpoint k;
    struct device own = cpu;
    close(mkstemp(path));
    tiny_open_as(&single, &c);
    put_in(precision);
    tiny_open_as(&whole, &c);
    tiny_open_as(&half, &c);
    tiny_open_as(&rest, &c);
    train_some(&whole, 5);
    train_some(&half, 3);
    ck_assert_msg(checkpoint_write(path, &half, &m), "%s", m.text);
    ck_assert_msg(tiny_read(&rest, path, &m), "%s", m.text);
    train_some(&rest, 2);
    size_t count = whole.model.parameters.count;
    assert_same(reals(rest.model.weights), reals(whole.model.weights),
                count);
    ck_assert(checkpoint_open(&k, path, &m));
    ck_assert_pstr_eq(safetensors_text(&k.file, "precision"),
                      precision);
    checkpoint_close(&k);
    struct device narrow = cpu;
    cpu = own;
    ck_assert_msg(tiny_read(&single, path, &m), "%s", m.text);
    assert_same(reals(single.model.weights), reals(half.model.weights),
                count);
    trainer_close(&single);
    cpu = narrow;
    tiny_close(&rest), tiny_close(&half), tiny_close(&whole);
    unlink(path);
}
