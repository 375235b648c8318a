#include "support/cpu.h"
#include "checkpoint/tiny.h"
#include "checkpoint/upcycle.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEPS = 1000, HALF = 400, EVERY = 20, ARMS = 3 };

// Give up
static struct message message;

static void check(bool good)
{
    if (!good) {
        fprintf(stderr, "%s\n", message.text);
        exit(1);
    }
}

// How far apart the streams are at the exit
/* sum |x_i - mean|^2 against sum |x_i|^2 */
static struct { double apart, all; } seen;

static void look(void *context, const struct site *s)
{
    size_t n = s->streams, C = s->width;
    (void)context;
    for (size_t k = 0; s->exit && k < s->tokens * C; k++) {
        const real *x = reals(s->stream) + k / C * n * C + k % C;
        double mean = 0;
        for (size_t i = 0; i < n; i++)
            mean += (double)x[i * C] / (double)n;
        for (size_t i = 0; i < n; i++) {
            double away = (double)x[i * C] - mean;
            seen.apart += away * away;
            seen.all += (double)x[i * C] * (double)x[i * C];
        }
    }
}

// Open the three arms
static struct configuration settings(const char *kind, size_t streams)
{
    struct configuration c = configuration_default();
    c.layers = 3, c.width = 64, c.heads = 2, c.context = 64;
    c.batch = 8, c.steps = STEPS, c.warmup = 50, c.rate = 3e-3;
    c.streams = streams;
    strcpy(c.connection, kind);
    return c;
}

static void open_arm(struct trainer *t, const char *kind,
                     size_t streams, const struct corpus *corpus)
{
    struct configuration c = settings(kind, streams);
    check(trainer_open(t, &c, &cpu, corpus, &message));
}

/* the held-out loss after `step`; and the streams' distance */
static double go_on(double *apart, struct trainer *t, size_t step)
{
    struct update u;
    double nats;
    while (t->bookmark.step < step)
        check(trainer_step(&u, t, &message));
    t->model.watch.forward = look;
    seen.apart = seen.all = 0;
    check(trainer_evaluate(&nats, t, 64, &message));
    t->model.watch.forward = NULL;
    *apart = seen.apart / seen.all;
    return nats;
}

// Make of a residual run an upcycled one
static void widen(struct trainer *wide, const struct trainer *plain)
{
    char path[] = "/tmp/upcycle.XXXXXX";
    struct trainer t;
    struct checkpoint k;
    int handle = mkstemp(path);
    check(handle >= 0 && checkpoint_write(path, plain, &message)
          && checkpoint_open(&k, path, &message)
          && upcycle_open(&t, &k, "mhc", 4, &cpu, &message)
          && checkpoint_write(path, &t, &message)
          && tiny_read(wide, path, &message));
    checkpoint_close(&k);
    trainer_close(&t);
    close(handle);
    unlink(path);
}

int main(void)
{
    static struct corpus corpus;
    struct trainer arm[ARMS];
    check(corpus_open(&corpus, "data/austen.txt", "data/persuasion.txt",
                      settings("residual", 1).context, &message));
    open_arm(&arm[0], "residual", 1, &corpus);
    open_arm(&arm[1], "mhc", 4, &corpus);
    open_arm(&arm[2], "mhc", 4, &corpus);
    printf("step,residual,mhc,upcycled,mhc_apart,upcycled_apart\n");
    for (size_t step = EVERY; step <= STEPS; step += EVERY) {
        double nats[ARMS] = { NAN, NAN, NAN }, apart[ARMS] = { NAN, NAN,
                                                               NAN };
        for (size_t a = 0; a < (step < HALF ? 2 : ARMS); a++) {
            if (step == HALF && a == 2)
                widen(&arm[2], &arm[0]);
            nats[a] = go_on(&apart[a], &arm[a], step);
        }
        printf("%zu,%.4f,%.4f,%.4f,%.4f,%.4f\n", step, nats[0], nats[1],
               nats[2], apart[1], apart[2]);
    }
    return 0;
}
