#include "reference/reference.h"
#include "ground/memory.h"
#include <math.h>
#include <sysexits.h>

// The state of a reference
enum { PLACES = REFERENCE_STREAMS * REFERENCE_STREAMS };

struct state {
    struct boundary *b;
    const struct rules *r;
    uint64_t noise;
    size_t n, C, K, token;
    double *unit, *dunit;           /* [n C] the streams, normalised */
    double scale[REFERENCE_STREAMS];            /* of unit */
    double z[REFERENCE_OUTPUTS], logit[REFERENCE_OUTPUTS];
    double dlogit[REFERENCE_OUTPUTS];
    double pre[REFERENCE_STREAMS], post[REFERENCE_STREAMS];
    double log[2 * REFERENCE_ITERATIONS + 1][PLACES], soft[PLACES];
    double res[PLACES], first[2][PLACES];       /* token 0's res */
};

static bool has(uint32_t wrong, enum mistake mistake)
{
    return (wrong & MISTAKE(mistake)) != 0;
}

// Round on purpose
static double sign(struct state *s)
{
    s->noise ^= s->noise << 13;
    s->noise ^= s->noise >> 7;
    s->noise ^= s->noise << 17;
    return s->noise >> 63 ? 1 : -1;
}

/* value, as rough as a tensor; size: the sum of the absolute values of
   its terms */
static double stored(struct state *s, enum role role, double value,
                     double size)
{
    if (s->r->rough == NULL)
        return value;
    return value + sign(s) * s->r->rough->at[role] * size;
}

static double between(struct state *s, double value, double size)
{
    if (s->r->rough == NULL)
        return value;
    return value + sign(s) * s->r->rough->between * size;
}
/* sums are kept in single precision at least */
static double summed(struct state *s, double value, double size)
{
    const struct roughness *rough = s->r->rough;
    if (rough == NULL)
        return value;
    double u = rough->between < 0x1p-24 ? rough->between : 0x1p-24;
    return value + sign(s) * u * size;
}

// Add up products
static double dot(struct state *s, const double *a, const double *b,
                  size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) {
        sum += a[i] * b[i];
        squares += sum * sum;
    }
    return summed(s, sum, sqrt(squares));
}

// Normalise the streams of a token
static void normalise(struct state *s, uint32_t wrong)
{
    const double *x = s->b->at[STREAMS] + s->token * s->n * s->C;
    size_t parts = has(wrong, NORM_PER_STREAM) ? s->n : 1;
    size_t each = s->n * s->C / parts;
    for (size_t p = 0; p < s->n; p++) {
        const double *from = x + p % parts * each;
        double square = dot(s, from, from, each) / (double)each;
        s->scale[p] = has(wrong, NO_NORM) ? 1
                    : 1 / sqrt(square + s->r->norm_epsilon);
    }
    for (size_t i = 0; i < s->n * s->C; i++)
        s->unit[i] = x[i] * s->scale[i / s->C];
}

// Project, scale and shift
static size_t group_of(const struct state *s, size_t k)
{
    return k < s->n ? 0 : k < 2 * s->n ? 1 : 2;
}

static double alpha_of(const struct state *s, size_t k, uint32_t wrong)
{
    return has(wrong, NO_ALPHA) ? 1 : s->b->at[ALPHA][group_of(s, k)];
}

static bool project(struct state *s, uint32_t wrong, struct message *m)
{
    size_t inputs = s->n * s->C;
    for (size_t k = 0; k < s->K; k++) {
        s->z[k] = dot(s, s->unit, s->b->at[PHI] + k * inputs, inputs);
        s->z[k] = between(s, s->z[k], fabs(s->z[k]));
        if (has(wrong, TANH))
            s->z[k] = tanh(s->z[k]);
        double step = alpha_of(s, k, wrong) * s->z[k];
        double shift = s->b->at[BIAS][k];
        s->logit[k] = between(s, step + shift, fabs(step + shift));
        if (!isfinite(s->logit[k]))
            return fail(m, EX_DATAERR, "token %zu: logit %zu is %g",
                        s->token, k, s->logit[k]);
    }
    return true;
}

// Sinkhorn and Knopp, by logarithms
static size_t steps_of(const struct state *s, uint32_t wrong)
{
    size_t steps = 2 * s->r->iterations;
    return has(wrong, HALF_THE_STEPS) ? steps / 2 : steps;
}

/* where entry j of line a is, if half step h adds up rows or columns */
static size_t entry(const struct state *s, size_t h, size_t a, size_t j,
                    uint32_t wrong)
{
    bool rows_first = s->r->released != has(wrong, OTHER_ORDER);
    return (h % 2 == 0) == rows_first ? a * s->n + j : j * s->n + a;
}

/* to = from - log(sum of exp(from) + epsilon), line by line */
static void half_step(struct state *s, size_t h, double epsilon,
                      uint32_t wrong)
{
    const double *from = s->log[h];
    double *to = s->log[h + 1];
    for (size_t a = 0; a < s->n; a++) {
        double most = log(epsilon), sum;
        for (size_t j = 0; j < s->n; j++)
            most = fmax(most, from[entry(s, h, a, j, wrong)]);
        sum = epsilon > 0 ? exp(log(epsilon) - most) : 0;
        for (size_t j = 0; j < s->n; j++)
            sum += exp(from[entry(s, h, a, j, wrong)] - most);
        for (size_t j = 0; j < s->n; j++) {
            size_t i = entry(s, h, a, j, wrong);
            double value = from[i] - most - log(sum);
            to[i] = between(s, value, 1 + fabs(value));
        }
    }
}
static void balance(struct state *s, uint32_t wrong)
{
    size_t steps = steps_of(s, wrong);
    double epsilon = s->r->released ? s->r->sinkhorn_epsilon : 0;
    for (size_t h = 0; h < steps; h++) {
        half_step(s, h, h == 0 ? 0 : epsilon, wrong);
        for (size_t i = 0; h == 0 && i < s->n * s->n; i++) {
            s->soft[i] = s->log[1][i];
            s->log[1][i] = log(exp(s->soft[i]) + epsilon);
            if (epsilon == 0)
                s->log[1][i] = s->soft[i];
        }
    }
    for (size_t i = 0; i < s->n * s->n; i++) {
        double value = exp(s->log[steps][i]);
        s->res[i] = stored(s, H_RES, value, value);
    }
}

// Back through Sinkhorn and Knopp
/* d [n n]: from the gradient of res to that of its logits */
static void balance_backward(struct state *s, double *d, uint32_t wrong)
{
    size_t steps = steps_of(s, wrong), all = s->n * s->n;
    size_t stop = has(wrong, LAST_STEP_ONLY) ? steps - 1 : 0;
    if (has(wrong, STRAIGHT_THROUGH))
        return;
    for (size_t i = 0; i < all; i++)
        d[i] *= has(wrong, SINKHORN_CUT) ? 0 : s->res[i];
    if (has(wrong, EXPONENTIAL_ONLY))
        return;
    for (size_t h = steps; h-- > stop; ) {
        if (h == 0)
            for (size_t i = 0; i < all; i++)
                d[i] *= exp(s->soft[i] - s->log[1][i]);
        const double *to = h == 0 ? s->soft : s->log[h + 1];
        for (size_t a = 0; a < s->n; a++) {
            double sum = 0, size = 0;
            for (size_t j = 0; j < s->n; j++) {
                sum += d[entry(s, h, a, j, wrong)];
                size += fabs(d[entry(s, h, a, j, wrong)]);
            }
            for (size_t j = 0; j < s->n; j++) {
                size_t i = entry(s, h, a, j, wrong);
                double part = exp(to[i]);
                d[i] = between(s, d[i] - part * sum,
                               fabs(d[i]) + part * size);
            }
        }
    }
}

// The coefficients of a token
/* which row of phi makes coefficient k of pre, post, res */
static size_t source(const struct state *s, size_t k, uint32_t wrong)
{
    size_t n = s->n, res = 2 * n;
    if (k < res)
        return has(wrong, EXCHANGED) ? (k + n) % res : k;
    if (!has(wrong, BY_COLUMNS))
        return k;
    return res + (k - res) % n * n + (k - res) / n;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static bool coefficients(struct state *s, uint32_t wrong,
                         struct message *m)
{
    size_t n = s->n;
    double epsilon = s->r->released ? s->r->sinkhorn_epsilon : 0;
    double two = has(wrong, NO_FACTOR) ? 1 : 2;
    normalise(s, wrong);
    if (!project(s, wrong, m))
        return false;
    for (size_t i = 0; i < n; i++) {
        double pre = sigmoid(s->logit[source(s, i, wrong)]);
        double post = two * sigmoid(s->logit[source(s, n + i, wrong)]);
        s->pre[i] = stored(s, H_PRE, pre + epsilon, pre);
        s->post[i] = stored(s, H_POST, post, post);
    }
    for (size_t i = 0; i < n * n; i++)
        s->log[0][i] = s->logit[source(s, 2 * n + i, wrong)];
    balance(s, wrong);
    return true;
}

// What a coefficient mixes
/* how much of stream j goes into stream i */
static double *share(struct state *s, double *res, size_t i, size_t j,
                     uint32_t wrong)
{
    bool turned = s->r->released != has(wrong, TRANSPOSED);
    return &res[turned ? j * s->n + i : i * s->n + j];
}

static double mixes(struct state *s, size_t i, size_t j, bool backward,
                    uint32_t wrong)
{
    if (has(wrong, NO_MIX))
        return i == j;
    double *res = has(wrong, FIRST_TOKEN) ? s->first[backward] : s->res;
    return *share(s, res, i, j, wrong);
}

static void keep_first(struct state *s, bool backward)
{
    for (size_t i = 0; s->token == 0 && i < s->n * s->n; i++)
        s->first[backward][i] = s->res[i];
}

// A token forward
static void put(struct state *s, enum role role, size_t i, double value,
                double size)
{
    if (s->b->at[role] != NULL)
        s->b->at[role][i] = stored(s, role, value, size);
}

static void keep_coefficients(struct state *s, uint32_t wrong)
{
    size_t n = s->n, t = s->token;
    bool turned = has(wrong, STORED_TRANSPOSED);
    for (size_t i = 0; i < n; i++) {
        if (s->b->at[H_PRE] != NULL)
            s->b->at[H_PRE][t * n + i] = s->pre[i];
        if (s->b->at[H_POST] != NULL)
            s->b->at[H_POST][t * n + i] = s->post[i];
        for (size_t j = 0; s->b->at[H_RES] != NULL && j < n; j++)
            s->b->at[H_RES][(t * n + i) * n + j] =
                s->res[turned ? j * n + i : i * n + j];
    }
}
static void forward(struct state *s, uint32_t wrong)
{
    size_t n = s->n, C = s->C, t = s->token;
    const double *x = s->b->at[STREAMS] + t * n * C;
    const double *answer = s->b->at[ANSWER];
    double exit_scale = has(wrong, EXIT_OTHER) ? 1 : 1 / (double)n;
    keep_first(s, false);
    keep_coefficients(s, wrong);
    for (size_t c = 0; c < C; c++) {
        double input = 0, size = 0, exit = 0, exit_size = 0;
        for (size_t i = 0; i < n; i++) {
            input += s->pre[i] * x[i * C + c];
            size += fabs(s->pre[i] * x[i * C + c]);
        }
        put(s, INPUT, t * C + c, input, size);
        for (size_t i = 0; answer != NULL && i < n; i++) {
            // Write and mix channel c of stream i
            double next = s->post[i] * answer[t * C + c], next_size = fabs(next);
            for (size_t j = 0; j < n; j++) {
                double term = mixes(s, i, j, false, wrong) * x[j * C + c];
                next += term;
                next_size += fabs(term);
            }
            put(s, NEXT, (t * n + i) * C + c, next, next_size);
            if (!has(wrong, EXIT_FIRST) || i == 0) {
                double part = has(wrong, EXIT_FIRST) ? 1 : exit_scale;
                exit += part * next;
                exit_size += part * next_size;
            }
        }
        if (answer != NULL)
            put(s, EXIT, t * C + c, exit, exit_size);
    }
}

// Gradients of the coefficients
struct gradients {
    double pre[REFERENCE_STREAMS], post[REFERENCE_STREAMS];
    double res[PLACES];
};

static void differentiate_mixing(struct state *s, struct gradients *d,
                                 uint32_t wrong)
{
    size_t n = s->n, C = s->C, t = s->token;
    const double *x = s->b->at[STREAMS] + t * n * C;
    const double *dnext = s->b->at[DNEXT] + t * n * C;
    for (size_t i = 0; i < n; i++) {
        const double *of = dnext + i * C;
        d->pre[i] = dot(s, s->b->at[DINPUT] + t * C, x + i * C, C);
        d->post[i] = dot(s, of, s->b->at[ANSWER] + t * C, C);
        for (size_t j = 0; j < n; j++)
            *share(s, d->res, i, j, wrong) =
                has(wrong, NO_MIX) ? 0 : dot(s, of, x + j * C, C);
    }
}

// Gradients of the logits
static void differentiate_maps(struct state *s, struct gradients *d,
                               uint32_t wrong)
{
    size_t n = s->n;
    double epsilon = s->r->released ? s->r->sinkhorn_epsilon : 0;
    double two = has(wrong, NO_FACTOR) ? 1 : 2;
    for (size_t i = 0; i < n; i++) {
        double pre = s->pre[i] - epsilon, post = s->post[i] / two;
        s->dlogit[source(s, i, wrong)] = d->pre[i] * pre * (1 - pre);
        s->dlogit[source(s, n + i, wrong)] =
            two * d->post[i] * post * (1 - post);
    }
    balance_backward(s, d->res, wrong);
    for (size_t i = 0; i < n * n; i++)
        s->dlogit[source(s, 2 * n + i, wrong)] = d->res[i];
}

// Gradients of the parameters
static void gather(struct state *s, enum role role, size_t i,
                   double value)
{
    double *to = &s->b->at[role][i];
    *to = summed(s, *to + value, fabs(*to + value));
}

static void differentiate_projection(struct state *s, uint32_t wrong)
{
    size_t inputs = s->n * s->C;
    for (size_t i = 0; i < inputs; i++)
        s->dunit[i] = 0;
    for (size_t k = 0; k < s->K; k++) {
        const double *phi = s->b->at[PHI] + k * inputs;
        double d = between(s, s->dlogit[k], fabs(s->dlogit[k]));
        bool forgotten = has(wrong, ALPHA_FORGOTTEN);
        double dz = forgotten ? d : d * alpha_of(s, k, wrong);
        gather(s, DBIAS, k, d);
        if (!has(wrong, NO_ALPHA))
            gather(s, DALPHA, group_of(s, k), d * s->z[k]);
        if (has(wrong, TANH))
            dz *= 1 - s->z[k] * s->z[k];
        dz = between(s, dz, fabs(dz));
        for (size_t i = 0; i < inputs; i++) {
            gather(s, DPHI, k * inputs + i, dz * s->unit[i]);
            s->dunit[i] += dz * phi[i];
        }
    }
}

// A token backward
static void backward(struct state *s, uint32_t wrong)
{
    size_t n = s->n, C = s->C, t = s->token;
    size_t parts = has(wrong, NORM_PER_STREAM) ? n : 1;
    const double *dnext = s->b->at[DNEXT] + t * n * C;
    struct gradients d;
    keep_first(s, true);
    differentiate_mixing(s, &d, wrong);
    differentiate_maps(s, &d, wrong);
    differentiate_projection(s, wrong);
    for (size_t i = 0; i < n; i++) {
        size_t begin = parts == 1 ? 0 : i * C, each = n * C / parts;
        double along = dot(s, s->dunit + begin, s->unit + begin, each)
                     / (double)each;
        if (has(wrong, NO_NORM) || has(wrong, NORM_CUT))
            along = 0;
        for (size_t c = 0; c < C; c++) {
            // The gradient of channel c of stream i
            size_t at = i * C + c;
            double read = s->pre[i] * s->b->at[DINPUT][t * C + c];
            double projected = s->dunit[at], back = s->unit[at] * along;
            double path = s->scale[i] * (projected - back);
            double sum = read, size = fabs(read);
            if (!has(wrong, PATH_CUT)) {
                sum += path;
                size += s->scale[i] * (fabs(projected) + fabs(back));
            }
            for (size_t j = 0; j < n; j++) {
                double mix = has(wrong, NOT_TRANSPOSED_BACK)
                           ? mixes(s, i, j, true, wrong)
                           : mixes(s, j, i, true, wrong);
                double term = mix * dnext[j * C + c];
                sum += term;
                size += fabs(term);
            }
            put(s, DSTREAMS, t * n * C + at, sum, size);
        }
    }
    for (size_t c = 0; c < C; c++) {
        double sum = 0, size = 0;
        for (size_t i = 0; i < n; i++) {
            sum += s->post[i] * dnext[i * C + c];
            size += fabs(s->post[i] * dnext[i * C + c]);
        }
        put(s, DANSWER, t * C + c, sum, size);
    }
}

// Run the reference
static void clear(double *x, size_t count)
{
    for (size_t i = 0; x != NULL && i < count; i++)
        x[i] = 0;
}

/* what was gathered is stored */
static void finish(struct state *s, enum role role, size_t count)
{
    double *x = s->b->at[role];
    for (size_t i = 0; x != NULL && i < count; i++)
        x[i] = stored(s, role, x[i], fabs(x[i]));
}

static bool run_tokens(struct state *s, struct message *m)
{
    const struct boundary *b = s->b;
    bool differentiates = b->at[ANSWER] != NULL && b->at[DNEXT] != NULL
                        && b->at[DINPUT] != NULL;
    for (s->token = 0; s->token < b->tokens; s->token++) {
        if (!coefficients(s, s->r->forward, m))
            return false;
        forward(s, s->r->forward);
        if (!differentiates)
            continue;
        if (s->r->backward != s->r->forward
            && !coefficients(s, s->r->backward, m))
            return false;
        backward(s, s->r->backward);
    }
    return true;
}

bool reference_run(struct boundary *b, const struct rules *r,
                   struct message *m)
{
    size_t inputs = b->streams * b->width;
    struct state *s = memory_new(1, sizeof *s, m);
    double *work = memory_new(2 * inputs, sizeof *work, m);
    bool good = s != NULL && work != NULL;
    if (good) {
        s->b = b;
        s->r = r;
        s->n = b->streams;
        s->C = b->width;
        s->K = s->n * (s->n + 2);
        s->unit = work;
        s->dunit = work + inputs;
        s->noise = 0x9e3779b97f4a7c15
                 ^ (r->rough == NULL ? 0 : r->rough->seed << 32);
        clear(b->at[DPHI], s->K * inputs);
        clear(b->at[DALPHA], 3);
        clear(b->at[DBIAS], s->K);
        good = run_tokens(s, m);
        finish(s, DPHI, s->K * inputs);
        finish(s, DALPHA, 3);
        finish(s, DBIAS, s->K);
    }
    memory_free(work);
    memory_free(s);
    return good;
}
