#include "support/cpu.h"
#include "training/training.h"
#include <stdio.h>

enum { N = 4, PER_TOKEN = 2 * N + N * N, STEPS = 1200, WINDOWS = 16,
       SUBLAYERS = 12 };

// Add up the coefficients of a site
struct sums {
    double tokens, sum[SUBLAYERS][PER_TOKEN];
    double square[SUBLAYERS][PER_TOKEN];
};

static void add_up(void *context, const struct site *s)
{
    struct sums *sums = context;
    struct layout l = s->layout;
    if (s->exit)
        sums->tokens += (double)s->tokens;
    for (size_t t = 0; !s->exit && t < s->tokens; t++)
        for (size_t i = 0; i < PER_TOKEN; i++) {
            double k = (double)reals(s->coefficients)[t * layout_row(&l)
                                                     + i];
            sums->sum[s->index][i] += k;
            sums->square[s->index][i] += k * k;
        }
}

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

int main(void)
{
    struct corpus corpus;
    struct message m = { 0 };
    struct trainer t;
    struct update u;
    struct configuration c = small_network();
    bool well = corpus_open(&corpus, "data/austen.txt",
                            "data/persuasion.txt", c.context, &m)
             && trainer_open(&t, &c, &cpu, &corpus, &m);
    for (size_t s = 0; well && s < STEPS; s++)
        well = trainer_step(&u, &t, &m);
    static struct sums sums;
    double nats;
    if (well) {
        t.model.watch = (struct watch){ .forward = add_up,
                                        .context = &sums };
        well = trainer_evaluate(&nats, &t, WINDOWS, &m);
    }
    if (!well) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    // Print the mean coefficients of three sublayers
    const size_t shown[] = { 0, SUBLAYERS / 2, SUBLAYERS - 1 };
    printf("row,column,first,middle,last,first_spread,middle_spread,"
           "last_spread\n");
    double column[3][N] = { 0 };
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < N + 2; j++) {
            size_t at = j < N ? 2 * N + i * N + j : j == N ? N + i : i;
            printf("%zu,%zu", i, j < N ? j : j + 1);
            for (int spread = 0; spread < 2; spread++)
                for (size_t k = 0; k < 3; k++) {
                    double mean = sums.sum[shown[k]][at] / sums.tokens;
                    if (j < N && !spread)
                        column[k][j] += mean;
                    double all = sums.square[shown[k]][at] / sums.tokens;
                    printf(",%.4f", !spread ? mean
                           : sqrt(fmax(0, all - mean * mean)));
                }
            printf("\n");
        }
    for (size_t j = 0; j < N; j++)
        printf("%d,%zu,%.4f,%.4f,%.4f,0,0,0\n", N, j, column[0][j],
               column[1][j], column[2][j]);
    trainer_close(&t);
    corpus_close(&corpus);
    return 0;
}
