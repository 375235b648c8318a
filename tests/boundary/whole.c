#include "support/cpu.h"
#include "whole.h"
#include "ground/random.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>
#include <stdio.h>
#include <string.h>

enum { BATCH = 2, LENGTH = 5, TOKENS = BATCH * LENGTH, WORDS = 11 };

// Open a whole model
struct model whole_open(const struct connection *k, size_t streams,
                        size_t block)
{
    static const struct sublayer *const pattern[] = {
        &attention_sublayer, &feedforward_sublayer };
    struct configuration c = configuration_default();
    struct architecture a = { k, pattern, 2 };
    struct message message = { 0, "" };
    struct model m;
    c.layers = 2, c.width = 8, c.heads = 2, c.hidden = 6;
    c.context = LENGTH, c.vocabulary = WORDS, c.streams = streams;
    bool open = model_plan(&m, &a, &c, &cpu, BATCH, TRAINING, block,
                           &message) && model_allocate(&m, &message);
    ck_assert_msg(open, "%s", message.text);
    model_initialise(&m);
    return m;
}

// Scatter a whole model
void whole_scatter(struct model *m)
{
    size_t n = m->configuration.streams;
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        real *w = reals(m->weights) + p->offset;
        bool bias = strstr(p->name, ".bias") != NULL;
        bool phi = strstr(p->name, ".phi") != NULL;
        fill_normal(w, p->count, 100 + random_stream(p->name) % 1000,
                    phi ? 1 / sqrt((double)p->columns)
                        : p->rows == 1 ? 0.2 : 0.5);
        for (size_t j = 0; p->rows == 1 && j < p->count; j++)
            w[j] += bias && j >= 2 * n ? (real)0.3 : 1;
        bool alpha = strstr(p->name, ".alpha") != NULL;
        for (size_t j = 0; alpha && j < p->count; j++)
            w[j] /= 2;
    }
}

// Run a whole model
static double forward(void *model)
{
    token input[TOKENS], target[TOKENS];
    for (size_t i = 0; i < TOKENS; i++) {
        input[i] = (token)random_below(5, 0, i, WORDS);
        target[i] = (token)random_below(6, 0, i, WORDS);
    }
    model_forward(model, input, target);
    return model_loss(model);
}

double whole_run(struct model *m)
{
    double loss = forward(m);
    model_backward(m, 1);
    return loss;
}

const real *whole_logits(struct model *m)
{
    real *logits = test_reals(TOKENS * WORDS);
    forward(m);
    for (size_t i = 0; i < TOKENS; i++)
        model_logits(m, logits + i * WORDS, i);
    return logits;
}

#ifdef REAL_IS_DOUBLE
// Name the groups of a model
struct group { char name[80]; size_t first, count; bool hushed; };

/* the groups of a parameter: pre, post and res, or one */
static size_t groups_of(struct group group[3],
                        const struct parameter *p,
                        const struct model *m)
{
    static const char *const part[] = { ".pre", ".post", ".res" };
    enum mix mix = m->architecture.connection->mix;
    size_t n = m->configuration.streams, used = 0, end = 0;
    bool apart = layout_of(mix, 2, 1, 1).parts == 2;
    bool phi = strstr(p->name, ".phi") != NULL;
    bool alpha = strstr(p->name, ".alpha") != NULL;
    bool bias = strstr(p->name, ".bias") != NULL;
    size_t step = (alpha || (phi && apart) ? 1 : n)
                * (phi ? p->columns : 1);
    for (size_t g = 0; g < 3 && end < p->count; g++) {
        struct group *new = &group[used++];
        new->first = end;
        end = g < 2 && (phi || alpha || bias) ? end + step : p->count;
        new->count = end - new->first;
        snprintf(new->name, sizeof new->name, "%s%s", p->name,
                 phi || alpha || bias ? part[g] : "");
        // Is a group's gradient hushed?
        bool copies = n == 1 || strncmp(p->name, "sublayer.0.", 11) == 0;
        new->hushed = g == 0 && copies && (phi || bias
                      || (alpha && mix_scales(mix) == 3));
    }
    return used;
}

// Hold every group against differences
static double largest_of(const real *x, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)x[i]));
    return largest;
}

static void check_group(struct model *m, const struct parameter *p,
                        const struct group *g)
{
    size_t at = p->offset + g->first;
    struct difference d =
        difference_check(forward, m, reals(m->weights) + at,
                                           reals(m->gradients) + at,
                                               g->count);
    ck_assert_msg(d.largest > 1e-4, "%s: gradients of at most %g",
                  g->name, d.largest);
    ck_assert_msg(d.worst <= 1e-6, "%s[%zu] is off by %g of %g",
                  g->name, d.at, d.worst, d.largest);
}

// Check all groups at one point
static bool listed(const char *const list[], const char *name)
{
    while (list != NULL && *list != NULL)
        if (strcmp(*list++, name) == 0)
            return true;
    return false;
}

/* how many were in zero */
static size_t check_groups(struct model *m, const char *const zero[],
                           bool hushed)
{
    size_t found = 0;
    device_zero(&cpu, m->gradients);
    whole_run(m);
    double largest =
        largest_of(reals(m->gradients), m->parameters.count);
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        struct group group[3];
        size_t count = groups_of(group, p, m);
        for (const struct group *g = group; g < group + count; g++) {
            double size = largest_of(reals(m->gradients) + p->offset
                                     + g->first, g->count);
            // Check group g of parameter p
            if (listed(zero, g->name)) {
                found++;
                ck_assert_msg(size <= 1e-12 * largest, "%s is %g, not 0",
                              g->name, size);
            } else if (g->hushed == hushed) {
                check_group(m, p, g);
            } else if (g->hushed) {
                ck_assert_msg(size <= 3e-3 * largest, "%s is %g, not small",
                              g->name, size);
            }
        }
    }
    return found;
}

// Make a model quiet
static void quieten(struct model *m)
{
    static const char *const loud[] = { "embedding", ".out", ".down" };
    for (size_t i = 0; i < 3 * m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i / 3];
        if (strstr(p->name, loud[i % 3]) != NULL)
            for (size_t j = 0; j < p->count; j++)
                reals(m->weights)[p->offset + j] *= (real)2e-3;
    }
}

void assert_gradients_of(const struct connection *k, size_t streams,
                         const char *const zero[])
{
    omp_set_num_threads(1);
    struct model m = whole_open(k, streams, 0);
    whole_scatter(&m);
    size_t found = check_groups(&m, zero, false);
    while (zero != NULL && *zero != NULL)
        zero++, found--;
    ck_assert_uint_eq(found, 0);
    quieten(&m);
    check_groups(&m, NULL, true);
    model_close(&m);
}

void assert_gradients_at(struct model *m, const char *const zero[]);
void assert_gradients_at(struct model *m, const char *const zero[])
{
    omp_set_num_threads(1);
    size_t found = check_groups(m, zero, false);
    while (zero != NULL && *zero != NULL)
        zero++, found--;
    ck_assert_uint_eq(found, 0);
    quieten(m);
    check_groups(m, NULL, true);
}
#endif
