#include "support/cpu.h"
#include "boundary/absorb.h"
#include "training/training.h"
#include <stdio.h>

enum { N = 4, PER_TOKEN = 2 * N + N * N, STEPS = 1200, WINDOWS = 16,
       SUBLAYERS = 12, TOKENS = 512 };

// A small network to train
static struct configuration small_network(void)
{
    struct configuration c = configuration_default();
    strcpy(c.connection, "mhc");
    c.streams = N;
    c.layers = SUBLAYERS / 2;
    c.width = 64;
    c.heads = 2;
    c.context = 64;
    c.batch = 8;
    c.steps = STEPS;
    c.rate = 3e-3;
    c.warmup = 50;
    return c;
}

// Absorb the mixes of all tokens
/* of pre and of post, by site: distances, the largest, and how many
   leave the range of their gate */
struct moved {
    real rows[TOKENS][SUBLAYERS + 1][PER_TOKEN];
    double tokens, sum[SUBLAYERS + 1][2], most[SUBLAYERS + 1][2],
           outside[SUBLAYERS + 1][2];
};

static void add_up(struct moved *moved, size_t t)
{
    real gates[(SUBLAYERS + 1) * 2 * N];
    absorb(gates, moved->rows[t][0], SUBLAYERS + 1, N);
    for (size_t i = 0; i < (SUBLAYERS + 1) * 2 * N; i++) {
        size_t s = i / (2 * N), post = i % (2 * N) / N;
        double g = (double)gates[i];
        double d = fabs(g - (double)moved->rows[t][s][i % (2 * N)]);
        if (s == SUBLAYERS && post)
            continue;
        moved->sum[s][post] += d;
        moved->most[s][post] = fmax(moved->most[s][post], d);
        moved->outside[s][post] += g < 0 || g > 1 + (double)post;
    }
}

static void look(void *context, const struct site *s)
{
    struct moved *moved = context;
    struct layout l = s->layout;
    for (size_t t = 0; t < s->tokens && t < TOKENS; t++) {
        real *row = moved->rows[t][s->index];
        for (size_t i = 0; i < PER_TOKEN; i++)
            row[i] = s->exit ? i < N ? 1 / (real)N : 0
                : reals(s->coefficients)[t * layout_row(&l) + i];
        if (s->exit)
            add_up(moved, t);
    }
    if (s->exit)
        moved->tokens += (double)s->tokens;
}

int main(void)
{
    struct corpus corpus;
    struct message m = { 0 };
    struct trainer t;
    struct update u;
    struct configuration c = small_network();
    static struct moved moved;
    double nats;
    bool well = corpus_open(&corpus, "data/austen.txt",
                            "data/persuasion.txt", c.context, &m)
             && trainer_open(&t, &c, &cpu, &corpus, &m);
    for (size_t s = 0; well && s < STEPS; s++)
        well = trainer_step(&u, &t, &m);
    if (well) {
        t.model.watch = (struct watch){ .forward = look,
                                        .context = &moved };
        well = trainer_evaluate(&nats, &t, WINDOWS, &m);
    }
    if (!well) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    // Print how far the weights are moved
    printf("site,pre,post,pre_most,post_most,pre_outside,post_outside\n");
    for (size_t s = 0; s <= SUBLAYERS; s++) {
        double all = moved.tokens * N;
        printf("%zu,%.4f,%.4f,%.3f,%.3f,%.4f,%.4f\n", s,
               moved.sum[s][0] / all, moved.sum[s][1] / all,
               moved.most[s][0], moved.most[s][1],
               moved.outside[s][0] / all, moved.outside[s][1] / all);
    }
    trainer_close(&t);
    corpus_close(&corpus);
    return 0;
}
