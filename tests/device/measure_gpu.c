#include "model/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Bytes a second of a copy
/* of one of the two ways */
static double copy_rate(struct device *d, size_t rows)
{
    struct array a = device_shape(d, EXACT, rows, 1 << 12), b = a;
    struct message why = { 0, "" };
    a.at = device_allocate(d, array_bytes(a), &why);
    b.at = device_allocate(d, array_bytes(b), &why);
    double best = 0;
    for (int round = 0; a.at && b.at && round < ROUNDS; round++) {
        device_finish(d, &why);
        double start = now();
        for (int k = 0; k < 4; k++)
            device_copy(d, b, a);
        device_finish(d, &why);
        double rate = 4 * (double)array_bytes(a) / (now() - start);
        best = rate > best ? rate : best;
    }
    if (a.at != NULL)
        device_release(d, a.at);
    if (b.at != NULL)
        device_release(d, b.at);
    return best;
}

// The least that an operation moves
/* bytes; 0: not bound by memory. n streams, a unit is T C numbers, of
   `each` bytes; logits are floats */
static double least(enum operation o, const struct configuration *c,
                    size_t tokens, size_t each)
{
    double unit = (double)(each * tokens * c->width);
    double n = (double)c->streams;
    double logits = 4. * (double)tokens * (double)c->vocabulary;
    double hidden = (double)(each * tokens * configuration_hidden(c));
    switch (o) {
    case EMBED:
        return unit;
    case CROSS:             /* X, y; X', x: fused, the least */
        return (n > 1 ? 2 * n + 2 : 4) * unit;
    case CROSS_BACKWARD:    /* X, y, dX', dx; dX, dy */
        return (n > 1 ? 3 * n + 3 : 5) * unit;
    case GATE:
        return 3 * hidden;
    case GATE_BACKWARD:
        return 5 * hidden;
    case LOSS:
        return logits;
    case LOSS_BACKWARD:
        return 2 * logits;
    default:
        return 0;
    }
}

// Time a training step's operations
static void time_step(struct device *d, const char *kind,
                      size_t streams, size_t width, double rate)
{
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    struct model m;
    snprintf(c.connection, sizeof c.connection, "%s", kind);
    c.streams = streams, c.layers = 2, c.width = width;
    c.heads = width / 64, c.hidden = width * 8 / 3 / 64 * 64;
    c.context = 1024;
    size_t batch = 16, tokens = batch * c.context;
    if (!model_open(&m, &c, d, batch, TRAINING, 0, &why)) {
        printf("# %s, width %zu: %s\n", kind, width, why.text);
        return;
    }
    token *id = calloc(tokens, sizeof *id);
    for (size_t t = 0; t < tokens; t++)
        id[t] = (token)(t * 2654435761u >> 8) % (token)c.vocabulary;
    model_initialise(&m);
    struct clocks clocks;
    for (int round = 0; round <= ROUNDS; round++) {
        if (round == 1) {           /* the first one warms up */
            clocks = (struct clocks){ { 0 }, { 0 } };
            d->clocks = &clocks;
        }
        model_forward(&m, id, id);
        model_backward(&m, 1);
        device_finish(d, &why);
    }
    d->clocks = NULL;
    for (enum operation o = 0; o < OPERATIONS; o++)
        if (clocks.calls[o] > 0) {
            double s = clocks.seconds[o] / (double)clocks.calls[o];
            double bytes = least(o, &c, tokens, 4);
            printf("%s,%zu,%zu,%zu,\"%s\",%zu,%.1f,%.1f,%.3f\n", kind,
                   streams, width, tokens, operation_names[o],
                   clocks.calls[o] / ROUNDS, 1e6 * s, 1e-6 * bytes,
                   bytes / s / (2 * rate));
        }
    free(id);
    model_close(&m);
}

int main(void)
{
    struct device d;
    struct message why = { 0, "" };
    if (!device_open(&d, "gpu", NULL, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return why.status;
    }
    printf("# device: %s\n", gpu_describe());
    double rate = copy_rate(&d, 1 << 15);
    printf("# copy: %.1f GB/s, read and written\n", 2e-9 * rate);
    puts("connection,streams,width,tokens,operation,calls,us,"
         "least_mb,share");
    static const struct { const char *kind; size_t streams; } arm[] = {
        { "residual", 1 }, { "hc", 4 }, { "mhc", 4 }, { "identity", 4 },
    };
    for (size_t width = 768; width <= 2048; width += 1280)
        for (size_t i = 0; i < sizeof arm / sizeof *arm; i++)
            time_step(&d, arm[i].kind, arm[i].streams, width, rate);
    device_close(&d);
    return 0;
}
