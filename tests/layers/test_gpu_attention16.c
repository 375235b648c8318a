#include "ground/bf16.h"
#include "ground/random.h"
#include "layers/attention16.h"
#include "layers/attention_versions.h"
#include "support/pair.h"
#include "support/suite.h"
#include <stdlib.h>
#pragma weak tensor_attend
#pragma weak tensor_attend_backward
void emulator_configure(void);         /* the emulator's */
#pragma weak emulator_configure

// Attention in sixteen bits, in both memories
struct run {
    struct attention_shape s;
    struct pair qkv, out, lse, dout, dqkv, along, rotation;
};

/* as so many floats, whatever they are: copied without a look */
static struct array words_of(struct array a)
{
    return (struct array){ .at = a.at, .rows = 1,
        .columns = (array_bytes(a) + 3) / 4, .role = EXACT,
        .format = F32 };
}

/* x, or NaN if it is NULL */
static struct pair sixteen_pair(enum role role, size_t rows,
                                size_t columns, const real *x)
{
    struct message m = { 0, "" };
    size_t count = rows * columns;
    real *unset = test_unset(count + 1);
    struct array a = { .at = test_reals(count + 1), .rows = rows,
        .columns = columns, .role = role, .format = BF16 };
    struct pair p = { a, a };
    pair_open();
    bf16_store((bf16 *)a.at, x != NULL ? x : unset, count);
    p.gpu.at = device_allocate(&gpu, array_bytes(a) + 16, &m);
    ck_assert_msg(p.gpu.at != NULL, "%s", m.text);
    device_upload(&gpu, words_of(p.gpu), a.at);
    return p;
}

static struct pair sixteen_normal(enum role role, size_t rows,
                                  size_t columns, uint64_t seed,
                                  double scale)
{
    real *x = test_reals(rows * columns + 1);
    fill_normal(x, rows * columns, seed, scale);
    return sixteen_pair(role, rows, columns, x);
}

static struct run run_of(struct attention_shape s, double scale)
{
    size_t T = s.sequences * s.length, C = s.heads * s.head_size;
    size_t all = s.first + s.length, half = s.head_size / 2;
    struct array turns = test_row(EXACT, 2 * all * half);
    struct run r = { .s = s };
    pair_open();
    attention_rotation(reals(turns), reals(turns) + all * half, all,
                       s.head_size);
    turns.rows = 2;
    turns.columns = all * half;
    r.rotation = pair_copy(turns);
    r.qkv = sixteen_normal(ACTIVATION, s.sequences * all, 3 * C, 1,
                           scale);
    r.dout = sixteen_normal(GRADIENT, T, C, 2, 1e5);
    r.out = sixteen_pair(ACTIVATION, T + 1, C, NULL);
    r.lse = pair_unset(EXACT, T + 1, s.heads);
    r.dqkv = sixteen_pair(GRADIENT, T + 1, 3 * C, NULL);
    r.along = pair_unset(EXACT, T, s.heads);
    return r;
}

static void fetch(struct pair p)
{
    struct message m = { 0, "" };
    device_download(&gpu, p.cpu.at, words_of(p.gpu));
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}

static void send(struct pair p)
{
    device_upload(&gpu, words_of(p.gpu), p.cpu.at);
}

static double at(struct array a, size_t i)
{
    return a.format == BF16
        ? (double)bf16_widen(((const bf16 *)a.at)[i])
        : (double)reals(a)[i];
}

static bool attend(struct run *r)
{
    size_t T = r->s.sequences * r->s.length;
    return tensor_attend(&gpu, array_rows(r->out.gpu, 0, T),
                         array_rows(r->lse.gpu, 0, T), r->qkv.gpu,
                         &r->s);
}

/* after out and lse have been fetched */
static bool attend_backward(struct run *r)
{
    size_t T = r->s.sequences * r->s.length, d = r->s.head_size;
    for (size_t n = 0; n < T * r->s.heads; n++) {
        double sum = 0;
        for (size_t c = n * d; c < (n + 1) * d; c++)
            sum += at(r->dout.cpu, c) * at(r->out.cpu, c);
        reals(r->along.cpu)[n] = (real)sum;
    }
    send(r->along);
    return tensor_attend_backward(&gpu, array_rows(r->dqkv.gpu, 0, T),
        r->dout.gpu, (const float *)r->along.gpu.at, r->lse.gpu,
        r->qkv.gpu, r->rotation.gpu, &r->s);
}

/* both ways, and all results on the host */
static void attend_and_back(struct run *r)
{
    ck_assert(attend(r));
    fetch(r->out);
    fetch(r->lse);
    if (r->s.first == 0)
        ck_assert(attend_backward(r));
    fetch(r->dqkv);
}

// Attention in double, and how far it may be missed
#define SIXTEENTH 0x1p-8    /* of bf16: half a step, of a number */
#define SINGLE 0x1p-23      /* of a float, twice that */

/* a result, and the error that it may have */
struct about { double value, error; };

static struct about *abouts(size_t count)
{
    return (struct about *)(void *)test_reals(4 * count + 4);
}

static void assert_about(const char *name, struct array got,
                         const struct about *want)
{
    size_t count = (got.rows - 1) * got.columns;
    for (size_t i = 0; i < count; i++) {
        double error = want[i].error;
        if (got.format == BF16)
            error += SIXTEENTH * (fabs(want[i].value) + error);
        double off = fabs(at(got, i) - want[i].value);
        ck_assert_msg(off <= error, "%s[%zu,%zu] = %g, not %g: off by "
                      "%g of %g", name, i / got.columns,
                      i % got.columns, at(got, i), want[i].value, off,
                      error);
    }
    for (size_t i = count; i < count + got.columns; i++)
        ck_assert_msg(isnan(at(got, i)), "%s is written beyond its end",
                      name);
}

// One query in double
/* of part 0, 1 or 2 of a row of qkv, one head: its first number */
static size_t place(const struct run *r, size_t sequence, size_t row,
                    size_t part, size_t head)
{
    size_t all = r->s.first + r->s.length;
    return (((sequence * all + row) * 3 + part) * r->s.heads + head)
         * r->s.head_size;
}

static struct about dot(struct array a, size_t i, struct array b,
                        size_t j, size_t d)
{
    struct about sum = { 0, 0 };
    for (size_t c = 0; c < d; c++) {
        double term = at(a, i + c) * at(b, j + c);
        sum.value += term;
        sum.error += (double)d * SINGLE * fabs(term);
    }
    return sum;
}

/* scores of a query with the keys that it sees; the largest error */
static double scores(double *score, const struct run *r,
                     size_t sequence, size_t t, size_t head)
{
    size_t d = r->s.head_size, position = r->s.first + t;
    double root = sqrt((double)d), worst = 0;
    size_t q = place(r, sequence, position, 0, head);
    for (size_t j = 0; j <= position; j++) {
        struct about s = dot(r->qkv.cpu, q, r->qkv.cpu,
                             place(r, sequence, j, 1, head), d);
        score[j] = s.value / root;
        worst = fmax(worst, (s.error + 16 * SINGLE * fabs(s.value))
                            / root + 8 * SINGLE);
    }
    return worst;
}

// Forward in double
static void forward(struct about *out, struct about *lse,
                    const struct run *r)
{
    size_t d = r->s.head_size, all = r->s.first + r->s.length;
    double *score = (double *)(void *)test_reals(2 * all);
    for (size_t n = 0; n < r->s.sequences * r->s.length * r->s.heads;
         n++) {
        size_t head = n % r->s.heads, row = n / r->s.heads;
        size_t sequence = row / r->s.length, t = row % r->s.length;
        size_t keys = r->s.first + t + 1;
        double worst = scores(score, r, sequence, t, head);
        double most = -INFINITY, sum = 0;
        for (size_t j = 0; j < keys; j++)
            most = fmax(most, score[j]);
        for (size_t j = 0; j < keys; j++)
            sum += exp(score[j] - most);
        double each = SIXTEENTH + 2 * worst
                    + 4 * (double)keys * SINGLE;
        lse[n].value = most + log(sum);
        lse[n].error = worst + SINGLE * ((double)keys
                                         + 4 * fabs(lse[n].value));
        for (size_t c = 0; c < d; c++)
            for (size_t j = 0; j < keys; j++) {
                double part = exp(score[j] - most) / sum
                    * at(r->qkv.cpu, place(r, sequence, j, 2, head)
                                     + c);
                out[n * d + c].value += part;
                out[n * d + c].error += each * fabs(part);
            }
    }
}

// Backward in double
static void add(struct about *to, double value, double error)
{
    to->value += value;
    to->error += error;
}

/* what query t tells its key j, and is told */
static void tell(struct about *dqkv, const struct run *r,
                 size_t sequence, size_t t, size_t head, size_t j,
                 double score, double worst)
{
    size_t d = r->s.head_size, row = sequence * r->s.length + t;
    size_t n = row * r->s.heads + head;
    size_t q = place(r, sequence, t, 0, head);
    size_t k = place(r, sequence, j, 1, head);
    size_t v = place(r, sequence, j, 2, head);
    double lse = at(r->lse.cpu, n), along = at(r->along.cpu, n);
    double p = exp(score - lse), root = sqrt((double)d);
    double each = SIXTEENTH + 2 * worst + 8 * SINGLE * fabs(lse)
                + 4 * (double)r->s.length * SINGLE;
    struct about dp = dot(r->dout.cpu, n * d, r->qkv.cpu, v, d);
    double ds = p * (dp.value - along) / root;
    double wrong = fabs(ds) * each
        + p * (dp.error + SINGLE * fabs(along)) / root;
    for (size_t c = 0; c < d; c++) {
        double dy = at(r->dout.cpu, n * d + c);
        double x = at(r->qkv.cpu, q + c), y = at(r->qkv.cpu, k + c);
        add(&dqkv[v + c], p * dy, p * each * fabs(dy));
        add(&dqkv[q + c], ds * y, wrong * fabs(y));
        add(&dqkv[k + c], ds * x, wrong * fabs(x));
    }
}

static void turn_back(struct about *x, const struct run *r, size_t t)
{
    size_t half = r->s.head_size / 2;
    for (size_t i = 0; i < half; i++) {
        struct about a = x[i], b = x[i + half];
        double c = at(r->rotation.cpu, t * half + i);
        double s = at(r->rotation.cpu,
                      r->rotation.cpu.columns + t * half + i);
        double slack = 8 * SINGLE * (fabs(a.value) + fabs(b.value));
        double e = fabs(c), f = fabs(s);
        x[i].value = a.value * c + b.value * s;
        x[i].error = a.error * e + b.error * f + slack;
        x[i + half].value = b.value * c - a.value * s;
        x[i + half].error = b.error * e + a.error * f + slack;
    }
}

static void backward(struct about *dqkv, const struct run *r)
{
    double *score = (double *)(void *)test_reals(2 * r->s.length);
    for (size_t n = 0; n < r->s.sequences * r->s.heads; n++) {
        size_t sequence = n / r->s.heads, head = n % r->s.heads;
        for (size_t t = 0; t < r->s.length; t++) {
            double worst = scores(score, r, sequence, t, head);
            for (size_t j = 0; j <= t; j++)
                tell(dqkv, r, sequence, t, head, j, score[j], worst);
        }
        for (size_t t = 0; t < r->s.length; t++)
            for (size_t part = 0; part < 2; part++)
                turn_back(dqkv + place(r, sequence, t, part, head), r,
                          t);
    }
}

// Tests of attention on tensor cores
static const size_t sizes[] = { 16, 32, 48, 64, 80, 96, 112, 128 };
static const size_t lengths[] = { 1, 2, 15, 16, 17, 63, 64, 65, 100 };
enum { SIZES = 8, LENGTHS = 9 };

/* fails if an element of a fragment is another's, a row or channel of
   a ragged tile is lost, what came before is not rescaled, the mask is
   off by one, the scale is another, or a sum is kept in less than
   single; the cpu in bf16 keeps the same bound */
START_TEST(gpu_bf16_attention_is_within_its_bound)
{
    struct attention_shape s = { .sequences = 1 + (size_t)_i % 2,
        .heads = 1 + (size_t)_i % 3, .length = lengths[_i / SIZES],
        .head_size = sizes[_i % SIZES] };
    size_t T = s.sequences * s.length, C = s.heads * s.head_size;
    struct about *out = abouts(T * C), *lse = abouts(T * s.heads);
    struct about *dqkv = abouts(3 * T * C);
    struct device sixteen;
    struct message m = { 0, "" };
    struct run r = run_of(s, 1);
    ck_assert_msg(device_open(&sixteen, "cpu", "bf16", &m), "%s",
                  m.text);
    device_attend(&sixteen, array_rows(r.out.cpu, 0, T),
                  array_rows(r.lse.cpu, 0, T), r.qkv.cpu,
                  r.rotation.cpu, &s);
    send(r.qkv);                    /* which is turned now */
    forward(out, lse, &r);
    assert_about("the cpu's out", r.out.cpu, out);
    attend_and_back(&r);
    assert_about("out", r.out.cpu, out);
    assert_about("lse", r.lse.cpu, lse);
    backward(dqkv, &r);
    assert_about("dqkv", r.dqkv.cpu, dqkv);
    device_attend_backward(&sixteen, array_rows(r.dqkv.cpu, 0, T),
        r.dout.cpu, r.out.cpu, r.lse.cpu, r.qkv.cpu, r.rotation.cpu,
        &s);
    assert_about("the cpu's dqkv", r.dqkv.cpu, dqkv);
}
END_TEST

/* fails if `first` moves the mask or the rows, or an answer depends on
   where in a tile its query stands: the bits are those of all rows
   asked at once */
START_TEST(gpu_bf16_attention_goes_on_where_it_was)
{
    enum { ALL = 100 };
    struct attention_shape s = { .sequences = 1, .heads = 2,
        .length = ALL, .head_size = sizes[_i] };
    size_t C = s.heads * s.head_size;
    struct run r = run_of(s, 1);
    attend_and_back(&r);
    for (s.first = 37; s.first < ALL; s.first += 31) {
        s.length = ALL - s.first;
        struct run later = run_of(s, 1);
        attend_and_back(&later);
        ck_assert(memcmp(later.out.cpu.at,
                         (bf16 *)r.out.cpu.at + s.first * C,
                         s.length * C * sizeof(bf16)) == 0);
        assert_same(reals(later.lse.cpu),
                    reals(r.lse.cpu) + s.first * s.heads,
                    s.length * s.heads);
    }
}
END_TEST

/* fails if a key is left out or counted twice, by one row or by one
   channel: queries of zeros weigh all keys the same */
START_TEST(gpu_bf16_attention_to_all_keys_is_exact)
{
    enum { T = 128, HEADS = 2 };
    struct attention_shape s = { .sequences = 1, .heads = HEADS,
        .length = T, .head_size = sizes[_i] };
    size_t C = HEADS * s.head_size;
    real *x = test_reals(T * 3 * C), *sum = test_reals(C);
    struct run r = run_of(s, 1);
    fill_integers(x, T * 3 * C, 1, 9);
    for (size_t t = 0; t < T; t++)
        memset(x + t * 3 * C, 0, C * sizeof *x);
    r.qkv = sixteen_pair(ACTIVATION, T, 3 * C, x);
    ck_assert(attend(&r));
    fetch(r.out);
    for (size_t i = 0; i < T * C; i++) {
        size_t t = i / C, c = i % C;
        sum[c] += x[(t * 3 + 2) * C + c];
        float mean = (float)sum[c] / (float)(t + 1);
        ck_assert_msg(((bf16 *)r.out.cpu.at)[i] == bf16_round(mean),
                      "[%zu,%zu] = %g, not %g", t, c,
                      at(r.out.cpu, i), (double)mean);
    }
}
END_TEST

/* fails if a query sees a later key, or a key hears of it */
START_TEST(gpu_bf16_answers_do_not_see_later_rows)
{
    static const size_t later[] = { 1, 63, 65 };
    struct attention_shape s = { .sequences = 1, .length = 70,
                                 .heads = 2, .head_size = 48 };
    struct run r = run_of(s, 1), changed = run_of(s, 1);
    size_t t = later[_i], C = s.heads * s.head_size;
    size_t each = sizeof(bf16);
    real *other = test_reals(s.length * 3 * C);
    fill_normal(other, s.length * 3 * C, 3, 20);
    bf16_store((bf16 *)changed.qkv.cpu.at + 3 * t * C, other,
               3 * (s.length - t) * C);
    memset((bf16 *)changed.dout.cpu.at + t * C, 0,
           (s.length - t) * C * each);
    send(changed.qkv);
    send(changed.dout);
    attend_and_back(&r);
    attend_and_back(&changed);
    ck_assert(memcmp(r.out.cpu.at, changed.out.cpu.at, t * C * each)
              == 0);
    assert_same(reals(changed.lse.cpu), reals(r.lse.cpu), t * s.heads);
    ck_assert(at(changed.out.cpu, t * C) != at(r.out.cpu, t * C));
    for (size_t i = 3 * t * C; i < 3 * s.length * C; i++)
        ck_assert(at(changed.dqkv.cpu, i) == 0);
}
END_TEST

/* fails if blocks race, or add in the order in which they come */
START_TEST(gpu_bf16_attention_repeats_its_bits)
{
    struct attention_shape s = { .sequences = 2, .length = 70,
                                 .heads = 2, .head_size = 32 };
    size_t C = s.heads * s.head_size, T = s.sequences * s.length;
    struct run r = run_of(s, 1);
    for (int n = 0; n <= 20; n++) {
        char order[32];
        struct run again = run_of(s, 1);
        snprintf(order, sizeof order, "random:%d", n);
        setenv("EMULATOR_ORDER", order, 1);
        if (emulator_configure != NULL)
            emulator_configure();
        attend_and_back(n == 0 ? &r : &again);
        if (n == 0)
            continue;
        ck_assert(memcmp(r.out.cpu.at, again.out.cpu.at, T * C * 2)
                  == 0);
        ck_assert(memcmp(r.dqkv.cpu.at, again.dqkv.cpu.at,
                         T * C * 6) == 0);
        assert_same(reals(again.lse.cpu), reals(r.lse.cpu),
                    T * s.heads);
    }
}
END_TEST

/* fails if a stage of the ring is read too early, or refilled */
START_TEST(gpu_attention_versions_give_the_same_bits)
{
    struct attention_shape s = { .sequences = 1, .length = 200,
                                 .heads = 2, .head_size = 64 };
    size_t C = s.heads * s.head_size;
    struct run r = run_of(s, 1), again = run_of(s, 1);
    attend_and_back(&r);
    attention_version2(&gpu, again.out.gpu, again.lse.gpu,
                       again.qkv.gpu, &s);
    fetch(again.out);
    fetch(again.lse);
    ck_assert(memcmp(again.out.cpu.at, r.out.cpu.at, s.length * C * 2)
              == 0);
    assert_same(reals(again.lse.cpu), reals(r.lse.cpu),
                s.length * s.heads);
}
END_TEST

/* fails if what the kernels cannot do is done, wrongly */
START_TEST(gpu_bf16_attention_refuses_other_shapes)
{
    static const size_t other[] = { 8, 24, 144, 16, 16 };
    struct run r = run_of((struct attention_shape){ .sequences = 1,
        .length = 2, .heads = 1, .head_size = other[_i] }, 1);
    struct run kept = r;
    if (_i == 3)
        r.qkv.gpu.at = (bf16 *)r.qkv.gpu.at + 1;
    if (_i == 4)
        r.out.gpu.format = F32;
    ck_assert(!attend(&r));
    if (_i == 4)
        r.dqkv.gpu.format = F32;
    ck_assert(!attend_backward(&r));
    fetch(kept.out);
    fetch(kept.dqkv);
    for (size_t i = 0; i < 2 * other[_i]; i++)
        ck_assert(isnan(at(kept.out.cpu, i))
                  && isnan(at(kept.dqkv.cpu, i)));
}
END_TEST

/* fails if a kernel is launched with no blocks */
START_TEST(gpu_bf16_attention_of_no_rows_does_nothing)
{
    struct run r = run_of((struct attention_shape){ .sequences = 1,
        .length = 2, .heads = 1, .head_size = 16 }, 1);
    r.s.sequences = 0;
    attend_and_back(&r);
    for (size_t i = 0; i < 32; i++)
        ck_assert(isnan(at(r.out.cpu, i)) && isnan(at(r.dqkv.cpu, i)));
}
END_TEST

/* fails if the gpu in bf16 asks other kernels, or turns the gradients
   of queries and keys twice or not at all */
START_TEST(gpu_in_bf16_attends_on_tensor_cores)
{
    struct attention_shape s = { .sequences = 2, .length = 70,
                                 .heads = 2, .head_size = 32 };
    size_t T = s.sequences * s.length, C = s.heads * s.head_size;
    struct device narrow;
    struct message m = { 0, "" };
    struct run r = run_of(s, 1);
    if (!device_open(&narrow, "gpu", "bf16", &m))
        return;                 /* which a later chapter brings */
    struct pair out = sixteen_pair(ACTIVATION, T, C, NULL);
    struct pair dqkv = sixteen_pair(GRADIENT, T, 3 * C, NULL);
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
    device_attend(&narrow, out.gpu, array_rows(r.lse.gpu, 0, T),
                  r.qkv.gpu, r.rotation.gpu, &s);
    device_attend_backward(&narrow, dqkv.gpu, r.dout.gpu, out.gpu,
                           r.lse.gpu, r.qkv.gpu, r.rotation.gpu, &s);
    ck_assert_msg(device_finish(&narrow, &m), "%s", m.text);
    fetch(r.qkv);
    attend_and_back(&r);
    fetch(out);
    fetch(dqkv);
    ck_assert(memcmp(out.cpu.at, r.out.cpu.at, T * C * 2) == 0);
    size_t different = 0;       /* D is added up otherwise */
    for (size_t i = 0; i < T * 3 * C; i++)
        different += at(dqkv.cpu, i) != at(r.dqkv.cpu, i);
    ck_assert_msg(different < T * C / 50, "%zu differ", different);
}
END_TEST

// Tests of attention to one key
/* fails if p is not 1 where one key has all the weight, or an element
   goes to another row or channel: each query asks for one key, by a
   code, and all numbers are small integers */
START_TEST(gpu_bf16_attention_to_one_key_is_exact)
{
    enum { T = 100, HEADS = 2 };
    struct attention_shape s = { .sequences = 1, .heads = HEADS,
        .length = T, .head_size = sizes[_i] };
    size_t d = s.head_size, C = HEADS * d, asks[T][HEADS];
    real *x = test_reals(T * 3 * C), *dy = test_reals(T * C);
    real *dv = test_reals(T * C);
    struct run r = run_of(s, 1);
    fill_integers(x, T * 3 * C, 1, 9);
    fill_integers(dy, T * C, 2, 9);
    for (size_t n = 0; n < T * HEADS; n++) {
        size_t t = n / HEADS, h = n % HEADS;
        size_t j = (size_t)random_below(3, 0, n, t + 1);
        asks[t][h] = j;
        for (size_t c = 0; c < d; c++) {
            real *q = &x[place(&r, 0, t, 0, h) + c];
            q[0] = c > 6 ? 0 : j >> c & 1 ? 2048 : -2048;
            q[C] = c > 6 ? 0 : t >> c & 1 ? 1 : -1;
            dv[j * C + h * d + c] += dy[t * C + h * d + c];
        }
    }
    r.qkv = sixteen_pair(ACTIVATION, T, 3 * C, x);
    r.dout = sixteen_pair(GRADIENT, T, C, dy);
    attend_and_back(&r);
    for (size_t i = 0; i < T * C; i++) {
        size_t t = i / C, h = i % C / d, c = i % d;
        size_t v = place(&r, 0, asks[t][h], 2, h) + c;
        ck_assert(at(r.out.cpu, i) == (double)x[v]);
        ck_assert(at(r.dqkv.cpu, place(&r, 0, t, 0, h) + c) == 0);
        ck_assert(at(r.dqkv.cpu, place(&r, 0, t, 1, h) + c) == 0);
        ck_assert(at(r.dqkv.cpu, place(&r, 0, t, 2, h) + c)
                  == (double)dv[i]);
    }
}
END_TEST

Suite *gpu_attention16_suite(void);
Suite *gpu_attention16_suite(void)
{
    Suite *s = suite_create("gpu_attention16");
    TCase *c = tcase_create("gpu_attention16");
    suite_add_tcase(s, c);
    tcase_set_timeout(c, 120);
    tcase_add_loop_test(c, gpu_bf16_attention_is_within_its_bound, 0,
                        SIZES * LENGTHS);
    tcase_add_loop_test(c, gpu_bf16_attention_goes_on_where_it_was, 0,
                        SIZES);
    tcase_add_loop_test(c, gpu_bf16_attention_to_one_key_is_exact, 0,
                        SIZES);
    tcase_add_loop_test(c, gpu_bf16_attention_to_all_keys_is_exact, 0,
                        SIZES);
    tcase_add_loop_test(c, gpu_bf16_answers_do_not_see_later_rows, 0,
                        3);
    tcase_add_test(c, gpu_bf16_attention_repeats_its_bits);
    tcase_add_test(c, gpu_attention_versions_give_the_same_bits);
    tcase_add_loop_test(c, gpu_bf16_attention_refuses_other_shapes, 0,
                        5);
    tcase_add_test(c, gpu_bf16_attention_of_no_rows_does_nothing);
    tcase_add_test(c, gpu_in_bf16_attends_on_tensor_cores);
    return s;
}
