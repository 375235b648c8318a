#include "support/cpu.h"
#include "model/kinds.h"
#include "ground/random.h"
#include "model/model.h"
#include "mix/sinkhorn.h"
#include "support/lab.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 6, WORDS = 11, LAYERS = 6, SUBLAYERS = 2 * LAYERS,
       MOST = 8, BIASES = 2 * MOST + MOST * MOST };
static token input[LENGTH], target[LENGTH];

// The biases that the answer gives
static double bias[SUBLAYERS][BIASES];
static size_t begin;            /* of the sublayers that are tried */
static char title[60];

static double given(size_t k, size_t n, size_t index)
{
    (void)n;
    return bias[index][k];
}

static bool ask(size_t n)
{
    bool finite = true;
    lab_output(bias, sizeof bias);
    lab_call(
        for (size_t l = 0; l < SUBLAYERS; l++)
            for (size_t k = 0; k < 2 * n + n * n; k++)
                bias[l][k] = mhc_start(k, n, begin + l));
    snprintf(title, sizeof title, "%zu streams, sublayers from %zu", n,
             begin);
    for (size_t l = 0; l < SUBLAYERS; l++)
        for (size_t k = 0; k < 2 * n + n * n; k++)
            finite = finite && fabs(bias[l][k]) < 1e4;
    return lab_true("all biases are numbers", finite, "one is infinite,"
                    " no number, or larger than 10000");
}

static double sigma(double x)
{
    return 1 / (1 + exp(-x));
}

// Open a small model
static struct model open_small(const char *kind, size_t streams)
{
    struct message message = { 0, "" };
    struct configuration c = configuration_default();
    struct model m;
    c.layers = LAYERS;
    c.width = 8;
    c.heads = 2;
    c.context = LENGTH;
    c.vocabulary = WORDS;
    c.streams = streams;
    strcpy(c.connection, kind);
    if (!model_open(&m, &c, &cpu, 1, TRAINING, 0, &message)) {
        printf("%s\n", message.text);
        exit(1);
    }
    for (size_t i = 0; i < m.parameters.used; i++)
        if (m.parameters.list[i].start.kind == RULE)
            m.parameters.list[i].start.rule = given;
    model_initialise(&m);
    return m;
}

// Check the first step
static const char *why_not(size_t n)
{
    for (size_t l = 0; l < SUBLAYERS; l++) {
        double sum = 0;
        for (size_t k = n; k < 2 * n; k++)
            if (fabs(2 * sigma(bias[l][k]) - 1) > 1e-6)
                return "a weight of writing is not 1";
        for (size_t k = 0; k < n; k++)
            sum += sigma(bias[l][k]);
        if (fabs(sum - 1) > 1e-5)
            return "the weights of reading do not add up to 1";
    }
    return "gates are right";
}

static void check_first_step(size_t n)
{
    struct model one = open_small("residual", 1);
    struct model many = open_small("mhc", n);
    double apart = 0;
    char what[110];
    model_forward(&one, input, target);
    model_forward(&many, input, target);
    for (size_t t = 0; t < LENGTH; t++) {
        real x[WORDS], y[WORDS];
        model_logits(&one, x, t);
        model_logits(&many, y, t);
        for (size_t v = 0; v < WORDS; v++)
            apart = fmax(apart, fabs((double)x[v] - (double)y[v]));
    }
    snprintf(what, sizeof what, "%s: the first step is the "
             "residual network's", title);
    lab_true(what, apart < 1e-5, "a logit is off by %.1e: %s", apart,
             why_not(n));
    model_close(&one);
    model_close(&many);
}

// Check the gates
static void check_gates(size_t n)
{
    char what[110];
    for (size_t part = 0; part < 2; part++) {
        double least = 1;
        size_t at = 0;
        for (size_t i = 0; i < SUBLAYERS * n; i++) {
            double s = sigma(bias[i / n][part * n + i % n]);
            if (s * (1 - s) < least) {
                least = s * (1 - s);
                at = i;
            }
        }
        snprintf(what, sizeof what, "%s: %s can learn", title,
                 part ? "writing" : "reading");
        lab_true(what, least >= 1e-3, "at sublayer %zu the weight of "
                 "stream %zu moves by %.1e for a unit of its bias: %s "
                 "is frozen", begin + at / n, at % n,
                 least * (double)(1 + part),
                 part ? "writing" : "reading");
    }
}

// Check the mixes
/* how far each entry beside the diagonal moves with its own logit */
static double least_slope(const real *logits, size_t n)
{
    double least = INFINITY;
    for (size_t e = 0; e < n * n; e++) {
        real slope[MOST * MOST] = { 0 };
        slope[e] = 1;
        sinkhorn_backward(slope, slope, logits, 1, n, 20);
        if (e % (n + 1) != 0)
            least = fmin(least, fabs((double)slope[e]));
    }
    return least;
}

static void check_mix(size_t n)
{
    double kept = 1, slope = INFINITY, x[MOST][MOST] = { { 0 } };
    char what[110];
    for (size_t i = 0; i < n; i++)
        x[i][i] = 1;
    for (size_t l = 0; l < 60; l++) {
        real logits[MOST * MOST], mix[MOST * MOST];
        double next[MOST][MOST] = { { 0 } };
        for (size_t e = 0; e < n * n; e++)
            logits[e] = (real)bias[l % SUBLAYERS][2 * n + e];
        sinkhorn_forward(mix, logits, 1, n, 20);
        for (size_t e = 0; e < n * n; e++)
            for (size_t k = 0; k < n; k++)
                next[e / n][k] += (double)mix[e] * x[e % n][k];
        memcpy(x, next, sizeof x);
        if (l < SUBLAYERS)
            slope = fmin(slope, least_slope(logits, n));
    }
    for (size_t i = 0; i < n; i++)
        kept = fmin(kept, x[i][i]);
    snprintf(what, sizeof what, "%s: they survive 60 mixes",
             title);
    lab_true(what, kept > 0.75, "of a stream %.0f %% are left: the "
             "streams are mixed away", 100 * kept);
    snprintf(what, sizeof what, "%s: the mix can learn", title);
    lab_true(what, slope > 1e-5, "an entry moves by %.1e for a unit of "
             "its logit: the mix is frozen", slope);
}

// Check that streams come apart
struct pair { double least; size_t first, second; };

static void look(void *context, const struct site *s)
{
    struct pair *closest = context;
    size_t n = s->streams, C = s->width;
    for (size_t i = 0; s->exit && i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            double square = 0, apart = 0;
            for (size_t c = 0; c < C; c++) {
                double x = (double)reals(s->stream)[i * C + c];
                double d = (double)reals(s->stream)[j * C + c] - x;
                square += x * x;
                apart += d * d;
            }
            if (sqrt(apart / square) < closest->least)
                *closest = (struct pair){ sqrt(apart / square), i, j };
        }
}

static void check_apart(size_t n)
{
    struct model m = open_small("mhc", n);
    struct pair closest = { 1e9, 0, 0 };
    char what[110];
    for (int step = 0; step < 20; step++) {
        memset(reals(m.gradients), 0,
               m.parameters.count * sizeof(real));
        model_forward(&m, input, target);
        model_backward(&m, 1);
        for (size_t i = 0; i < m.parameters.count; i++)
            reals(m.weights)[i] -= (real)0.3 * reals(m.gradients)[i];
    }
    m.watch = (struct watch){ .forward = look, .context = &closest };
    model_forward(&m, input, target);
    snprintf(what, sizeof what, "%s: all come apart", title);
    bool alike = true;
    for (size_t l = 0; l < SUBLAYERS; l++)
        alike = alike
             && bias[l][closest.first] == bias[l][closest.second];
    lab_true(what, closest.least > 1e-5, "after 20 updates streams %zu "
             "and %zu are the same to %.0e%s", closest.first,
             closest.second, closest.least,
             alike ? ": no sublayer prefers one of them" : "");
    model_close(&m);
}

int main(void)
{
    lab_begin("Lab 24: a beginning for mHC");
    for (size_t i = 0; i < LENGTH; i++) {
        input[i] = (token)random_below(5, 0, i, WORDS);
        target[i] = (token)random_below(6, 0, i, WORDS);
    }
    for (size_t k = 0; k < 6; k++) {
        size_t n = (size_t)2 << k % 3;
        begin = k < 3 ? 0 : lab_size(k, 1, 500);
        if (!ask(n))
            break;
        check_first_step(n);
        check_gates(n);
        check_mix(n);
        check_apart(n);
    }
    return lab_end();
}
