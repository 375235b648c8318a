#include "support/pair.h"
#include "ground/random.h"
#include "layers/optimizer.h"
#include "support/suite.h"

// Tests of words on the gpu
static const size_t tokens[] = { 0, 1, 8, 64, 300 };
static const size_t words[] = { 13, 256, 1000 };

/* fails if two gradients of a word are added out of order, or one is
   lost, or a row besides the words' own is touched */
START_TEST(gpu_words_are_the_cpus_to_the_bit)
{
    struct message m = { 0, "" };
    size_t T = tokens[_i / 3], V = words[_i % 3];
    size_t C = V == 256 ? 300 : 20;
    struct pair id = pair_tokens(T + 1, 1, V < 100 ? 5 : V);
    struct pair w = pair_normal(MASTER, V, C, 2, 1);
    struct pair dw = pair_normal(MASTER, V, C, 3, 1);
    struct pair out = pair_unset(STREAM, T + 1, C);
    struct pair dout = pair_normal(GRADIENT, T + 1, C, 4, 1e5);
    device_embed(&cpu, array_rows(out.cpu, 0, T), id.cpu, w.cpu);
    device_embed(&gpu, array_rows(out.gpu, 0, T), id.gpu, w.gpu);
    pair_same("out", out);
    device_embed_backward(&cpu, dw.cpu, array_rows(dout.cpu, 0, T),
                          id.cpu);
    device_embed_backward(&gpu, dw.gpu, array_rows(dout.gpu, 0, T),
                          id.gpu);
    pair_same("dw", dw);
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}
END_TEST

// Tests of the gate on the gpu
/* fails if a row is lost, gate and up are exchanged, or what backward
   still needs is overwritten */
START_TEST(gpu_gate_is_the_cpus)
{
    struct message m = { 0, "" };
    static const size_t rows[] = { 0, 1, 8, 64, 100 };
    static const size_t widths[] = { 8, 300, 1, 64, 37 };
    size_t T = rows[_i], H = widths[_i];
    struct pair x = pair_normal(ACTIVATION, T + 1, 2 * H, 1, 4);
    struct pair y = pair_unset(ACTIVATION, T + 1, H);
    struct pair dx = pair_unset(GRADIENT, T + 1, 2 * H);
    struct pair dy = pair_normal(GRADIENT, T + 1, H, 2, 1e5);
    reals(x.cpu)[0] = 100, reals(x.cpu)[1] = -100;
    pair_upload(x);
    device_gate(&cpu, array_rows(y.cpu, 0, T), x.cpu);
    device_gate(&gpu, array_rows(y.gpu, 0, T), x.gpu);
    device_gate_backward(&cpu, array_rows(dx.cpu, 0, T), dy.cpu, x.cpu);
    device_gate_backward(&gpu, array_rows(dx.gpu, 0, T), dy.gpu, x.gpu);
    for (size_t h = 0; h < H; h++)
        ck_assert(isnan(pair_reals(y)[T * H + h]));
    if (T > 0) {
        y.cpu.rows = y.gpu.rows = dx.cpu.rows = dx.gpu.rows = T;
        pair_close("hidden", y, 16 * (double)REAL_EPSILON);
        pair_close("dgate_up", dx, 16 * (double)REAL_EPSILON);
        struct array g = array_as(array_rows(x.gpu, 0, T), GRADIENT,
                                  F32);
        device_gate_backward(&gpu, g, dy.gpu, x.gpu);
        assert_same(pair_reals(x), pair_reals(dx), 2 * T * H);
    }
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}
END_TEST

// Tests of the loss on the gpu
struct losses { struct pair each, lse, logits, target; };

static struct losses losses_of(size_t T, size_t V, double offset)
{
    struct losses l = {
        pair_unset(EXACT, T + 1, 1), pair_unset(EXACT, T + 1, 1),
        pair_normal(EXACT, T + 1, V, 1, 3), pair_tokens(T + 1, 2, V) };
    for (size_t i = 0; i < (T + 1) * V; i++)
        reals(l.logits.cpu)[i] += (real)offset;
    pair_upload(l.logits);
    device_loss(&cpu, array_rows(l.each.cpu, 0, T), l.lse.cpu,
                l.logits.cpu, l.target.cpu);
    device_loss(&gpu, array_rows(l.each.gpu, 0, T), l.lse.gpu,
                l.logits.gpu, l.target.gpu);
    return l;
}

static void losses_back(struct losses *l, size_t T, double scale)
{
    device_loss_backward(&cpu, array_rows(l->logits.cpu, 0, T),
                         l->lse.cpu, l->target.cpu, scale);
    device_loss_backward(&gpu, array_rows(l->logits.gpu, 0, T),
                         l->lse.gpu, l->target.gpu, scale);
}

/* fails if a lane's share is lost, the target is another row's, or a
   warp without a row writes */
START_TEST(gpu_loss_is_the_cpus)
{
    struct message m = { 0, "" };
    size_t T = tokens[_i / 3], V = words[_i % 3];
    struct losses l = losses_of(T, V, 0);
    losses_back(&l, T, 0.125);
    const real *each = pair_reals(l.each), *back = pair_reals(l.logits);
    ck_assert(isnan(each[T]));
    assert_same(back + T * V, reals(l.logits.cpu) + T * V, V);
    if (T > 0) {
        assert_close(each, reals(l.each.cpu), T, 16 * REAL_EPSILON);
        assert_close(pair_reals(l.lse), reals(l.lse.cpu), T,
                     16 * REAL_EPSILON);
        for (size_t i = 0; i < T * V; i++) {
            double want = (double)reals(l.logits.cpu)[i];
            double p = want < 0 ? 0.125 : want;
            ck_assert(fabs((double)back[i] - want) <= p * 0x1p-18);
        }
    }
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}
END_TEST

/* fails if the largest logit is not subtracted before the target's */
START_TEST(gpu_loss_survives_a_common_offset)
{
    struct losses l = losses_of(64, 100, 1e4);
    losses_back(&l, 64, 1);
    assert_close(pair_reals(l.each), reals(l.each.cpu), 64,
                 16 * REAL_EPSILON);
    const real *back = pair_reals(l.logits);
    for (size_t t = 0; t < 64; t++) {
        double sum = 0;
        for (size_t v = 0; v < 100; v++)
            sum += (double)back[t * 100 + v];
        ck_assert(fabs(sum) < 1e-3);
    }
}
END_TEST

/* fails if a NaN is lost in a comparison */
START_TEST(gpu_loss_shows_what_is_not_a_number)
{
    for (size_t v = 0; v < 40; v += 13) {
        struct losses l = losses_of(9, 40, 0);
        reals(l.logits.cpu)[3 * 40 + v] = NAN;
        pair_upload(l.logits);
        device_loss(&gpu, array_rows(l.each.gpu, 0, 9), l.lse.gpu,
                    l.logits.gpu, l.target.gpu);
        for (size_t t = 0; t < 9; t++)
            ck_assert(isnan(pair_reals(l.each)[t]) == (t == 3));
    }
}
END_TEST

/* fails if a thread's losses are left out, or the sum is in single */
START_TEST(gpu_mean_of_losses_is_the_cpus)
{
    static const size_t rows[] = { 1, 8, 255, 257, 3000 };
    struct pair each = pair_normal(EXACT, rows[_i], 1, 1, 1);
    struct pair sum = pair_unset(SUM, 1, 2);
    for (size_t t = 0; t < rows[_i]; t++)
        reals(each.cpu)[t] =
            3 + (real)fabs((double)reals(each.cpu)[t]);
    pair_upload(each);
    device_mean(&cpu, sum.cpu, each.cpu, 0.3, false);
    device_mean(&gpu, sum.gpu, each.gpu, 0.3, false);
    pair_same("mean", sum);
    device_mean(&cpu, sum.cpu, each.cpu, 0.7, true);
    device_mean(&gpu, sum.gpu, each.gpu, 0.7, true);
    double got = *(const double *)pair_reals(sum);
    ck_assert(fabs(got / *doubles(sum.cpu) - 1) <= 0x1p-52);
}
END_TEST

// Tests of the update on the gpu
/* fails if a slice begins or ends at a wrong weight, or the order of
   the slices is chance */
START_TEST(gpu_gradient_norm_is_the_cpus)
{
    static const size_t counts[] = { 1, 255, 2049, 30000 };
    struct pair x = pair_normal(MASTER, 1, counts[_i], 1, 1e5);
    struct pair sum = pair_unset(SUM, 1, 2);
    device_gradient_norm(&cpu, sum.cpu, x.cpu);
    device_gradient_norm(&gpu, sum.gpu, x.gpu);
    const double *got = (const double *)pair_reals(sum);
    ck_assert(got[0] == doubles(sum.cpu)[0]);
    ck_assert(fabs(got[1] / doubles(sum.cpu)[1] - 1)
              <= (double)counts[_i] * 0x1p-53);
    device_gradient_norm(&gpu, sum.gpu, x.gpu);
    ck_assert(((const double *)pair_reals(sum))[1] == got[1]);
}
END_TEST

struct step { struct pair weight, first, second, gradient, sum, adamw;
              struct segment segment[200]; size_t count; };

/* 200 segments of 1 to 40 weights, with gaps; one of 3000 */
static struct step step_of(double loss, double norm, double clip)
{
    struct step p = { .count = 0 };
    const double set[ADAMW_NUMBERS] = {
        [ADAMW_RATE] = 0.01, [ADAMW_DECAY] = 0.1, [ADAMW_BETA1] = 0.9,
        [ADAMW_BETA2] = 0.95, [ADAMW_EPSILON] = 1e-8,
        [ADAMW_CLIP] = clip, [ADAMW_STEP] = 3 };
    for (size_t k = 0; k < 200; k++) {
        size_t long_one = k == 150 ? 3000 : 0;
        p.segment[k] = (struct segment){ p.count, long_one + 1
            + random_below(5, 0, k, 40), k % 3 == 0 };
        p.count += p.segment[k].count + k % 2;
    }
    p.weight = pair_normal(MASTER, 1, p.count, 1, 1);
    p.first = pair_normal(MASTER, 1, p.count, 2, 1);
    p.second = pair_normal(MASTER, 1, p.count, 3, 1);
    p.gradient = pair_normal(MASTER, 1, p.count, 4, 2);
    for (size_t i = 0; i < p.count; i++)
        reals(p.second.cpu)[i] *= reals(p.second.cpu)[i];
    pair_upload(p.second);
    p.sum = pair_unset(SUM, 1, 2);
    doubles(p.sum.cpu)[0] = loss, doubles(p.sum.cpu)[1] = norm;
    pair_upload(p.sum);
    p.adamw = pair_unset(SUM, 1, ADAMW_NUMBERS);
    memcpy(p.adamw.cpu.at, set, sizeof set);
    pair_upload(p.adamw);
    return p;
}

static void step_both(struct step *p)
{
    device_step(&cpu, p->weight.cpu, array_as(p->weight.cpu, WORKING,
                REAL_FORMAT), p->first.cpu, p->second.cpu,
                p->gradient.cpu, p->sum.cpu, p->adamw.cpu, p->segment,
                200);
    device_step(&gpu, p->weight.gpu, array_as(p->weight.gpu, WORKING,
                F32), p->first.gpu, p->second.gpu, p->gradient.gpu,
                p->sum.gpu, p->adamw.gpu, p->segment, 200);
}

/* fails if a segment is left out, its decay is another's, a gap moves,
   or the gradient is not clipped */
START_TEST(gpu_step_is_the_cpus)
{
    static const double clips[] = { 0, 1, 100 };
    struct step p = step_of(2, 50, clips[_i]);
    real *before = test_reals(p.count);
    memcpy(before, p.weight.cpu.at, p.count * sizeof(real));
    step_both(&p);
    pair_close("weight", p.weight, 4 * REAL_EPSILON);
    pair_close("first", p.first, 4 * REAL_EPSILON);
    pair_close("second", p.second, 4 * REAL_EPSILON);
    const real *got = pair_reals(p.weight);
    for (size_t i = 0; i < p.count; i++)
        ck_assert((got[i] == before[i])
                  == (reals(p.weight.cpu)[i] == before[i]));
}
END_TEST

/* fails if a loss or a norm that is not finite moves a weight */
START_TEST(gpu_step_moves_nothing_if_not_finite)
{
    static const double loss[] = { NAN, 1, INFINITY };
    static const double norm[] = { 1, INFINITY, NAN };
    struct step p = step_of(loss[_i], norm[_i], 1);
    const real *weight = pair_reals(p.weight);
    const real *first = pair_reals(p.first);
    step_both(&p);
    assert_same(pair_reals(p.weight), weight, p.count);
    assert_same(pair_reals(p.first), first, p.count);
}
END_TEST

Suite *gpu_layers_suite(void);
Suite *gpu_layers_suite(void)
{
    Suite *s = suite_create("gpu_layers");
    TCase *c = tcase_create("gpu_words");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_words_are_the_cpus_to_the_bit, 0, 15);
    c = tcase_create("gpu_gate");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_gate_is_the_cpus, 0, 5);
    c = tcase_create("gpu_loss");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_loss_is_the_cpus, 0, 15);
    tcase_add_test(c, gpu_loss_survives_a_common_offset);
    tcase_add_test(c, gpu_loss_shows_what_is_not_a_number);
    tcase_add_loop_test(c, gpu_mean_of_losses_is_the_cpus, 0, 5);
    c = tcase_create("gpu_update");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_gradient_norm_is_the_cpus, 0, 4);
    tcase_add_loop_test(c, gpu_step_is_the_cpus, 0, 3);
    tcase_add_loop_test(c, gpu_step_moves_nothing_if_not_finite, 0, 3);
    return s;
}
