#include "support/cpu.h"
#include "model/kinds.h"
#include "boundary/unfold.h"
#include "training/training.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 6, SITES = 2 * LAYERS + 1, N = 4, K = 2 * N + N * N,
       BATCH = 8, CONTEXT = 64, TOKENS = BATCH * CONTEXT, STEPS = 400 };

static real rows[TOKENS][SITES][K];
static double sum[SITES * SITES], squares[SITES * SITES];
static double energy[SITES];
static size_t count;

// Unfold every token that passes
static void gather(void *context, const struct site *s)
{
    real map[SITES * SITES];
    size_t row = mix_row(s->layout.mix, N);
    (void)context;
    // Measure the size of what is new here
    for (size_t i = 0; i < s->tokens * s->width; i++) {
        size_t t = i / s->width, c = i % s->width;
        double x = (double)reals(s->stream)[t * N * s->width + c];
        double y = s->exit ? 0 : (double)reals(s->answer)[i];
        energy[0] += s->index == 0 ? x * x / (double)s->width : 0;
        energy[s->exit ? 0 : s->index + 1] += y * y / (double)s->width;
    }
    for (size_t t = 0; t < s->tokens; t++)
        for (size_t k = 0; k < K; k++)
            rows[t][s->index][k] =
                s->exit ? 1 : reals(s->coefficients)[t * row + k];
    for (size_t t = 0; s->exit && t < s->tokens; t++, count++) {
        unfold(map, rows[t][0], SITES, N);
        for (size_t i = 0; i < SITES * SITES; i++) {
            sum[i] += (double)map[i];
            squares[i] += (double)map[i] * (double)map[i];
        }
    }
}

// Train a small hyper-connected model
static bool train(struct trainer *t, const struct corpus *corpus,
                  struct message *m)
{
    struct configuration c = configuration_default();
    struct update u;
    c.layers = LAYERS, c.width = 64, c.heads = 2, c.streams = N;
    c.context = CONTEXT, c.batch = BATCH, c.steps = STEPS;
    c.rate = 3e-3, c.warmup = 40;
    strcpy(c.connection, "hc");
    if (!trainer_open(t, &c, &cpu, corpus, m))
        return false;
    for (size_t s = 0; s < STEPS; s++)
        if (!trainer_step(&u, t, m))
            return false;
    return true;
}

int main(void)
{
    struct corpus corpus;
    struct trainer t;
    struct message m = { 0, "" };
    double loss;
    if (!corpus_open(&corpus, "data/austen.txt", "data/persuasion.txt",
                     CONTEXT, &m)
        || !train(&t, &corpus, &m)) {
        fprintf(stderr, "%s\n", m.text);
        return 1;
    }
    t.model.watch.forward = gather;
    if (!trainer_evaluate(&loss, &t, 64, &m))
        return 1;
    // Print the map
    printf("# held-out loss: %.4f nats a byte\n", loss);
    printf("reader,source,weight,spread,share,rms\n");
    for (size_t k = 0; k < SITES; k++) {
        double largest = 0;
        for (size_t j = 0; j < SITES; j++)
            largest = fmax(largest, fabs(sum[k * SITES + j]));
        for (size_t j = 0; j < SITES; j++) {
            size_t i = k * SITES + j;
            double mean = sum[i] / (double)count;
            double square = squares[i] / (double)count - mean * mean;
            printf("%zu,%zu,%.4f,%.4f,%.4f,%.4f\n", k, j, mean,
                   sqrt(fmax(0, square)), sum[i] / largest,
                   sqrt(energy[j] / (double)count));
        }
    }
    trainer_close(&t);
    return 0;
}
