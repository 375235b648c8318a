#include "device/device.h"
#include "ground/random.h"
#include "model/model.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>
#include <stdlib.h>

// Tags on addresses
enum { TAG = 60 };

static real *tagged(real *x, enum storage storage)
{
    uintptr_t address = (uintptr_t)x;
    if (x == NULL)
        return NULL;
    return (real *)(storage == EXACT
        ? address | (uintptr_t)1 << TAG
        : address * 2 | (uintptr_t)2 << TAG);
}

static real *plain(const real *x, enum storage storage)
{
    uintptr_t address = (uintptr_t)x;
    uintptr_t rest = address & (((uintptr_t)1 << TAG) - 1);
    if (address >> TAG != (storage == EXACT ? 1 : 2))
        abort();
    return (real *)(storage == EXACT ? rest : rest / 2);
}

#define E(x) plain(x, EXACT)
#define R(x) plain(x, ROUNDED)

// Hold numbers behind tags
static real *allocate(size_t count, enum storage storage,
                      struct message *m)
{
    return tagged(cpu.allocate(count, storage, m), storage);
}

static void release(real *x)
{
    uintptr_t tag = (uintptr_t)x >> TAG;
    cpu.release(plain(x, tag == 1 ? EXACT : ROUNDED));
}

static void upload(real *to, const real *from, size_t count,
                   enum storage storage)
{
    cpu.upload(plain(to, storage), from, count, storage);
}

static void download(real *to, const real *from, size_t count,
                     enum storage storage)
{
    cpu.download(to, plain(from, storage), count, storage);
}

static void zero(real *x, size_t count, enum storage storage)
{
    cpu.zero(plain(x, storage), count, storage);
}

static void copy(real *to, const real *from, size_t count,
                 enum storage storage)
{
    cpu.copy(plain(to, storage), plain(from, storage), count, storage);
}

// Operations that check tags
static void embed(real *out, const token *id, const real *w, size_t T,
                  size_t C)
{
    cpu.embedding.forward(R(out), id, E(w), T, C);
}

static void embed_back(real *dw, const real *dout, const token *id,
                       size_t T, size_t C)
{
    cpu.embedding.backward(E(dw), R(dout), id, T, C);
}

// Products that check tags
static void product(real *y, const real *x, const real *w, size_t rows,
                    size_t out, size_t in)
{
    cpu.matmul.forward(R(y), R(x), E(w), rows, out, in);
}

static void product_input(real *dx, const real *dy, const real *w,
                          size_t rows, size_t out, size_t in, bool add)
{
    cpu.matmul.backward_input(R(dx), R(dy), E(w), rows, out, in, add);
}

static void product_weight(real *dw, const real *dy, const real *x,
                           size_t rows, size_t out, size_t in)
{
    cpu.matmul.backward_weight(E(dw), R(dy), R(x), rows, out, in);
}

static void exact(real *y, const real *x, const real *w, size_t rows,
                  size_t out, size_t in)
{
    cpu.matmul.forward(E(y), R(x), E(w), rows, out, in);
}

static void exact_input(real *dx, const real *dy, const real *w,
                        size_t rows, size_t out, size_t in, bool add)
{
    cpu.matmul.backward_input(R(dx), E(dy), E(w), rows, out, in, add);
}

static void exact_weight(real *dw, const real *dy, const real *x,
                         size_t rows, size_t out, size_t in)
{
    cpu.matmul.backward_weight(E(dw), E(dy), R(x), rows, out, in);
}

// Norms and gates that check tags
static void norm(real *out, real *r, const real *x, const real *gain,
                 size_t rows, size_t width)
{
    cpu.norm.forward(R(out), E(r), R(x), E(gain), rows, width);
}

static void norm_back(real *dx, real *dgain, const real *dout,
                      const real *x, const real *r, const real *gain,
                      size_t rows, size_t width, bool add)
{
    cpu.norm.backward(R(dx), E(dgain), R(dout), R(x), E(r), E(gain),
                      rows, width, add);
}

static void gate(real *hidden, const real *g, const real *up,
                 size_t count)
{
    cpu.feedforward.forward(R(hidden), R(g), R(up), count);
}

static void gate_back(real *dgate, real *dup, const real *dhidden,
                      const real *g, const real *up, size_t count)
{
    cpu.feedforward.backward(R(dgate), R(dup), R(dhidden), R(g), R(up),
                             count);
}

// Attention that checks tags
static void rotate(real *qkv, const real *cosine, const real *sine,
                   const struct attention_shape *s)
{
    cpu.attention.rotate(R(qkv), E(cosine), E(sine), s);
}

static void rotate_back(real *dqkv, const real *cosine,
                        const real *sine,
                        const struct attention_shape *s)
{
    cpu.attention.rotate_back(R(dqkv), E(cosine), E(sine), s);
}

static void attend(real *out, real *lse, const real *qkv,
                   const struct attention_shape *s, real *scratch)
{
    cpu.attention.forward(R(out), E(lse), R(qkv), s, E(scratch));
}

static void attend_back(real *dqkv, const real *dout, const real *out,
                        const real *lse, const real *qkv,
                        const struct attention_shape *s, real *scratch)
{
    cpu.attention.backward(R(dqkv), R(dout), R(out), E(lse), R(qkv), s,
                           E(scratch));
}

// Losses and crossings that check tags
static void lose(real *each, real *lse, const real *logits,
                 const token *target, size_t T, size_t V)
{
    cpu.loss.forward(E(each), E(lse), E(logits), target, T, V);
}

static void lose_back(real *dlogits, const real *logits,
                      const real *lse, const token *target,
                      real scale, size_t T, size_t V)
{
    cpu.loss.backward(E(dlogits), E(logits), E(lse), target, scale, T,
                      V);
}

static void cross(real *next, real *r, real *normed, const real *stream,
                  const real *answer, const real *gain, size_t rows,
                  size_t width)
{
    cpu.streams.cross(R(next), E(r), R(normed), R(stream), R(answer),
                      E(gain), rows, width);
}

static void cross_back(real *dstream, real *danswer, real *dgain,
                       const real *dnext, const real *dnormed,
                       const real *next, const real *r,
                       const real *gain, size_t rows, size_t width)
{
    cpu.streams.cross_backward(R(dstream), R(danswer), E(dgain),
                               R(dnext), R(dnormed), R(next), E(r),
                               E(gain), rows, width);
}

static void add(real *out, const real *a, const real *b, size_t count)
{
    cpu.streams.add(R(out), R(a), R(b), count);
}

// The tagging device
static struct device tagging(void)
{
    struct device d = cpu;
    d.bytes[ROUNDED] = 2 * sizeof(real);
    d.allocate = allocate;
    d.release = release;
    d.upload = upload;
    d.download = download;
    d.zero = zero;
    d.copy = copy;
    d.embedding = (struct embedding){ embed, embed_back };
    d.matmul = (struct matmul){ product, product_input,
                                product_weight };
    d.matmul_exact = (struct matmul){ exact, exact_input,
                                      exact_weight };
    d.norm = (struct norm){ norm, norm_back };
    d.feedforward = (struct feedforward){ gate, gate_back };
    d.attention.rotate = rotate;
    d.attention.rotate_back = rotate_back;
    d.attention.forward = attend;
    d.attention.backward = attend_back;
    d.loss = (struct loss){ lose, lose_back };
    d.streams = (struct streams){ add, cross, cross_back };
    return d;
}

// A model runs on it
enum { BATCH = 2, LENGTH = 6, WORDS = 13 };

static token input[BATCH * LENGTH], target[BATCH * LENGTH];

static double run(const struct device *d, bool fused, real *gradients,
                  real *logits)
{
    struct configuration c = configuration_default();
    struct message message = { 0, "" };
    struct model m, one;
    c.layers = 2;
    c.width = 12;
    c.heads = 2;
    c.hidden = 7;
    c.context = LENGTH;
    c.vocabulary = WORDS;
    ck_assert(model_open(&m, &c, d, BATCH, TRAINING, 2, &message));
    ck_assert(model_open(&one, &c, d, 1, INFERENCE, 0, &message));
    m.apart = !fused;
    // Run both models on the device
    size_t count = m.parameters.count;
    ck_assert(count <= 4000);
    model_initialise(&m);
    model_initialise(&one);
    model_forward(&m, input, target);
    double loss = model_loss(&m);
    model_backward(&m, 1);
    d->download(gradients, m.gradients, count, EXACT);
    model_extend(&one, input, 0, 4);
    model_extend(&one, input + 4, 4, 2);
    model_logits(&one, logits, 1);
    model_close(&m);
    model_close(&one);
    return loss;
}

START_TEST(a_model_never_looks_through_a_devices_addresses)
{
    size_t count = 4000;
    struct device d = tagging();
    real *want = test_reals(count), *got = test_reals(count);
    real logits[WORDS], same[WORDS];
    omp_set_num_threads(1);
    for (size_t i = 0; i < BATCH * LENGTH; i++) {
        input[i] = (token)random_below(1, 0, i, WORDS);
        target[i] = (token)random_below(2, 0, i, WORDS);
    }
    double loss = run(&cpu, true, want, logits);
    ck_assert(run(&d, _i, got, same) == loss && loss > 1);
    assert_same(got, want, count);
    assert_same(same, logits, WORDS);
}
END_TEST

// Tests of the cpu
START_TEST(the_cpu_holds_numbers_and_tokens)
{
    struct message m = { 0, "" };
    for (enum storage s = EXACT; s < STORAGES; s++) {
        const real host[5] = { 1, 2, 3, 4, 5 };
        real back[3] = { 0 };
        real *x = cpu.allocate(5, s, &m), *y = cpu.allocate(5, s, &m);
        ck_assert(x[0] == 0 && x[4] == 0);
        cpu.upload(x, host, 5, s);
        cpu.copy(device_at(&cpu, y, 1, s), device_at(&cpu, x, 2, s), 3,
                 s);
        cpu.zero(y + 2, 1, s);
        cpu.synchronize();
        cpu.download(back, y + 1, 3, s);
        ck_assert(back[0] == 3 && back[1] == 0 && back[2] == 5);
        ck_assert(y[0] == 0 && y[4] == 0);
        cpu.release(x);
        cpu.release(y);
    }
    const token host[2] = { 7, 9 };
    token *t = cpu.allocate_tokens(3, &m);
    cpu.upload_tokens(t, host, 2);
    ck_assert(t[0] == 7 && t[1] == 9 && t[2] == 0);
    cpu.release_tokens(t);
    ck_assert_str_eq(cpu.name, "cpu");
}
END_TEST

// The suite of the devices
Suite *device_suite(void);
Suite *device_suite(void)
{
    Suite *s = suite_create("device");
    TCase *c = tcase_create("cpu");
    suite_add_tcase(s, c);
    tcase_add_test(c, the_cpu_holds_numbers_and_tokens);
    tcase_add_loop_test(c,
        a_model_never_looks_through_a_devices_addresses, 0, 2);
    return s;
}
