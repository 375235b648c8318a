#include "kinds.h"
#include "boundary/residual.h"
#include <string.h>

// Mix, and remember how
enum { PHI, BIAS, SCALE, LEAVE = 0 };

static size_t mix_coefficients(const struct connection *k, size_t n)
{
    (void)k;
    return n + n + n * n;
}

static size_t mix_work(const struct configuration *c, size_t tokens)
{
    return tokens * mix_coefficients(NULL, c->streams);
}

static void mix_declare(const struct connection *k,
                        struct parameters *p, size_t offset[],
                        const char *prefix,
                        const struct configuration *c, size_t index,
                        bool exit)
{
    (void)k;
    size_t n = c->streams, K = mix_coefficients(NULL, n);
    if (exit) {
        offset[LEAVE] = parameter_add(p, prefix, "leave", 1, n,
                                      start_constant(1), false);
        return;
    }
    offset[PHI] = parameter_add(p, prefix, "phi", K, n * c->width,
                                start_normal(0.02), true);
    offset[BIAS] = parameter_add(p, prefix, "bias", 1, K,
                                 start_pattern(1, 0, index), false);
    if (index == 0)
        offset[SCALE] = parameter_add(p, prefix, "scale", 1, n,
                                      start_constant(1), false);
}

// Enter and leave with a weight for each stream
static void mix_enter(const struct site *s, const real *vector)
{
    size_t n = s->streams, C = s->width;
    for (size_t t = 0; t < s->tokens; t++)
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < C; c++)
                s->stream[(t * n + i) * C + c] =
                    s->weight[SCALE][i] * vector[t * C + c];
    s->work[0] = 0;
}

static void mix_leave(const struct site *s)
{
    size_t n = s->streams, C = s->width;
    memset(s->input, 0, s->tokens * C * sizeof(real));
    for (size_t t = 0; t < s->tokens; t++)
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < C; c++)
                s->input[t * C + c] += s->weight[LEAVE][i]
                                     * s->stream[(t * n + i) * C + c];
}

// Read by coefficients
static void mix_read(const struct site *s)
{
    size_t n = s->streams, C = s->width, K = mix_coefficients(NULL, n);
    for (size_t t = 0; t < s->tokens; t++) {
        const real *x = s->stream + t * n * C;
        real *k = s->coefficients + t * K;
        for (size_t j = 0; j < K; j++) {
            double sum = (double)s->weight[BIAS][j];
            for (size_t i = 0; i < n * C; i++)
                sum += (double)s->weight[PHI][j * n * C + i]
                     * (double)x[i];
            k[j] = (real)tanh(sum);
        }
        for (size_t c = 0; c < C; c++) {
            s->input[t * C + c] = 0;
            for (size_t i = 0; i < n; i++)
                s->input[t * C + c] += k[i] * x[i * C + c];
        }
    }
}

// Write by coefficients
static void mix_write(real *next, const struct site *s)
{
    size_t n = s->streams, C = s->width, K = mix_coefficients(NULL, n);
    for (size_t t = 0; t < s->tokens; t++) {
        const real *x = s->stream + t * n * C;
        const real *post = s->coefficients + t * K + n, *res = post + n;
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < C; c++) {
                real sum = post[i] * s->answer[t * C + c];
                for (size_t j = 0; j < n; j++)
                    sum += res[i * n + j] * x[j * C + c];
                next[(t * n + i) * C + c] = sum;
            }
    }
}

// Mix, backward
// Enter and leave, backward
static void mix_enter_backward(real *dvector, const struct site *s)
{
    size_t n = s->streams, C = s->width;
    for (size_t t = 0; t < s->tokens; t++)
        for (size_t c = 0; c < C; c++) {
            real v = s->stream[t * n * C + c] / s->weight[SCALE][0];
            real sum = 0;
            for (size_t i = 0; i < n; i++) {
                real d = s->dstream[(t * n + i) * C + c];
                sum += s->weight[SCALE][i] * d;
                s->gradient[SCALE][i] += d * v;
            }
            dvector[t * C + c] = sum;
        }
}

static void mix_leave_backward(const struct site *s)
{
    size_t n = s->streams, C = s->width;
    for (size_t t = 0; t < s->tokens; t++)
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < C; c++) {
                size_t at = (t * n + i) * C + c;
                real d = s->dinput[t * C + c];
                s->dstream[at] += s->weight[LEAVE][i] * d;
                s->gradient[LEAVE][i] += d * s->stream[at];
            }
}

// Read, backward
static void mix_read_backward(const struct site *s)
{
    size_t n = s->streams, C = s->width, K = mix_coefficients(NULL, n);
    for (size_t t = 0; t < s->tokens; t++) {
        const real *x = s->stream + t * n * C;
        const real *d = s->dinput + t * C, *k = s->coefficients + t * K;
        real *dx = s->dstream + t * n * C, *du = s->work + t * K;
        for (size_t j = 0; j < K; j++)
            du[j] = s->dcoefficients[t * K + j];
        for (size_t i = 0; i < n * C; i++) {
            du[i / C] += d[i % C] * x[i];
            dx[i] += k[i / C] * d[i % C];
        }
        for (size_t j = 0; j < K; j++) {
            du[j] *= 1 - k[j] * k[j];
            s->gradient[BIAS][j] += du[j];
            for (size_t i = 0; i < n * C; i++) {
                s->gradient[PHI][j * n * C + i] += du[j] * x[i];
                dx[i] += du[j] * s->weight[PHI][j * n * C + i];
            }
        }
    }
}

// Write, backward
static void mix_write_backward(const struct site *s,
                                  const real *dnext)
{
    size_t n = s->streams, C = s->width, K = mix_coefficients(NULL, n);
    memset(s->dcoefficients, 0, s->tokens * K * sizeof(real));
    memset(s->dstream, 0, s->tokens * n * C * sizeof(real));
    memset(s->danswer, 0, s->tokens * C * sizeof(real));
    for (size_t t = 0; t < s->tokens; t++) {
        const real *x = s->stream + t * n * C, *d = dnext + t * n * C;
        const real *post = s->coefficients + t * K + n, *res = post + n;
        real *dpost = s->dcoefficients + t * K + n, *dres = dpost + n;
        for (size_t i = 0; i < n; i++)
            for (size_t c = 0; c < C; c++) {
                size_t at = t * C + c;
                dpost[i] += d[i * C + c] * s->answer[at];
                s->danswer[at] += post[i] * d[i * C + c];
                for (size_t j = 0; j < n; j++) {
                    dres[i * n + j] += d[i * C + c] * x[j * C + c];
                    s->dstream[(t * n + j) * C + c] +=
                        res[i * n + j] * d[i * C + c];
                }
            }
    }
}

// Cross token by token
static struct site token_of(const struct site *s, size_t t)
{
    struct site one = *s;
    size_t C = s->width, n = s->streams, K = mix_coefficients(NULL, n);
    one.tokens = 1;
    one.stream += t * n * C;
    one.dstream += t * n * C;
    one.input += t * C;
    one.dinput += t * C;
    one.normed += t * C;
    one.dnormed += t * C;
    one.danswer += t * C;
    one.inverse_rms += t;
    if (s->answer != NULL)
        one.answer += t * C;
    if (s->coefficients != NULL) {
        one.coefficients += t * K;
        one.dcoefficients += t * K;
    }
    return one;
}

// Cross with the halves of a kind
static void by_token(const struct connection *k,
                     const struct site *from, const struct site *to)
{
    for (size_t t = 0; t < from->tokens; t++) {
        struct site f = token_of(from, t), n = token_of(to, t);
        k->write(n.stream, &f);
        connection_arrive(k, &n);
    }
}

static void by_token_backward(const struct connection *k,
                              const struct site *from,
                              const struct site *to)
{
    for (size_t t = 0; t < from->tokens; t++) {
        struct site f = token_of(from, t), n = token_of(to, t);
        connection_arrive_backward(k, &n);
        k->write_backward(&f, n.dstream);
    }
}

// Cross token by token for each kind
static void mix_cross(const struct site *from, const struct site *to)
{
    by_token(&mixing, from, to);
}

static void mix_cross_backward(const struct site *from,
                                  const struct site *to)
{
    by_token_backward(&mixing, from, to);
}

static void residual_cross(const struct site *from,
                           const struct site *to)
{
    by_token(&residual_unfused, from, to);
}

static void residual_cross_backward(const struct site *from,
                                    const struct site *to)
{
    by_token_backward(&residual_unfused, from, to);
}

static void add(real *next, const struct site *s)
{
    for (size_t i = 0; i < s->tokens * s->width; i++)
        next[i] = s->stream[i] + s->answer[i];
}

static void add_backward(const struct site *s, const real *dnext)
{
    size_t bytes = s->tokens * s->width * sizeof(real);
    memcpy(s->dstream, dnext, bytes);
    memcpy(s->danswer, dnext, bytes);
}

// The connections of the tests
#define MIXING .summary = "for tests", \
    .most_streams = 8, .keeps_answer = true, \
    .coefficients = mix_coefficients, .work = mix_work, \
    .declare = mix_declare, \
    .enter = mix_enter, .enter_backward = mix_enter_backward, \
    .read = mix_read, .read_backward = mix_read_backward, \
    .write = mix_write, .write_backward = mix_write_backward, \
    .leave = mix_leave, .leave_backward = mix_leave_backward

const struct connection mixing = { .name = "mixing", MIXING };
const struct connection mixing_by_token = {
    .name = "mixing", MIXING, .cross = mix_cross,
    .cross_backward = mix_cross_backward
};
const struct connection residual_unfused = {
    .name = "residual", .most_streams = 1, .write = add,
    .write_backward = add_backward
};
const struct connection residual_by_token = {
    .name = "residual", .most_streams = 1, .write = add,
    .write_backward = add_backward, .cross = residual_cross,
    .cross_backward = residual_cross_backward
};

// A mixture of two experts
enum { CHOICE, IN /* and IN+1 */, BACK = 3 /* and 4 */ };
enum { SHARE, INSIDE /* and 2 */, GIVEN = 3 /* and 4 */,
       DSHARE = 5, DGIVEN, DINSIDE };

static void mixture_declare(struct parameters *p, size_t offset[],
                            const char *prefix,
                            const struct configuration *c)
{
    size_t H = configuration_hidden(c), C = c->width;
    offset[CHOICE] = parameter_add(p, prefix, "choice", 2, C,
                                   start_normal(1), true);
    for (size_t e = 0; e < 2; e++) {
        offset[IN + e] = parameter_add(p, prefix, e ? "in.1" : "in.0",
                                       H, C, start_normal(1), true);
        offset[BACK + e] = parameter_add(p, prefix,
                                         e ? "out.1" : "out.0", C, H,
                                         start_normal(1), true);
    }
}

static void mixture_plan(struct need need[], const struct device *d,
                         const struct configuration *c,
                         size_t sequences)
{
    (void)d;
    size_t T = sequences * c->context, H = configuration_hidden(c);
    need[SHARE] = (struct need){ "share", KEPT, EXACT, T, 2 };
    need[DSHARE] = (struct need){ "dshare", RETURN, EXACT, T, 2 };
    for (size_t e = 0; e < 2; e++) {
        need[INSIDE + e] = (struct need){ "inside", KEPT, ROUNDED, T,
                                          H };
        need[GIVEN + e] = (struct need){ "given", KEPT, ROUNDED, T,
                                         c->width };
    }
    need[DGIVEN] = (struct need){ "dgiven", RETURN, ROUNDED, T,
                                  c->width };
    need[DINSIDE] = (struct need){ "dinside", RETURN, ROUNDED, T, H };
}

// Ask both experts
static void mixture_forward(const struct work *w)
{
    const struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    size_t H = configuration_hidden(w->configuration);
    real *share = w->array[SHARE];
    d->matmul_exact.forward(share, w->normed, w->weight[CHOICE],
                            T, 2, C);
    for (size_t t = 0; t < T; t++) {
        real first = 1 / (1 + (real)exp((double)(share[2 * t + 1]
                                                 - share[2 * t])));
        share[2 * t] = first;
        share[2 * t + 1] = 1 - first;
    }
    memset(w->answer, 0, T * C * sizeof(real));
    for (size_t e = 0; e < 2; e++) {
        real *inside = w->array[INSIDE + e], *y = w->array[GIVEN + e];
        d->matmul.forward(inside, w->normed, w->weight[IN + e],
                          T, H, C);
        for (size_t i = 0; i < T * H; i++)
            inside[i] = (real)tanh((double)inside[i]);
        d->matmul.forward(y, inside, w->weight[BACK + e], T, C, H);
        for (size_t i = 0; i < T * C; i++)
            w->answer[i] += share[2 * (i / C) + e] * y[i];
    }
}

// Ask both experts, backward
static void mixture_backward(const struct work *w)
{
    const struct device *d = w->device;
    size_t T = w->tokens, C = w->configuration->width;
    size_t H = configuration_hidden(w->configuration);
    real *share = w->array[SHARE], *dshare = w->array[DSHARE];
    memset(dshare, 0, 2 * T * sizeof(real));
    for (size_t e = 0; e < 2; e++) {
        // Go back through expert e
        real *inside = w->array[INSIDE + e], *y = w->array[GIVEN + e];
        real *dy = w->array[DGIVEN], *dinside = w->array[DINSIDE];
        for (size_t i = 0; i < T * C; i++) {
            dy[i] = share[2 * (i / C) + e] * w->danswer[i];
            dshare[2 * (i / C) + e] += y[i] * w->danswer[i];
        }
        d->matmul.backward_weight(w->gradient[BACK + e], dy, inside, T, C, H);
        d->matmul.backward_input(dinside, dy, w->weight[BACK + e], T, C, H,
                                 false);
        for (size_t i = 0; i < T * H; i++)
            dinside[i] *= 1 - inside[i] * inside[i];
        d->matmul.backward_weight(w->gradient[IN + e], dinside, w->normed,
                                  T, H, C);
        d->matmul.backward_input(w->dnormed, dinside, w->weight[IN + e],
                                 T, H, C, e > 0);
    }
    for (size_t t = 0; t < T; t++) {
        real slope = share[2 * t] * share[2 * t + 1]
                   * (dshare[2 * t] - dshare[2 * t + 1]);
        dshare[2 * t] = slope;
        dshare[2 * t + 1] = -slope;
    }
    d->matmul_exact.backward_weight(w->gradient[CHOICE], dshare,
                                    w->normed, T, 2, C);
    d->matmul_exact.backward_input(w->dnormed, dshare,
                                   w->weight[CHOICE], T, 2, C, true);
}

const struct sublayer mixture = {
    "mixture", mixture_declare, mixture_plan, mixture_forward,
    mixture_backward
};
