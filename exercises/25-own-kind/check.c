#include "support/cpu.h"
#include "mix/gates.h"
#include "model/model.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/lab.h"
#include <math.h>
#include <string.h>

enum { TOKENS = 70, ROW = 200 };
static real rows[TOKENS * ROW], start[TOKENS * ROW];
static real drows[TOKENS * ROW], seeds[TOKENS * ROW];
static real bias[32], dbias[32];
static real alpha[3] = { 1, 1, (real)1.5 }, dalpha[3];
static struct layout layout;

// A lazy mix, right or with a mistake
static enum mistake { NONE, OWN_SHARE, TURNED, NO_MEAN, NO_SLOPE,
                      DIAGONAL_ONLY, MISTAKES } mistake;
static const char *const saying[MISTAKES] = { "",
    "the mean without its share of the diagonal",
    "p and 1 - p exchanged",
    "a mean that is not divided by n",
    "a gradient without p (1 - p)",
    "a gradient of the p on the diagonal alone" };

static void right_mix(real *matrix, const real *logits, size_t count,
                      size_t n)
{
    for (size_t e = 0; e < count * n * n; e++) {
        double p = 1 / (1 + exp(-(double)logits[e / (n * n)]));
        bool own = e % (n * n) % (n + 1) == 0;
        if (mistake == TURNED)
            p = 1 - p;
        double mean = (1 - p) / (mistake == NO_MEAN ? 1 : (double)n);
        matrix[e] = (real)(mistake == OWN_SHARE ? (own ? p : mean)
                                                : (own ? p : 0) + mean);
    }
}

static void right_back(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n)
{
    for (size_t t = 0; t < count; t++) {
        double p = 1 / (1 + exp(-(double)logits[t])), sum = 0;
        for (size_t e = 0; e < n * n; e++)
            sum += (double)dmatrix[t * n * n + e]
                 * ((e % (n + 1) == 0)
                    - (mistake == DIAGONAL_ONLY ? 0 : 1 / (double)n));
        dlogits[t] = (real)(sum * (mistake == NO_SLOPE ? 1
                                                       : p * (1 - p)));
    }
}

// Lazy coefficients, right or with a mistake
static void right_forward(real *all)
{
    static real logits[TOKENS], matrix[TOKENS * 64];
    size_t n = layout.streams, K = layout_row(&layout);
    gates_forward(all, alpha, bias, &layout, TOKENS);
    mix_logits(logits, all, alpha, bias, &layout, TOKENS);
    right_mix(matrix, logits, TOKENS, n);
    for (size_t e = 0; e < TOKENS * n * n; e++)
        all[e / (n * n) * K + 2 * n + e % (n * n)] = matrix[e];
}

static void right_backward(real *d, const real *all)
{
    static real logits[TOKENS], dlogits[TOKENS], dmatrix[TOKENS * 64];
    real unused[32] = { 0 };
    size_t n = layout.streams, K = layout_row(&layout);
    gates_backward(d, unused, unused, all, alpha, &layout, TOKENS);
    mix_logits(logits, all, alpha, bias, &layout, TOKENS);
    for (size_t e = 0; e < TOKENS * n * n; e++)
        dmatrix[e] = d[e / (n * n) * K + 2 * n + e % (n * n)];
    right_back(dlogits, dmatrix, logits, TOKENS, n);
    mix_logits_backward(d, unused, unused, dlogits, all, alpha, &layout,
                        TOKENS);
}

// Compare lazy mixes
static void compare_mixes(size_t n)
{
    static real got[TOKENS * 64], want[TOKENS * 64];
    const size_t shape[3] = { TOKENS, n, n };
    size_t K = layout_row(&layout);
    fill_normal(start, TOKENS * K, n, 1);
    fill_normal(bias, 32, n + 1, 1);
    for (size_t t = 0; t < TOKENS; t++)
        start[t * K + layout_rms(&layout)] = (real)0.8;
    for (size_t t = 0; t < 2; t++)      /* exp of it is infinite */
        start[t * K + layout_raw(&layout) + 2 * n] = t ? 1e3 : -1e3;
    lab_start(rows, start, TOKENS * K);
    lab_call(mix_forward(rows, alpha, bias, &layout, TOKENS));
    for (size_t e = 0; e < TOKENS * n * n; e++)
        got[e] = rows[e / (n * n) * K + 2 * n + e % (n * n)];
    bool good = false;
    for (int m = NONE; m < OWN_SHARE || (!good && m <= NO_MEAN); m++) {
        mistake = (enum mistake)m;
        memcpy(rows, start, sizeof rows);
        right_forward(rows);
        for (size_t e = 0; e < TOKENS * n * n; e++)
            want[e] = rows[e / (n * n) * K + 2 * n + e % (n * n)];
        lab_axes("tij");
        if (m == NONE)
            good = lab_compare("matrix, the mix", got, want, shape, 3,
                               1e-6);
        else
            lab_mistake(saying[m], want);
    }
    mistake = NONE;
}

// Hold the gradients of a lazy mix against differences
static double objective(void *context)
{
    double sum = 0;
    size_t K = layout_row(&layout), used = layout_raw(&layout);
    (void)context;
    right_forward(rows);
    for (size_t t = 0; t < TOKENS; t++)
        for (size_t k = 0; k < used; k++)
            sum += seeds[t * K + k] * rows[t * K + k];
    return sum;
}

static void compare_one(const char *what, real *x, const real *gradient,
                        size_t count)
{
    struct difference d = difference_check(objective, NULL, x, gradient,
                                           count);
    lab_true(what, d.worst < 1e-6, "element %zu is off by %.1e of the "
             "largest; central differences know better", d.at, d.worst);
}

/* the gradient of u, for each token */
static void take_logits(real *to, const real *from)
{
    size_t K = layout_row(&layout);
    size_t at = layout_raw(&layout) + 2 * layout.streams;
    for (size_t t = 0; t < TOKENS; t++)
        to[t] = from[t * K + at];
}

static void compare_gradients(size_t n)
{
    static const real zeros[32];
    static const size_t shape[] = { TOKENS };
    static real other[TOKENS * ROW];
    size_t K = layout_row(&layout), raw = layout_raw(&layout);
    real z[32], got[TOKENS], want[TOKENS];
    fill_normal(seeds, TOKENS * K, n + 2, 1);
    memcpy(rows, start, sizeof rows);
    right_forward(rows);
    lab_input("coefficients", rows, sizeof rows);
    lab_start(drows, seeds, TOKENS * K);
    lab_start(dalpha, zeros, 3);
    lab_start(dbias, zeros, 32);
    lab_call(mix_backward(drows, dalpha, dbias, rows, alpha, bias,
                          &layout, TOKENS));
    take_logits(got, drows);
    bool good = false;
    for (int m = NONE; m == NONE || (!good && m < MISTAKES); m++) {
        mistake = (enum mistake)m;
        memcpy(other, seeds, sizeof other);
        right_backward(other, rows);
        take_logits(want, other);
        lab_axes("t");
        if (m == NONE)
            good = lab_compare("dlogits, the gradient of a token's u",
                               got, want, shape, 1, 1e-6);
        else if (m > NO_MEAN)
            lab_mistake(saying[m], want);
    }
    mistake = NONE;
    for (size_t k = 0; k < layout.outputs; k++)
        z[k] = (real)0.8 * drows[raw + k];
    compare_one("the gradient of a token's z", rows + raw, z,
                layout.outputs);
    compare_one("the gradient of alpha", alpha, dalpha, 3);
    compare_one("the gradient of the bias", bias, dbias,
                layout.outputs);
}

// Run a lazy model
static uint64_t seed;           /* of the models */
static size_t layers;

IN_CHILD
static struct configuration small(const char *kind, size_t n)
{
    struct configuration c = configuration_default();
    c.layers = layers, c.width = 8, c.heads = 2, c.context = 8;
    c.vocabulary = 11, c.streams = n, c.seed = seed;
    strcpy(c.connection, kind);
    return c;
}

IN_CHILD
static double loss_of(struct model *m)
{
    token text[8] = { 3, 1, 4, 1, 5, 9, 2, 6 };
    model_initialise(m);
    model_forward(m, text, text);
    return model_loss(m);
}

IN_CHILD
static double lazy_loss(size_t n, double *start_of_mix, double *gates)
{
    struct configuration c = small("lazy", n);
    struct message message = { 0, "" };
    struct model m;
    if (!model_open(&m, &c, &cpu, 1, TRAINING, 0, &message))
        return NAN;
    double loss = loss_of(&m);
    for (size_t l = 0; l < 2 * layers; l++) {
        char name[40];
        snprintf(name, sizeof name, "sublayer.%zu.lazy.bias", l);
        const struct parameter *p = parameter_find(&m.parameters, name);
        double u = p == NULL ? NAN
                 : (double)reals(m.weights)[p->offset + 2 * n];
        *start_of_mix += u;
        for (size_t k = 0; p != NULL && k < 2 * n; k++)
            *gates = fmax(*gates,
                          fabs((double)reals(m.weights)[p->offset + k]
                                       - mhc_start(k, n, l)));
    }
    model_close(&m);
    return loss;
}

/* by the judge, without the answer's table */
static double plain_loss(void)
{
    static const struct sublayer *const pattern[] = {
        &attention_sublayer, &feedforward_sublayer };
    struct architecture a = { &residual, pattern, 2 };
    struct configuration c = small("residual", 1);
    struct message message = { 0, "" };
    struct model m;
    if (!model_plan(&m, &a, &c, &cpu, 1, TRAINING, 0, &message)
        || !model_allocate(&m, &message))
        return NAN;
    double loss = loss_of(&m);
    model_close(&m);
    return loss;
}

static void run_model(size_t n)
{
    double u = 0, gates = 0, ours = NAN;
    lab_output(&u, sizeof u);
    lab_output(&gates, sizeof gates);
    lab_output(&ours, sizeof ours);
    seed = lab_seed(n) % 1000000;
    layers = lab_size(n + 10, 1, 5);
    lab_call(ours = lazy_loss(n, &u, &gates));
    double plain = plain_loss();
    u /= 2 * (double)layers;    /* as many as the judge knows of */
    lab_true("it starts as the residual network",
             fabs(ours - plain) < 1e-5, "loss %.7f, not %.7f", ours,
             plain);
    lab_true("it starts next to the identity", fabs(u - 8) < 1e-6,
             "u starts at %.2g, not 8%s", u,
             u < 7 ? ": the streams start mixed" : "");
    lab_true("its gates start as those of mhc", gates < 1e-6,
             "one starts %.2g away: does it depend on the site?",
             gates);
}

// Find the other kinds
/* by their names, and none by a name that is like one of theirs */
IN_CHILD
static bool finds_others(void)
{
    static const struct connection *const other[] = {
        &residual, &hc_static, &hc, &hc_three, &mhc, &identity,
        &wide_residual, &mhc_lite, &krom };
    bool right = connection_find("laz") == NULL
              && connection_find("lazy-") == NULL;
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        right = right && connection_find(other[i]->name) == other[i];
    return right;
}

int main(void)
{
    lab_begin("Lab 25: a connection kind of your own");
    const size_t streams[] = { 2, 4, 8, lab_size(0, 5, 7) };
    bool found = false, others = false;
    size_t outputs[9] = { 0 };
    lab_output(&found, sizeof found);
    lab_output(&others, sizeof others);
    lab_output(outputs, sizeof outputs);
    lab_call(
        found = connection_find("lazy") != NULL;
        others = finds_others();
        for (size_t n = 2; n <= 8 && found; n++)
            outputs[n] = mix_biases(MIX_OWN, n));
    if (!lab_true("the table has it and the others", found && others,
                  found ? "another name does not find its kind"
                  : "there is no kind 'lazy' in the table"))
        return lab_end();
    for (size_t i = 0; i < 4; i++) {
        size_t n = streams[i], m = outputs[n];
        if (!lab_true("outputs", m == 2 * n + 1, "for %zu streams "
                      "there are %zu, not %zu", n, m, 2 * n + 1))
            break;
        layout = (struct layout){
            .mix = MIX_OWN, .streams = n, .width = lab_size(n, 1, 5),
            .parts = 1, .outputs = m, .iterations = 1 };
        compare_mixes(n);
        compare_gradients(n);
        run_model(n);
    }
    return lab_end();
}
