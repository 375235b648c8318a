#include "support/cpu.h"
#include "model/kinds.h"
#include "ground/random.h"
#include "mix/gates.h"
#include "boundary/absorb.h"
#include "boundary/whole.h"
#include "model/model.h"
#include "mix/deepseek.h"
#include "mix/sinkhorn.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"
#include <fenv.h>
#include <omp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

// Golden numbers
enum { N = 4, WIDE = 2, OUTPUTS = 2 * N + N * N,
       GOLDEN = OUTPUTS + WIDE + N * WIDE };

static const enum mix mixes[] = { MIX_SINKHORN, MIX_RELEASED };
/* three iterations: pre, post, res, input, next stream */
static const double golden[2][GOLDEN] = { {
    // Golden numbers of the paper's form
    0.216756127, 0.355993805, 0.452177580, 0.387212969,
    0.956434747, 1.141382125, 0.759279125, 0.347929323,
    0.497520267, 0.255794440, 0.174274041, 0.072411252,
    0.013170121, 0.577955727, 0.177070854, 0.231803298,
    0.307286771, 0.031948171, 0.168944789, 0.491820269,
    0.176820353, 0.142689359, 0.480741235, 0.199749053,
    0.159525694, -0.493968342,
    0.913577156, -1.692623525,
    1.842022636, -3.106719376,
    0.685495579, -1.896477659,
    0.877900781, -0.720980615,
}, {
    // Golden numbers of DeepSeek's form
    0.216757127, 0.355994805, 0.452178580, 0.387213969,
    0.956434747, 1.141382125, 0.759279125, 0.347929323,
    0.499238844, 0.013580087, 0.307889169, 0.179290924,
    0.249370940, 0.578963584, 0.031100377, 0.140564084,
    0.172434019, 0.180024199, 0.166910165, 0.480630609,
    0.072157978, 0.237351199, 0.489357820, 0.201132001,
    0.159525194, -0.493969342,
    1.057982145, -1.542202538,
    1.314385300, -2.807652831,
    0.890317603, -2.163639262,
    1.047127747, -0.918070959,
} };

// Make the example and run it
#ifdef REAL_IS_DOUBLE
#define CLOSE 1e-8
#else
#define CLOSE 2e-6
#endif

typedef void mistake(real *coefficients, const struct layout *,
                     const real *bias);
static const real alpha[3] = { 0.5, 0.75, 1.25 };

static void golden_of(real want[], size_t k)
{
    for (size_t i = 0; i < GOLDEN; i++)
        want[i] = (real)golden[k][i];
}

static void run_example(real got[], enum mix mix, mistake *make)
{
    struct layout l = layout_of(mix, N, WIDE, 3);
    real x[N * WIDE], phi[OUTPUTS * N * WIDE], bias[OUTPUTS], row[64];
    const real answer[WIDE] = { 1.5, -2 };
    for (int i = 0; i < N * WIDE; i++)
        x[i] = (real)(5 * i % 7 - 3) / 2;
    for (int k = 0; k < OUTPUTS; k++) {
        bias[k] = (real)(3 * k % 5 - 2) / 4;
        for (int i = 0; i < N * WIDE; i++)
            phi[k * N * WIDE + i] =
                (real)((7 * k + 3 * i + k * i) % 11 - 5) / 8;
    }
    mixing_coefficients(row, x, phi, alpha, bias, &l, 1);
    if (make != NULL)
        make(row, &l, bias);
    memcpy(got, row, OUTPUTS * sizeof(real));
    mixing_read(got + OUTPUTS, x, row, &l, 1);
    mixing_write(got + OUTPUTS + WIDE, x, answer, row, &l, 1);
}

/* fails if the mix is transposed, or makes an iteration too many,
   forward and backward alike */
START_TEST(coefficients_read_and_write_give_the_golden_numbers)
{
    real got[GOLDEN], want[GOLDEN];
    golden_of(want, (size_t)_i);
    run_example(got, mixes[_i], NULL);
    assert_close(got, want, GOLDEN, CLOSE);
}
END_TEST

// Golden numbers notice mistakes
static void transpose(real *row, const struct layout *l,
                      const real *bias)
{
    (void)l; (void)bias;
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < i; j++) {
            real *a = row + 2 * N + i * N + j;
            real *b = row + 2 * N + j * N + i, kept = *a;
            *a = *b;
            *b = kept;
        }
}

static void halve_post(real *row, const struct layout *l,
                       const real *bias)
{
    (void)l; (void)bias;
    for (size_t i = N; i < 2 * N; i++)
        row[i] /= 2;
}

// More mistakes
static void rows_first(real *row, const struct layout *l,
                       const real *bias)
{
    real logits[N * N], turned[N * N], matrix[N * N];
    mix_logits(logits, row, alpha, bias, l, 1);
    for (size_t i = 0; i < N * N; i++)
        turned[i] = logits[i % N * N + i / N];
    (l->mix == MIX_SINKHORN ? sinkhorn_forward : deepseek_forward)
        (matrix, turned, 1, N, l->iterations);
    memcpy(row + 2 * N, matrix, sizeof matrix);
    transpose(row, l, bias);
}

static void pack_otherwise(real *row, const struct layout *l,
                           const real *bias)
{
    (void)l; (void)bias;
    for (size_t i = 0; i < N; i++) {
        real post = row[N + i];
        row[N + i] = row[i];
        row[i] = post;
    }
}

static void no_norm(real *row, const struct layout *l,
                    const real *bias)
{
    row[layout_rms(l)] = 1;
    mix_forward(row, alpha, bias, l, 1);
}

static void other_form(real *row, const struct layout *l,
                       const real *bias)
{
    struct layout other = *l;
    other.mix = mixes[l->mix == MIX_SINKHORN];
    mix_forward(row, alpha, bias, &other, 1);
}

static mistake *const mistakes[] = {
    transpose, halve_post, rows_first, pack_otherwise, no_norm,
    other_form
};

/* fails if the example is so symmetric that a transposed mix gives
   the same numbers */
START_TEST(the_golden_numbers_notice_every_mistake)
{
    for (size_t k = 0; k < 2; k++) {
        real got[GOLDEN], want[GOLDEN];
        golden_of(want, k);
        run_example(got, mixes[k], mistakes[_i]);
        ck_assert(!compare_arrays(NULL, "", got, want,
                                  (size_t[]){ GOLDEN }, 1, 1e-3));
    }
}
END_TEST

// Mixes of any tokens
static const enum mix all_mixes[] = {
    MIX_SINKHORN, MIX_RELEASED, MIX_IDENTITY
};

enum { T = 130 };       /* more tokens than two blocks */

/* fails if a block of gates or matrices takes a row of another token */
START_TEST(a_tokens_coefficients_do_not_depend_on_the_others)
{
    struct layout l = layout_of(all_mixes[_i % 3], (size_t)_i / 3 + 1,
                                3, 20);
    size_t K = layout_row(&l);
    real *all = test_reals(T * K), *one = test_reals(T * K);
    real *bias = test_reals(MIX_OUTPUTS);
    fill_normal(bias, MIX_OUTPUTS, 1, 2);
    fill_normal(all, T * K, 2, 2);
    memcpy(one, all, T * K * sizeof(real));
    mix_forward(all, alpha, bias, &l, T);
    for (size_t t = 0; t < T; t++)
        mix_forward(one + t * K, alpha, bias, &l, 1);
    assert_same(one, all, T * K);
}
END_TEST

/* fails if the way back of a block takes the coefficients of another
   token */
START_TEST(a_tokens_gradients_do_not_depend_on_the_others)
{
    struct layout l = layout_of(all_mixes[_i % 3], (size_t)_i / 3 + 1,
                                3, 20);
    enum { SUMS = 3 + MIX_OUTPUTS };     /* dalpha, dbias */
    size_t K = layout_row(&l);
    real *x = test_reals(T * K), *bias = test_reals(MIX_OUTPUTS);
    real *all = test_reals(T * K), *one = test_reals(T * K);
    real *sums = test_reals(SUMS), *added = test_reals(SUMS);
    fill_normal(bias, MIX_OUTPUTS, 1, 2);
    fill_normal(x, T * K, 2, 2);
    fill_normal(all, T * K, 3, 1);
    memcpy(one, all, T * K * sizeof(real));
    mix_forward(x, alpha, bias, &l, T);
    mix_backward(all, sums, sums + 3, x, alpha, bias, &l, T);
    for (size_t t = 0; t < T; t++)
        mix_backward(one + t * K, added, added + 3, x + t * K, alpha,
                     bias, &l, 1);
    assert_same(one, all, T * K);
    assert_close(added, sums, SUMS, 1e-4);
}
END_TEST

/* fails if the exponential of a gate overflows to infinity over
   infinity */
START_TEST(gates_stay_between_zero_and_two_for_any_finite_logits)
{
    struct layout l = layout_of(MIX_IDENTITY, 2, 1, 1);
    const real bias[4] = { (real)1e4, (real)-1e4, (real)-1e4,
                           (real)1e4 };
    real row[16] = { 0 };
    gates_forward(row, alpha, bias, &l, 1);
    assert_close(row, ((real[]){ 1, 0, 0, 2 }), 4, 1e-30);
}
END_TEST

/* fails if the kind without a mix packs its outputs in another order */
START_TEST(identity_reads_and_writes_as_mhc_and_does_not_mix)
{
    real got[GOLDEN], want[GOLDEN];
    golden_of(want, 0);
    for (size_t i = 0; i < N * N; i++)
        want[2 * N + i] = i / N == i % N;
    run_example(got, MIX_IDENTITY, NULL);
    assert_close(got, want, OUTPUTS + WIDE, CLOSE);
}
END_TEST

/* fails if the other streams do not share what the own one leaves,
   or one stream divides by none */
START_TEST(reading_starts_with_a_sum_of_one_and_divides_by_nothing)
{
    double sum = 0;
    size_t n = (size_t)_i;
    feclearexcept(FE_ALL_EXCEPT);
    for (size_t k = 0; k < 2 * n + n * n; k++) {
        double start = mhc_start(k, n, 5);
        sum += k < n ? 1 / (1 + exp(-start)) : 0;
    }
    ck_assert(!fetestexcept(FE_DIVBYZERO | FE_INVALID));
    ck_assert(fabs(sum - 1) < (n == 1 ? 4e-4 : 1e-14));
}
END_TEST

/* fails if more iterates are written than there is room for */
START_TEST(deepseek_takes_eight_streams_and_a_hundred_iterations)
{
    real x[81] = { 0 };
    if (_i == 0)
        deepseek_forward(x, x, 1, 2, 101);
    else
        deepseek_backward(x, x, x, 1, _i == 1 ? 2 : 9, _i == 1 ? 0 : 1);
}
END_TEST

/* fails if the mix starts from other logits than 0 and -8, or every
   site with the same stream */
START_TEST(a_site_starts_with_its_own_stream_and_near_the_identity)
{
    real logits[N * N], mix[N * N];
    for (size_t k = 0; k < N; k++)
        ck_assert((mhc_start(k, N, 6) == 1) == (k == 2));
    for (size_t k = 0; k < N * N; k++)
        logits[k] = (real)mhc_start(2 * N + k, N, 6);
    sinkhorn_forward(mix, logits, 1, N, 20);
    for (size_t k = 0; k < N * N; k++)
        ck_assert(k % (N + 1) == 0 ? mix[k] > 0.9989 && mix[k] < 0.9991
                                   : mix[k] > 3e-4 && mix[k] < 4e-4);
}
END_TEST

// Mixes against differences
#ifdef REAL_IS_DOUBLE
enum { PARTS = 3 };     /* raw and inverse_rms, alpha, bias */
struct mapped {
    struct layout layout;
    real *part[PARTS], *weight;
};

static double weighted(void *context)
{
    const struct mapped *m = context;
    size_t K = layout_row(&m->layout);
    double sum = 0;
    mix_forward(m->part[0], m->part[1], m->part[2], &m->layout, 3);
    for (size_t i = 0; i < 3 * K; i++)
        if (i % K < layout_raw(&m->layout))
            sum += m->weight[i] * m->part[0][i];
    return sum;
}

/* fails if the factor 2 or the root is missing on the way back
   through the gates */
START_TEST(maps_backward_give_the_slopes_of_forward)
{
    struct mapped m = { .layout = layout_of(
        all_mixes[_i % 3], (size_t)_i / 3 + 1, 1, 3) };
    // Fill all parts and go back
    size_t K = layout_row(&m.layout);
    size_t raw = layout_raw(&m.layout), parts = 3;
    for (uint64_t i = 0; i < PARTS; i++)
        fill_normal(m.part[i] = test_reals(3 * K), 3 * K, i, 1);
    fill_normal(m.weight = test_reals(3 * K), 3 * K, 9, 1);
    for (size_t t = 0; t < 3; t++)
        m.part[0][t * K + K - 1] = 1;
    weighted(&m);
    real *dalpha = test_reals(3), *dbias = test_reals(3 * K);
    mix_backward(m.weight, dalpha, dbias, m.part[0], m.part[1], m.part[2],
                 &m.layout, 3);
    real *const at[] = { m.part[0] + raw, m.part[1], m.part[2] };
    real *const d[] = { m.weight + raw, dalpha, dbias };
    const size_t count[] = { m.layout.outputs, 3, m.layout.outputs };
    for (size_t i = 0; i < parts; i++)
        assert_gradient(difference_check(weighted, &m, at[i], d[i],
                                         count[i]));
}
END_TEST
#endif

// A mix that is absorbed is not missed
enum { STEPS = 12,
       WHOLE = 2 * MIX_STREAMS + MIX_STREAMS * MIX_STREAMS };

/* what is read at all sites, of width 1; res is left out if gates are
   given */
static void read_all(real *read, const real *rows, const real *gates,
                     size_t n)
{
    struct layout l = { .streams = n, .width = 1 };
    real x[MIX_STREAMS], next[MIX_STREAMS], row[WHOLE];
    for (size_t i = 0; i < n; i++)
        x[i] = 1;
    for (size_t s = 0; s < STEPS; s++) {
        const real answer = (real)(s % 3) - (real)0.7;
        memcpy(row, rows + s * layout_row(&l),
               layout_row(&l) * sizeof *row);
        for (size_t i = 0; gates != NULL && i < n * n; i++)
            row[2 * n + i] = i / n == i % n;
        if (gates != NULL)
            memcpy(row, gates + s * 2 * n, 2 * n * sizeof *row);
        mixing_read(read + s, x, row, &l, 1);
        mixing_write(next, x, &answer, row, &l, 1);
        memcpy(x, next, sizeof x);
    }
}

/* fails if the inverse takes in one mix too few, or a pivot of zero is
   divided by */
START_TEST(a_mix_that_is_absorbed_is_not_missed)
{
    size_t n = (size_t)_i, K = 2 * n + n * n;
    real rows[STEPS * WHOLE], gates[STEPS * 2 * MIX_STREAMS];
    real want[STEPS], got[STEPS];
    double moved = 0;
    fill_normal(rows, STEPS * K, n, 0.05);
    for (size_t i = 0; i < STEPS * K; i++) {
        size_t s = i / K, at = i % K;
        bool one = at < 2 * n
            || (at - 2 * n) / n == ((at - 2 * n) % n + s) % n;
        rows[i] = one + (at < 2 * n || n % 2 == 1 ? rows[i] : 0);
    }
    absorb(gates, rows, STEPS, n);
    read_all(want, rows, NULL, n);
    read_all(got, rows, gates, n);
    assert_close(got, want, STEPS, 1e-4);
    for (size_t i = 0; i < STEPS * 2 * n; i++)
        moved = fmax(moved, fabs((double)(gates[i]
                     - rows[i / (2 * n) * K + i % (2 * n)])));
    ck_assert_double_gt(moved, 0.1);
}
END_TEST

// DeepSeek's mix is the paper's, transposed
/* fails if DeepSeek's form is not transposed at the end, or has one
   half step too many */
START_TEST(the_mix_of_deepseek_is_the_papers_of_transposed_logits)
{
    size_t n = (size_t)_i, count = 1031;
    real *logits = test_reals(count * n * n), *got, *want, *turned;
    real *d = test_reals(count * n * n);
    got = test_reals(count * n * n);
    want = test_reals(count * n * n);
    turned = test_reals(count * n * n);
    fill_normal(d, count * n * n, 2, 1);
    fill_normal(logits, count * n * n, 1, 1);
    for (size_t i = 0; i < count * n * n; i++)
        turned[i] = logits[i / (n * n) * n * n + i % n * n + i / n % n];
    for (size_t iterations = 1; iterations < 4; iterations++) {
        deepseek_forward(got, logits, count, n, iterations);
        sinkhorn_forward(want, turned, count, n, iterations);
        assert_close(got, want, count * n * n, 1e-4);
        deepseek_backward(got, d, logits, count, n, iterations);
        sinkhorn_backward(want, d, turned, count, n, iterations);
        for (size_t i = 0; i < count * n * n; i++) {
            size_t at = i / (n * n) * n * n + i % n * n + i / n % n;
            ck_assert(fabs((double)(got[i] - want[at])) < 1e-4);
        }
    }
}
END_TEST

// Small models of mHC
enum { WORDS = 11, SITES = 5 };

static struct model open_as(const struct connection *k, size_t streams,
                            size_t iterations)
{
    struct model m = whole_open(k, streams, 0);
    for (size_t s = 0; s < SITES; s++)
        m.site[s].layout.iterations = iterations;
    return m;
}

// Run, and look into a small model
static double run(struct model *m)
{
    memset(reals(m->gradients), 0, m->parameters.count * sizeof(real));
    return whole_run(m);
}

static void descend(struct model *m, size_t steps)
{
    for (size_t s = 0; s < steps; s++) {
        run(m);
        for (size_t i = 0; i < m->parameters.count; i++)
            reals(m->weights)[i] -= (real)0.3 * reals(m->gradients)[i];
    }
}

static void scatter(struct model *m)
{
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        for (size_t k = 0; k < p->count; k++)
            reals(m->weights)[p->offset + k] +=
                (real)(0.5 * random_normal(7, i, k));
    }
}

static real *of(struct model *m, real *row, const char *name)
{
    const struct parameter *p = parameter_find(&m->parameters, name);
    ck_assert_msg(p != NULL, "%s", name);
    return row + p->offset;
}

static real *bias_of(struct model *m, size_t site)
{
    char name[48];
    snprintf(name, sizeof name, "sublayer.%zu.%s.bias", site,
             m->architecture.connection->name);
    return of(m, reals(m->weights), name);
}

// The largest gradient of a group
enum group { PRE, POST, RES };

/* largest of this group's rows of phi, or of its biases */
static double largest_gradient(struct model *m, size_t site,
                               enum group g, bool bias)
{
    char name[48];
    size_t n = m->configuration.streams, width = bias ? 1 : n * 8;
    size_t first = g == PRE ? 0 : g == POST ? n : 2 * n;
    size_t end = g == PRE ? n : g == POST ? 2 * n : 2 * n + n * n;
    snprintf(name, sizeof name, "sublayer.%zu.mhc.%s", site,
             bias ? "bias" : "phi");
    const real *gradient = of(m, reals(m->gradients), name);
    double most = 0;
    for (size_t i = first * width; i < end * width; i++)
        most = fmax(most, fabs((double)gradient[i]));
    return most;
}

// With plain coefficients it is the residual network
/* fails if the sum of the streams leaves instead of their mean */
START_TEST(a_mean_read_and_no_mix_is_the_residual_network)
{
    size_t n = (size_t)1 << _i;
    struct connection plain = hc_static;
    plain.mean = mhc.mean;
    struct model one = open_as(&residual, 1, 20);
    struct model many = open_as(&plain, n, 20);
    // Read by the mean at each site
    for (size_t s = 0; s < SITES - 1; s++)
        for (size_t i = 0; i < n; i++)
            bias_of(&many, s)[i] = 1 / (real)n;
    scatter(&one);
    const struct parameters *p = &one.parameters;
    for (size_t i = 0; i < p->used; i++)
        memcpy(of(&many, reals(many.weights), p->list[i].name),
               reals(one.weights) + p->list[i].offset,
               p->list[i].count * sizeof(real));
    double loss = run(&one);
    ck_assert(fabs(run(&many) - loss) <= (_i < 3 ? 0 : 1e-6));
    for (size_t i = 0; i < p->used; i++) {
        const real *got =
            of(&many, reals(many.gradients), p->list[i].name);
        const real *want = reals(one.gradients) + p->list[i].offset;
        if (_i < 3)
            assert_same(got, want, p->list[i].count);
        else
            assert_close(got, want, p->list[i].count, 1e-4);
    }
    model_close(&one);
    model_close(&many);
}
END_TEST

// The start is the residual network
static const struct connection *const gated[] = {
    &mhc, &identity, &wide_residual
};
enum { GATED = sizeof gated / sizeof gated[0] };

/* fails if the weights of reading do not sum to one, or the mean of
   those of writing is not 1 */
START_TEST(the_first_step_is_the_residual_networks)
{
    struct model one = open_as(&residual, 1, 20);
    struct model many = open_as(gated[_i % GATED],
                                (size_t)1 << _i / GATED, 20);
    const real *want = whole_logits(&one), *got = whole_logits(&many);
    for (size_t i = 0; i < 10 * WORDS; i++)
        ck_assert(fabs((double)got[i] - (double)want[i]) < 1e-5);
    ck_assert(fabs(model_loss(&one) - model_loss(&many)) < 1e-5);
    model_close(&one);
    model_close(&many);
}
END_TEST

// The wide residual begins as its section says
enum { TOKENS = 10, WIDTH = 8 };

struct means { double mean[SITES][TOKENS * WIDTH], apart[SITES]; };

static void look_at_means(void *context, const struct site *s)
{
    struct means *seen = context;
    size_t n = s->streams, C = s->width;
    ck_assert(s->tokens * C == TOKENS * WIDTH);
    for (size_t i = 0; i < TOKENS * WIDTH; i++) {
        const real *x = reals(s->stream) + i / C * n * C + i % C;
        double *mean = &seen->mean[s->index][i], apart = 0;
        *mean = 0;
        for (size_t j = 0; j < n; j++)
            *mean += (double)x[j * C] / (double)n;
        for (size_t j = 0; j < n; j++)
            apart = fmax(apart, fabs((double)x[j * C] - *mean));
        seen->apart[s->index] = fmax(seen->apart[s->index], apart);
    }
}

/* fails if the writing weights of the wide residual are equal, or two
   that mirror each other do not sum to 2 */
START_TEST(the_wide_residual_keeps_the_mean_of_streams_that_differ)
{
    static struct means want, got;
    size_t n = (size_t)_i / 2 + 1;
    struct connection k = _i % 2 == 0 ? mhc : identity;
    k.start = wide_residual.start;
    struct model one = open_as(&residual, 1, 20);
    struct model many = open_as(&k, n, 20);
    one.watch = (struct watch){ look_at_means, NULL, &want };
    many.watch = (struct watch){ look_at_means, NULL, &got };
    descend(&one, 1);
    descend(&many, 1);
    for (size_t s = 0; s < SITES; s++) {
        for (size_t i = 0; i < TOKENS * WIDTH; i++)
            ck_assert(fabs(got.mean[s][i] - want.mean[s][i]) < 2e-6);
        ck_assert_msg(s == 0 ? got.apart[s] < 1e-7
                      : got.apart[s] > 1e-4, "%g", got.apart[s]);
    }
    // No two reading biases of a later site are equal
    for (size_t s = 1; s < SITES - 1; s++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++)
                ck_assert(bias_of(&many, s)[i] != bias_of(&many, s)[j]);
    model_close(&one);
    model_close(&many);
}
END_TEST

#ifdef REAL_IS_DOUBLE
/* fails if the reading weights start unequal, or those of writing at
   other steps than equal ones from -1 to 1 */
START_TEST(the_wide_residual_learns_to_read_as_its_weights_of_writing)
{
    size_t n = (size_t)_i;
    struct model m = open_as(&wide_residual, n, 20);
    real *w = of(&m, reals(m.weights), "embedding");
    for (size_t i = 0; i < WORDS * WIDTH; i++)
        w[i] *= 50;
    run(&m);
    for (size_t s = 0; s < SITES - 1; s++) {
        char name[48];
        snprintf(name, sizeof name, "sublayer.%zu.wide-residual.bias",
                 s);
        const real *d = of(&m, reals(m.gradients), name);
        double post[2] = { 0, d[n] };
        // Hold the gradients of site s against the formulas
        for (size_t i = 0; i < n; i++) {
            double beta = 2 * (double)i / ((double)n - 1) - 1;
            double p = 1 / (1 + exp(-beta)), of_last = 2 * 0.7310585786 - 1;
            post[0] = d[n] * p * (1 - p) / 0.1966119332;
            ck_assert(fabs(d[n + i] - post[0]) < 1e-8 * fabs(post[1]));
            if (s > 0)
                ck_assert(fabs(d[i] - d[n - 1] * (2 * p - 1) / of_last)
                          < 1e-3 * fabs(d[n - 1]));
            ck_assert(s == 0 ? fabs(d[i]) < 1e-3 * fabs(post[1])
                      : fabs(d[n - 1]) > 1e-3 * fabs(post[1]));
        }
    }
    model_close(&m);
}
END_TEST
#endif

// Streams drift apart, or never
struct look {
    double apart[SITES];
    bool equal_posts;
};

static void look_forward(void *context, const struct site *s)
{
    struct look *look = context;
    size_t n = s->streams, C = s->width;
    double square = 0, apart = 0;
    for (size_t t = 0; t < s->tokens; t++)
        for (size_t i = 0; i < n * C; i++) {
            const real *x = reals(s->stream) + t * n * C;
            double d = (double)x[i] - (double)x[i % C];
            square += (double)x[i] * (double)x[i];
            apart += d * d;
        }
    look->apart[s->index] = sqrt(apart / square);
}

/* fails if the streams stay copies, since no two of them are read
   differently */
START_TEST(streams_drift_apart_if_they_are_read_unequally)
{
    bool equal = _i == 1;
    struct model m = open_as(&mhc, 4, 20);
    struct look look = { .equal_posts = true };
    m.watch = (struct watch){ .forward = look_forward,
                              .context = &look };
    if (equal) {
        // Read all streams equally
        for (size_t s = 0; s < SITES - 1; s++)
            for (size_t i = 0; i < 4; i++)
                bias_of(&m, s)[i] = 0;
    }
    descend(&m, 20);
    run(&m);
    ck_assert(look.apart[0] == 0);
    for (size_t i = 1; i < SITES; i++)
        ck_assert_msg(equal ? look.apart[i] < 1e-5
                            : look.apart[i] > 1e-3,
                      "site %zu: %g", i, look.apart[i]);
    for (size_t i = 0; equal && i < SITES - 1; i++) {
        // No gradient reaches the mix of site i
        ck_assert_double_lt(largest_gradient(&m, i, RES, true), 1e-6);
        ck_assert_double_lt(largest_gradient(&m, i, RES, false), 1e-6);
        ck_assert_double_gt(largest_gradient(&m, i, POST, true), 1e-5);
    }
    model_close(&m);
}
END_TEST

// Gradients that must vanish
// At the start only the writes learn
#ifdef REAL_IS_DOUBLE
/* fails if the gradient of writing is lost, or a mix gets one that
   it should not have */
START_TEST(at_the_start_only_the_writes_have_a_gradient)
{
    struct model m = open_as(&mhc, 4, 20);
    real *w = of(&m, reals(m.weights), "embedding");
    for (size_t i = 0; i < WORDS * 8; i++)
        w[i] *= 50;
    run(&m);
    for (size_t s = 0; s < SITES - 1; s++) {
        char name[40];
        snprintf(name, sizeof name, "sublayer.%zu.mhc.alpha", s);
        for (size_t i = 0; i < 3; i++)
            ck_assert(of(&m, reals(m.gradients), name)[i] == 0);
        for (int bias = 0; bias < 2; bias++) {
            double post = largest_gradient(&m, s, POST, bias);
            ck_assert_double_gt(post, bias ? 1e-4 : 1e-6);
            ck_assert_double_lt(largest_gradient(&m, s, PRE, bias),
                                1e-4 * post);
            ck_assert_double_lt(largest_gradient(&m, s, RES, bias),
                                1e-12 * post);
        }
    }
    model_close(&m);
}
END_TEST
#endif

// At the ends some never learn
#ifdef REAL_IS_DOUBLE
static void look_backward(void *context, const struct site *s)
{
    struct look *look = context;
    struct layout l = s->layout;
    for (size_t t = 0; s->index == SITES - 2 && t < s->tokens; t++) {
        const real *d = reals(s->dcoefficients)
                      + t * layout_row(&l);
        for (size_t i = 1; i < l.streams; i++)
            look->equal_posts &= d[l.streams + i] == d[l.streams];
    }
}

/* fails if the first mix gets a gradient, or the last keeps none
   that Sinkhorn left undone */
START_TEST(the_ends_of_the_streams_leave_some_gradients_zero)
{
    double last[2];
    for (size_t k = 0; k < 2; k++) {
        struct model m = open_as(&mhc, 4, k == 0 ? 1 : 100);
        struct look look = { .equal_posts = true };
        m.watch = (struct watch){ .backward = look_backward,
                                  .context = &look };
        scatter(&m);
        for (size_t s = 0; s < SITES - 1; s++)
            // Raise the logits off the diagonal to those on it
            for (size_t i = 0; i < 16; i++)
                bias_of(&m, s)[8 + i] += i % 5 == 0 ? 0 : 8;
        run(&m);
        ck_assert(look.equal_posts);
        double middle = largest_gradient(&m, 1, RES, true);
        ck_assert_double_gt(middle, 1e-4);
        ck_assert_double_lt(largest_gradient(&m, 0, RES, true),
                            1e-12 * middle);
        ck_assert_double_lt(largest_gradient(&m, 0, PRE, true),
                            1e-2 * middle);
        last[k] = largest_gradient(&m, SITES - 2, RES, true) / middle;
        model_close(&m);
    }
    ck_assert_double_gt(last[0], 1e-3);
    ck_assert_double_lt(last[1], 1e-9);
}
END_TEST
#endif

// Gradients of mHC against differences
#ifdef REAL_IS_DOUBLE
// Groups that are zero by theory
#define MIX(s) "sublayer." s ".mhc.phi.res", \
    "sublayer." s ".mhc.alpha.res", "sublayer." s ".mhc.bias.res"
static const char *const all[] = { MIX("0"), MIX("1"), MIX("2"),
                                   MIX("3"), NULL };
static const char *const first[] = { MIX("0"), NULL };
#define NO(kind) { "sublayer.0." kind ".alpha.res", \
    "sublayer.1." kind ".alpha.res", "sublayer.2." kind ".alpha.res", \
    "sublayer.3." kind ".alpha.res", NULL }
static const char *const without[] = NO("identity");
static const char *const unmixed[] = NO("wide-residual");

void assert_gradients_at(struct model *m, const char *const zero[]);

static void check_kind(const struct connection *k, size_t streams,
                       size_t iterations, const char *const zero[])
{
    struct model m = open_as(k, streams, iterations);
    whole_scatter(&m);
    for (size_t i = 0; i < m.parameters.used; i++) {
        const struct parameter *p = &m.parameters.list[i];
        real *w = reals(m.weights) + p->offset;
        // Make streams and coefficients differ more
        for (size_t k = 0; k < p->count; k++)
            if (strstr(p->name, ".bias") != NULL)
                w[k] = 4 * (w[k] - (k < 2 * streams ? 1 : (real)0.3));
            else if (strstr(p->name, ".alpha") != NULL)
                w[k] *= 2;
    }
    assert_gradients_at(&m, zero);
    model_close(&m);
}

// Every kind's gradients
/* fails if a gradient of phi, alpha or bias is cut or lacks a
   factor, in any one group */
START_TEST(every_gradient_of_mhc_is_right)
{
    check_kind(&mhc, (size_t)1 << _i, 2, _i == 0 ? all : first);
}
END_TEST

/* fails if the third scale gets a gradient, or phi is taken for one
   with rows for a mix */
START_TEST(every_gradient_of_identity_is_right)
{
    bool wide = _i >= 3;
    check_kind(wide ? &wide_residual : &identity, (size_t)1 << _i % 3,
               2, wide ? unmixed : without);
}
END_TEST
#endif

/* fails if sums over tokens are cut by the number of threads */
START_TEST(gradients_do_not_depend_on_the_number_of_threads)
{
    struct model m = open_as(gated[_i], 4, 20);
    real *want = test_reals(m.parameters.count);
    scatter(&m);
    omp_set_num_threads(1);
    run(&m);
    memcpy(want, reals(m.gradients), m.parameters.count * sizeof(real));
    omp_set_num_threads(3);
    run(&m);
    assert_same(reals(m.gradients), want, m.parameters.count);
    model_close(&m);
}
END_TEST

// Sizes that mHC refuses
/* fails if nine streams are let into arrays that hold eight */
START_TEST(sizes_beyond_the_bounds_are_refused)
{
    struct message m = { 0, "" };
    struct configuration c = configuration_default();
    struct architecture a;
    strcpy(c.connection, gated[_i]->name);
    c.streams = 8;
    ck_assert(architecture_find(&a, &c, &m));
    ck_assert(a.connection == gated[_i]);
    c.streams = 9;
    ck_assert(!architecture_find(&a, &c, &m) && m.status == EX_USAGE);
    ck_assert(strstr(m.text, "takes 8 at most, not 9") != NULL);
    ck_assert(!configuration_set(&c, "iterations", "0", &m));
    ck_assert(!configuration_set(&c, "streams", "0", &m));
    ck_assert(c.iterations == 20);
}
END_TEST

// The suite of mHC
Suite *mhc_suite(void);
Suite *mhc_suite(void)
{
    Suite *s = suite_create("mhc");
    TCase *c = tcase_create("coefficients");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c,
        coefficients_read_and_write_give_the_golden_numbers, 0, 2);
    tcase_add_loop_test(c, the_golden_numbers_notice_every_mistake, 0,
                        sizeof mistakes / sizeof mistakes[0]);
    tcase_add_loop_test(c,
        a_tokens_coefficients_do_not_depend_on_the_others, 0, 24);
    tcase_add_loop_test(c,
        a_tokens_gradients_do_not_depend_on_the_others, 0, 24);
    tcase_add_test(c,
        gates_stay_between_zero_and_two_for_any_finite_logits);
    tcase_add_test(c,
        identity_reads_and_writes_as_mhc_and_does_not_mix);
    tcase_add_test(c,
        a_site_starts_with_its_own_stream_and_near_the_identity);
    tcase_add_loop_test(c,
        reading_starts_with_a_sum_of_one_and_divides_by_nothing, 1, 9);
    tcase_add_loop_test_raise_signal(c,
        deepseek_takes_eight_streams_and_a_hundred_iterations, SIGABRT,
        0, 3);
    tcase_add_loop_test(c, a_mix_that_is_absorbed_is_not_missed, 1, 9);
    tcase_add_loop_test(c,
        the_mix_of_deepseek_is_the_papers_of_transposed_logits, 1, 9);
    c = tcase_create("connection");
    suite_add_tcase(s, c);
    // The rest of the suite of mHC
    tcase_add_loop_test(c,
        a_mean_read_and_no_mix_is_the_residual_network, 0, 4);
    tcase_add_loop_test(c, the_first_step_is_the_residual_networks, 0,
                        4 * GATED);
    tcase_add_loop_test(c,
        the_wide_residual_keeps_the_mean_of_streams_that_differ, 2, 16);
    tcase_add_loop_test(c, streams_drift_apart_if_they_are_read_unequally,
                        0, 2);
    tcase_add_loop_test(c, gradients_do_not_depend_on_the_number_of_threads,
                        0, GATED);
    tcase_add_loop_test(c, sizes_beyond_the_bounds_are_refused, 0,
                        GATED);
    #ifdef REAL_IS_DOUBLE
    tcase_add_loop_test(c, maps_backward_give_the_slopes_of_forward, 0,
                        24);
    tcase_add_test(c, at_the_start_only_the_writes_have_a_gradient);
    tcase_add_test(c, the_ends_of_the_streams_leave_some_gradients_zero);
    tcase_add_loop_test(c, every_gradient_of_mhc_is_right, 0, 3);
    tcase_add_loop_test(c, every_gradient_of_identity_is_right, 0, 6);
    tcase_add_loop_test(c,
        the_wide_residual_learns_to_read_as_its_weights_of_writing, 2, 9);
    #endif
    return s;
}
