#include "reference/reference.h"
#include "ground/memory.h"
#include <math.h>
#include <string.h>
#include <sysexits.h>

// The rules of a convention
const unsigned char reference_orders[ORDERS][3] = { {0, 1, 2},
    {1, 0, 2}, {0, 2, 1}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0} };

struct rules reference_rules(const struct settings *s, bool released)
{
    double epsilon = released ? s->sinkhorn_epsilon : 0;
    struct way way = { .number = {
        [HALF_STEPS] = 2 * (double)s->iterations,
        [NORM_EPSILON_AT] = s->norm_epsilon, [PRE_EPSILON] = epsilon,
        [START_EPSILON] = epsilon, [DIVISOR_EPSILON] = epsilon } };
    return (struct rules){ .released = released, .forward = way,
                           .backward = way };
}

// The state of a reference
enum { PLACES = REFERENCE_STREAMS * REFERENCE_STREAMS };

struct state {
    struct boundary *b;
    const struct rules *r;
    const struct way *way;          /* of the pass that is made */
    uint64_t wrong, noise;          /* its mistakes */
    size_t n, C, K, token;
    size_t group[REFERENCE_OUTPUTS];    /* of each row of phi */
    size_t alpha[REFERENCE_OUTPUTS];    /* which one is for the row */
    size_t row[REFERENCE_OUTPUTS];  /* of phi, for each coefficient */
    double *unit, *dunit;           /* [n C] the streams, normalised */
    double *room;                   /* [(n + 1) C] */
    const double *dnext, *dinput;   /* of the token */
    double scale[REFERENCE_STREAMS];            /* of unit */
    double stretch[REFERENCE_STREAMS];  /* of what is taken back */
    double z[REFERENCE_OUTPUTS], logit[REFERENCE_OUTPUTS];
    double dlogit[REFERENCE_OUTPUTS], dsize[REFERENCE_OUTPUTS];
    double pre[REFERENCE_STREAMS], post[REFERENCE_STREAMS];
    double log[2 * REFERENCE_ITERATIONS + 1][PLACES], soft[PLACES];
    double share[2 * REFERENCE_ITERATIONS + 1][PLACES]; /* exp(log) */
    double start[PLACES];           /* logits of res, before any step */
    double res[PLACES], first[2][PLACES];       /* token 0's res */
    double gathered[PLACES];        /* what token 0's res gets back */
};

static bool has(const struct state *s, size_t mistake)
{
    return (s->wrong & MISTAKE(mistake)) != 0;
}

static double *first_of(struct state *s)
{
    return s->first[s->way == &s->r->backward];
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
static double stored(struct state *s, enum item role, double value,
                     double size)
{
    const struct roughness *r = s->r->rough;
    return r == NULL ? value
         : value + sign(s) * fmax(r->at[role] * size, r->least[role]);
}

static double between(struct state *s, double value, double size)
{
    const struct roughness *r = s->r->rough;
    return r == NULL ? value
         : value + sign(s) * fmax(r->between * size, r->least_between);
}
/* sums are kept in single precision at least */
static double summed(struct state *s, double value, double size)
{
    const struct roughness *r = s->r->rough;
    return r == NULL ? value
         : value + sign(s) * fmin(r->between, 0x1p-24) * size;
}

// Add up products
enum { LANES = 8 };

static double dot(struct state *s, const double *a, const double *b,
                  size_t count)
{
    double sum = 0, lane[LANES] = { 0 };
    long double squares = 0;
    size_t i = 0;
    for (; s->r->rough == NULL && i + LANES <= count; i += LANES)
        for (size_t k = 0; k < LANES; k++)
            lane[k] += a[i + k] * b[i + k];
    for (size_t k = 0; k < LANES; k++)
        sum += lane[k];
    for (; i < count; i++) {
        sum += a[i] * b[i];
        squares += (long double)sum * sum;
    }
    return s->r->rough == NULL ? sum
         : summed(s, sum, (double)sqrtl(squares));
}

// Normalise the streams of a token
/* x, so scaled that no square overflows; by what */
static double tame(double *to, const double *x, size_t count)
{
    double most = 1;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(x[i]));
    for (size_t i = 0; i < count; i++)
        to[i] = x[i] / most;
    return most;
}

static void normalise(struct state *s)
{
    const double *x = s->b->at[STREAMS] + s->token * s->n * s->C;
    size_t parts = has(s, NORM_PER_STREAM) ? s->n : 1;
    size_t each = s->n * s->C / parts;
    double epsilon = s->way->number[NORM_EPSILON_AT];
    for (size_t p = 0; p < s->n; p++) {
        double most = tame(s->unit, x + p % parts * each, each);
        double square = dot(s, s->unit, s->unit, each) / (double)each;
        double inside = has(s, NORM_OUTSIDE) ? 0 : epsilon;
        double root = sqrt(square + inside / most / most);
        double whole = root + (inside == 0 ? epsilon / most : 0);
        s->scale[p] = has(s, NO_NORM) ? 1 : 1 / whole / most;
        s->stretch[p] = root > 0 ? whole / root : 1;
    }
    for (size_t i = 0; i < s->n * s->C; i++)
        s->unit[i] = x[i] * s->scale[i / s->C];
}

// Project, scale and shift
static void order_rows(struct state *s)
{
    const unsigned char *order =
        reference_orders[(size_t)s->way->number[ORDER]];
    size_t n = s->n, k = 0;
    for (size_t place = 0; place < 3; place++) {
        size_t g = order[place], rows = g == 2 ? n * n : n;
        for (size_t i = 0; i < rows; i++, k++) {
            bool turned = g == 2 && has(s, BY_COLUMNS);
            s->group[k] = g;
            s->alpha[k] = has(s, ALPHA_STAYS) ? g : place;
            s->row[g * n + (turned ? i % n * n + i / n : i)] = k;
        }
    }
}

static double alpha_of(const struct state *s, size_t k)
{
    return has(s, NO_ALPHA + s->group[k]) ? 1
         : s->b->at[ALPHA][s->alpha[k]];
}
static bool project(struct state *s, struct message *m)
{
    size_t inputs = s->n * s->C;
    for (size_t k = 0; k < s->K; k++) {
        s->z[k] = dot(s, s->unit, s->b->at[PHI] + k * inputs, inputs);
        s->z[k] = between(s, s->z[k], fabs(s->z[k]));
        if (has(s, TANH))
            s->z[k] = tanh(s->z[k]);
        double step = alpha_of(s, k) * s->z[k];
        double shift = has(s, NO_BIAS + s->group[k]) ? 0
                     : s->b->at[BIAS][k];
        s->logit[k] = between(s, step + shift, fabs(step + shift));
        if (!isfinite(s->logit[k]))
            return fail(m, EX_DATAERR, "token %zu: logit %zu is %g",
                        s->token, k, s->logit[k]);
    }
    return true;
}

// Sinkhorn and Knopp, by logarithms
/* where entry j of line a is, if half step h adds up rows or columns */
static size_t entry(const struct state *s, size_t h, size_t a, size_t j)
{
    bool rows_first = s->r->released != has(s, OTHER_ORDER);
    return (h % 2 == 0) == rows_first ? a * s->n + j : j * s->n + a;
}

/* to = from - log(sum of exp(from) + epsilon), line by line; share is
   exp(to) */
static void half_step(struct state *s, double *to, double *share,
                      const double *from, size_t h, double epsilon)
{
    for (size_t a = 0; a < s->n; a++) {
        double most = log(epsilon), sum, part[REFERENCE_STREAMS];
        for (size_t j = 0; j < s->n; j++)
            most = fmax(most, from[entry(s, h, a, j)]);
        sum = epsilon > 0 ? exp(log(epsilon) - most) : 0;
        for (size_t j = 0; j < s->n; j++) {
            part[j] = exp(from[entry(s, h, a, j)] - most);
            sum += part[j];
        }
        double less = log(sum);
        for (size_t j = 0; j < s->n; j++) {
            size_t i = entry(s, h, a, j);
            double value = from[i] - most - less;
            to[i] = between(s, value, 1 + fabs(value));
            share[i] = part[j] / sum;
        }
    }
}
static void begin_balance(struct state *s)
{
    size_t n = s->n;
    double *l = s->log[0], share[PLACES];
    for (size_t i = 0; i < n * n; i++)
        s->start[i] = l[i];
    for (size_t i = 0; has(s, SIGMOID_START) && i < n * n; i++)
        l[i] = l[i] > 0 ? -log1p(exp(-l[i])) : l[i] - log1p(exp(l[i]));
    if (has(s, SOFTMAX_START)) {
        memcpy(s->soft, l, n * n * sizeof *l);
        half_step(s, l, share, s->soft, 1, 0);
    }
    for (size_t a = 0; has(s, ROW_MAXIMUM) && a < n; a++) {
        double most = l[a * n];
        for (size_t j = 1; j < n; j++)
            most = fmax(most, l[a * n + j]);
        for (size_t j = 0; j < n; j++)
            l[a * n + j] -= most;
    }
}

static void balance(struct state *s)
{
    size_t all = s->n * s->n;
    size_t steps = (size_t)s->way->number[HALF_STEPS];
    double start = s->way->number[START_EPSILON];
    begin_balance(s);
    for (size_t h = 0; h < steps; h++) {
        bool soft = h == 0 && s->r->released;
        if (soft && has(s, SIGMOID_START))
            memcpy(s->log[1], s->log[0], all * sizeof **s->log);
        else
            half_step(s, s->log[h + 1], s->share[h + 1], s->log[h], h,
                      soft ? 0 : s->way->number[DIVISOR_EPSILON]);
        for (size_t i = 0; h == 0 && i < all; i++) {
            s->soft[i] = s->log[1][i];
            if (start > 0)
                s->log[1][i] = log(exp(s->soft[i]) + start);
        }
    }
    for (size_t i = 0; i < all; i++) {
        double value = exp(s->log[steps][i]);
        s->res[i] = stored(s, H_RES, value, value);
    }
}

// Back through Sinkhorn and Knopp
/* d [n n] less its sums along the lines of half step h, times part;
   size: squares of the terms, added up */
static void half_step_back(struct state *s, double *d, double *size,
                           const double *part, size_t h)
{
    for (size_t a = 0; a < s->n; a++) {
        double sum = 0, sums = 0;
        for (size_t j = 0; j < s->n; j++) {
            sum += d[entry(s, h, a, j)];
            sums += fabs(d[entry(s, h, a, j)]);
        }
        for (size_t j = 0; j < s->n; j++) {
            size_t i = entry(s, h, a, j);
            double terms = fabs(d[i]) + part[i] * sums;
            d[i] = between(s, d[i] - part[i] * sum, terms);
            size[i] += terms * terms;
        }
    }
}
static void begin_balance_backward(struct state *s, double *d,
                                   double *size)
{
    size_t n = s->n;
    for (size_t a = 0; has(s, ROW_MAXIMUM) && a < n; a++) {
        size_t most = a * n;
        double sum = 0;
        for (size_t j = 0; j < n; j++) {
            sum += d[a * n + j];
            if (s->start[a * n + j] > s->start[most])
                most = a * n + j;
        }
        d[most] -= has(s, MAXIMUM_CUT) ? 0 : sum;
    }
    if (has(s, SOFTMAX_START)) {
        double part[PLACES];
        for (size_t i = 0; i < n * n; i++)
            part[i] = exp(s->log[0][i]);
        half_step_back(s, d, size, part, 1);
    }
    for (size_t i = 0; has(s, SIGMOID_START) && i < n * n; i++)
        d[i] /= 1 + exp(s->start[i]);
}
/* d [n n]: from the gradient of res to that of its logits */
static void balance_backward(struct state *s, double *d, double *size)
{
    size_t all = s->n * s->n;
    size_t steps = (size_t)s->way->number[HALF_STEPS];
    size_t stop = has(s, LAST_STEP_ONLY) && steps > 0 ? steps - 1 : 0;
    bool soft = !(s->r->released && has(s, SIGMOID_START));
    for (size_t i = 0; i < all; i++) {
        if (!has(s, STRAIGHT_THROUGH))
            d[i] *= has(s, SINKHORN_CUT) ? 0 : s->res[i];
        size[i] = d[i] * d[i];
    }
    if (has(s, STRAIGHT_THROUGH) || has(s, EXPONENTIAL_ONLY))
        return;
    for (size_t h = steps; h-- > stop; ) {
        if (h == 0 && s->way->number[START_EPSILON] > 0)
            for (size_t i = 0; i < all; i++)
                d[i] *= exp(s->soft[i] - s->log[1][i]);
        if (h > 0 || soft)
            half_step_back(s, d, size, s->share[h + 1], h);
    }
    if (stop == 0)
        begin_balance_backward(s, d, size);
}

// The coefficients of a token
static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* n gates from n logits, times factor */
static void open_gates(struct state *s, double *gate, size_t first,
                       bool softmax, double factor)
{
    double most = -INFINITY, sum = 0;
    for (size_t i = 0; i < s->n; i++)
        most = fmax(most, s->logit[s->row[first + i]]);
    for (size_t i = 0; i < s->n; i++) {
        double x = s->logit[s->row[first + i]];
        gate[i] = softmax ? exp(x - most) : factor * sigmoid(x);
        sum += gate[i];
    }
    for (size_t i = 0; softmax && i < s->n; i++)
        gate[i] *= factor / sum;
}

static bool coefficients(struct state *s, struct message *m)
{
    size_t n = s->n;
    double two = has(s, NO_FACTOR) ? 1 : 2;
    order_rows(s);
    normalise(s);
    if (!project(s, m))
        return false;
    open_gates(s, s->pre, 0, has(s, SOFTMAX_PRE), 1);
    open_gates(s, s->post, n, has(s, SOFTMAX_POST), two);
    for (size_t i = 0; i < n; i++) {
        double pre = s->pre[i] + s->way->number[PRE_EPSILON];
        double post = s->post[i] + s->way->number[POST_EPSILON];
        s->pre[i] = stored(s, H_PRE, pre, pre);
        s->post[i] = stored(s, H_POST, post, post);
    }
    for (size_t i = 0; i < n * n; i++)
        s->log[0][i] = s->logit[s->row[2 * n + i]];
    balance(s);
    return true;
}

// What a coefficient mixes
/* how much of stream j goes into stream i */
static double *share(struct state *s, double *res, size_t i, size_t j)
{
    bool turned = s->r->released != has(s, TRANSPOSED);
    return &res[turned ? j * s->n + i : i * s->n + j];
}

static double mixes(struct state *s, size_t i, size_t j)
{
    if (has(s, NO_MIX) || has(s, MIX_DROPPED))
        return i == j && !has(s, MIX_DROPPED);
    double *res = has(s, FIRST_TOKEN) ? first_of(s) : s->res;
    return *share(s, res, i, j);
}

// A token forward
struct sum { double value, size; };

static void plus(struct sum *sum, double term)
{
    sum->value += term;
    sum->size += fabs(term);
}

static void put(struct state *s, enum item role, size_t i,
                struct sum sum)
{
    if (s->b->at[role] != NULL)
        s->b->at[role][i] = stored(s, role, sum.value, sum.size);
}

static void keep_coefficients(struct state *s)
{
    size_t n = s->n, t = s->token;
    bool turned = has(s, STORED_TRANSPOSED);
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
static void forward(struct state *s)
{
    size_t n = s->n, C = s->C, t = s->token;
    const double *x = s->b->at[STREAMS] + t * n * C;
    const double *answer = s->b->at[ANSWER];
    double exit_scale = has(s, EXIT_OTHER) ? 1 : 1 / (double)n;
    keep_coefficients(s);
    for (size_t c = 0; c < C; c++) {
        struct sum input = { 0 }, exit = { 0 };
        for (size_t i = 0; i < n; i++)
            plus(&input, s->pre[i] * x[i * C + c]);
        put(s, INPUT, t * C + c, input);
        for (size_t i = 0; answer != NULL && i < n; i++) {
            // Write and mix channel c of stream i
            struct sum next = { 0 };
            plus(&next, s->post[i] * answer[t * C + c]);
            for (size_t j = 0; j < n; j++)
                plus(&next, mixes(s, i, j) * x[j * C + c]);
            put(s, NEXT, (t * n + i) * C + c, next);
            double part = has(s, EXIT_FIRST) ? i == 0 : exit_scale;
            exit.value += part * next.value;
            exit.size += part * next.size;
        }
        if (answer != NULL)
            put(s, EXIT, t * C + c, exit);
    }
}

// Gradients of the coefficients
struct gradients {
    double pre[REFERENCE_STREAMS], post[REFERENCE_STREAMS];
    double res[PLACES];
};

static void differentiate_mixing(struct state *s, struct gradients *d)
{
    bool mixed = !has(s, NO_MIX) && !has(s, MIX_DROPPED);
    size_t n = s->n, C = s->C, t = s->token;
    const double *x = s->b->at[STREAMS] + t * n * C;
    for (size_t i = 0; i < n; i++) {
        const double *of = s->dnext + i * C;
        d->pre[i] = dot(s, s->dinput, x + i * C, C);
        d->post[i] = dot(s, of, s->b->at[ANSWER] + t * C, C);
        for (size_t j = 0; j < n; j++)
            *share(s, d->res, i, j) =
                mixed ? dot(s, of, x + j * C, C) : 0;
    }
    for (size_t i = 0; has(s, FIRST_GATHERED) && i < n * n; i++) {
        s->gathered[i] += d->res[i];
        d->res[i] = t == 0 ? s->gathered[i] : 0;
    }
}

// Gradients of the logits
/* d [n]: from the gradients of the gates to those of their logits */
static void close_gates(struct state *s, const double *d,
                        const double *gate, enum number epsilon,
                        size_t first, bool softmax, double factor)
{
    double along = 0, less = s->way->number[epsilon];
    for (size_t i = 0; i < s->n; i++)
        along += (gate[i] - less) / factor * d[i];
    for (size_t i = 0; i < s->n; i++) {
        double p = (gate[i] - less) / factor;
        size_t k = s->row[first + i];
        s->dlogit[k] = factor * p
                     * (softmax ? d[i] - along : d[i] * (1 - p));
        s->dsize[k] = fabs(factor * p * d[i]);
    }
}

static void differentiate_maps(struct state *s, struct gradients *d)
{
    size_t n = s->n;
    double two = has(s, NO_FACTOR) ? 1 : 2, size[PLACES];
    close_gates(s, d->pre, s->pre, PRE_EPSILON, 0,
                has(s, SOFTMAX_PRE), 1);
    close_gates(s, d->post, s->post, POST_EPSILON, n,
                has(s, SOFTMAX_POST), two);
    balance_backward(s, d->res, size);
    for (size_t i = 0; i < n * n; i++) {
        size_t k = s->row[2 * n + i];
        s->dlogit[k] = d->res[i];
        s->dsize[k] = sqrt(size[i]);
    }
}

// Gradients of the parameters
static void gather(struct state *s, enum item role, size_t i,
                   double value)
{
    double *to = &s->b->at[role][i];
    *to = summed(s, *to + value, fabs(*to + value));
}

static void gather_size(struct state *s, enum item role, size_t i,
                        double size)
{
    s->r->sizes->at[role][i] += size * size;
}

static void gather_sizes(struct state *s, size_t k, double dz_size)
{
    size_t inputs = s->n * s->C;
    gather_size(s, DBIAS, k, s->dsize[k]);
    for (size_t i = 0; i < inputs; i++)
        gather_size(s, DPHI, k * inputs + i, dz_size * s->unit[i]);
}

static void differentiate_projection(struct state *s)
{
    size_t inputs = s->n * s->C;
    double sizes[3] = { 0 };
    for (size_t i = 0; i < inputs; i++)
        s->dunit[i] = 0;
    for (size_t k = 0; k < s->K; k++) {
        const double *phi = s->b->at[PHI] + k * inputs;
        size_t group = s->group[k], alpha = s->alpha[k];
        double d = between(s, s->dlogit[k], fabs(s->dlogit[k]));
        double by = has(s, ALPHA_FORGOTTEN) ? 1 : alpha_of(s, k);
        double dz = d * by;
        if (!has(s, NO_BIAS + group))
            gather(s, DBIAS, k, d);
        if (!has(s, NO_ALPHA + group))
            gather(s, DALPHA, alpha, d * s->z[k]);
        if (has(s, TANH))
            dz *= 1 - s->z[k] * s->z[k];
        dz = between(s, dz, fabs(dz));
        sizes[alpha] += s->dsize[k] * fabs(s->z[k]);
        if (s->r->sizes != NULL)
            gather_sizes(s, k, s->dsize[k] * by);
        double *dphi = s->b->at[DPHI] + k * inputs;
        for (size_t i = 0; i < inputs; i++) {
            s->dunit[i] += dz * phi[i];
            dphi[i] += dz * s->unit[i];
        }
        for (size_t i = 0; s->r->rough != NULL && i < inputs; i++)
            dphi[i] = summed(s, dphi[i], fabs(dphi[i]));
    }
    for (size_t a = 0; s->r->sizes != NULL && a < 3; a++)
        gather_size(s, DALPHA, a, sizes[a]);
}

// A token backward
/* count numbers of the token, in room if they are rough */
static const double *given(struct state *s, enum item role,
                           double *room, size_t count)
{
    const double *x = s->b->at[role] + s->token * count;
    if (s->r->rough == NULL || s->r->rough->at[role] == 0)
        return x;
    for (size_t i = 0; i < count; i++)
        room[i] = stored(s, role, x[i], fabs(x[i]));
    return room;
}

static void backward(struct state *s)
{
    size_t n = s->n, C = s->C, t = s->token;
    size_t parts = has(s, NORM_PER_STREAM) ? n : 1;
    struct gradients d = { .pre = { 0 } };
    s->dnext = given(s, DNEXT, s->room, n * C);
    s->dinput = given(s, DINPUT, s->room + n * C, C);
    differentiate_mixing(s, &d);
    differentiate_maps(s, &d);
    differentiate_projection(s);
    for (size_t i = 0; i < n; i++) {
        size_t begin = parts == 1 ? 0 : i * C, each = n * C / parts;
        double along = dot(s, s->dunit + begin, s->unit + begin, each)
                     / (double)each * s->stretch[i];
        if (has(s, NO_NORM) || has(s, NORM_CUT))
            along = 0;
        for (size_t c = 0; c < C; c++) {
            // The gradient of channel c of stream i
            size_t at = i * C + c;
            double read = has(s, READ_CUT) ? 0
                        : s->pre[i] * s->dinput[c];
            double projected = s->dunit[at], back = s->unit[at] * along;
            struct sum sum = { .value = read, .size = fabs(read) };
            if (!has(s, PATH_CUT)) {
                sum.value += s->scale[i] * (projected - back);
                sum.size += s->scale[i] * (fabs(projected) + fabs(back));
            }
            for (size_t j = 0; j < n && !has(s, MIX_CUT); j++) {
                double mix = has(s, NOT_TRANSPOSED_BACK) ? mixes(s, i, j)
                                                         : mixes(s, j, i);
                plus(&sum, mix * s->dnext[j * C + c]);
            }
            put(s, DSTREAMS, t * n * C + at, sum);
        }
    }
    for (size_t c = 0; c < C; c++) {
        struct sum sum = { 0 };
        for (size_t i = 0; i < n; i++) {
            double by = has(s, POST_FORGOTTEN) ? 1 : s->post[i];
            plus(&sum, by * s->dnext[i * C + c]);
        }
        put(s, DANSWER, t * C + c, sum);
    }
}

// Run the reference
/* what was gathered is stored */
static void finish(struct state *s, enum item role, size_t count)
{
    double *x = s->b->at[role];
    for (size_t i = 0; x != NULL && i < count; i++)
        x[i] = stored(s, role, x[i], fabs(x[i]));
}

bool reference_makes(const struct boundary *b, enum item role)
{
    bool forward = b->at[ANSWER] != NULL;
    if (role <= INPUT)
        return true;
    return forward && (role <= EXIT || (b->at[DNEXT] != NULL
                                        && b->at[DINPUT] != NULL));
}

static bool run_pass(struct state *s, const struct way *way,
                     struct message *m)
{
    s->way = way;
    s->wrong = way->wrong;
    bool again = memcmp(way, &s->r->forward, sizeof *way) != 0;
    if ((way == &s->r->forward || again) && !coefficients(s, m))
        return false;
    if (s->token == 0)
        memcpy(first_of(s), s->res, sizeof s->res);
    return true;
}

static bool run_tokens(struct state *s, struct message *m)
{
    const struct boundary *b = s->b;
    const struct rules *r = s->r;
    bool differentiates = reference_makes(b, DSTREAMS);
    bool last = r->backward.wrong & MISTAKE(FIRST_GATHERED);
    for (size_t i = 0; i < b->tokens + last; i++) {
        s->token = i % b->tokens;
        if (!run_pass(s, &r->forward, m))
            return false;
        forward(s);
        if (!differentiates)
            continue;
        if (!run_pass(s, &r->backward, m))
            return false;
        if (i > 0 || !last)
            backward(s);
    }
    return true;
}

bool reference_run(struct boundary *b, const struct rules *r,
                   struct message *m)
{
    size_t inputs = b->streams * b->width;
    struct state *s = memory_new(1, sizeof *s, m);
    double *work = memory_new(3 * inputs + b->width, sizeof *work, m);
    bool good = s != NULL && work != NULL;
    if (good) {
        s->b = b;
        s->r = r;
        s->n = b->streams;
        s->C = b->width;
        s->K = s->n * (s->n + 2);
        size_t count[] = { s->K * inputs, 3, s->K };
        s->unit = work;
        s->dunit = work + inputs;
        s->room = work + 2 * inputs;
        s->noise = 0x9e3779b97f4a7c15
                 ^ (r->rough == NULL ? 0 : r->rough->seed << 32);
        for (size_t i = 0; i < 3; i++)
            if (b->at[DPHI + i] != NULL)
                memset(b->at[DPHI + i], 0, count[i] * sizeof(double));
        good = run_tokens(s, m);
        for (size_t i = 0; i < 3; i++)
            finish(s, (enum item)(DPHI + i), count[i]);
    }
    memory_free(work);
    memory_free(s);
    return good;
}
