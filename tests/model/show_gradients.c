#include "ground/random.h"
#include "model/model.h"
#include "support/fill.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
// Headers for showing gradients
#include "ground/bf16.h"

enum { BATCH = 2, LENGTH = 6, TOKENS = BATCH * LENGTH, WORDS = 13 };

// Scatter the weights of a model, as floats
static void scatter(struct model *m)
{
    size_t count = m->parameters.count, n = m->configuration.streams;
    real *w = calloc(count, sizeof *w);
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        bool bias = strstr(p->name, ".bias") != NULL;
        bool phi = strstr(p->name, ".phi") != NULL;
        real *at = w + p->offset;
        fill_normal(at, p->count, 100 + random_stream(p->name) % 1000,
                    phi ? 0.5 / sqrt((double)p->columns)
                        : p->rows == 1 ? 0.2 : 0.5);
        for (size_t j = 0; p->rows == 1 && j < p->count; j++)
            at[j] += bias && j >= 2 * n ? (real)0.3 : 1;
        for (size_t j = 0; j < p->count; j++)
            at[j] = (real)(float)at[j];
    }
    device_upload(m->device, m->weights, w);
    free(w);
}

// Print a model's gradients
static void print(struct model *m)
{
    token input[TOKENS], target[TOKENS];
    real *g = calloc(m->parameters.count, sizeof *g);
    for (size_t i = 0; i < TOKENS; i++) {
        input[i] = (token)random_below(5, 0, i, WORDS);
        target[i] = (token)random_below(6, 0, i, WORDS);
    }
    model_forward(m, input, target);
    printf("loss 0 %.17g\n", model_loss(m));
    model_backward(m, 1);
    device_download(m->device, g, m->gradients);
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        for (size_t j = 0; j < p->count; j++)
            printf("%s %zu %.17g\n", p->name, j,
                   (double)g[p->offset + j]);
    }
    free(g);
}

/* show_gradients DEVICE CONNECTION STREAMS [BLOCK [PRECISION
   [WIDTH]]] */
int main(int argc, char **argv)
{
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    struct device d;
    struct model m;
    if (argc < 4)
        return EX_USAGE;
    snprintf(c.connection, sizeof c.connection, "%s", argv[2]);
    c.streams = (size_t)atoi(argv[3]);
    c.layers = 2, c.width = argc > 6 ? (size_t)atoi(argv[6]) : 20;
    c.heads = 2, c.hidden = 14;
    c.context = LENGTH, c.vocabulary = WORDS;
    size_t block = argc > 4 ? (size_t)atoi(argv[4]) : 0;
    const char *precision = NULL;
    // Choose another precision for gradients
    bool rounded = argc > 5 && strcmp(argv[5], "rounded") == 0;
    if (argc > 5 && !rounded)
        precision = argv[5];
    if (argc > 4 && *argv[4] == 'l')        /* l3: lazily */
        c.lazy = (size_t)atoi(argv[4] + 1);
    if (!device_open(&d, argv[1], precision, &why)
        || !model_open(&m, &c, &d, BATCH, TRAINING, block, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return why.status;
    }
    scatter(&m);
    // Round what was scattered, or copy it
    if (rounded) {
        size_t count = m.parameters.count;
        real *w = calloc(count, sizeof *w);
        device_download(&d, w, m.weights);
        bf16_settle(w, count);
        device_upload(&d, m.weights, w);
        free(w);
    }
    model_copy_weights(&m);
    print(&m);
    bool good = device_finish(&d, &why);
    if (!good)
        fprintf(stderr, "%s\n", why.text);
    model_close(&m);
    device_close(&d);
    return good ? 0 : why.status;
}
