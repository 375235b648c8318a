#include "support/cpu.h"
#include <stdio.h>
#include <stdlib.h>
#include "corpus/counts.h"
#include "training/training.h"

enum { STEPS = 200, EVERY = 20, WINDOWS = 64, SEEDS = 3 };

// Other optimizers
static void step_uncorrected(struct device *d, struct array weight,
                             struct array working, struct array first,
                             struct array second, struct array gradient,
                             struct array sum, struct array adamw,
                             const struct segment *s, size_t segments)
{
    doubles(adamw)[ADAMW_STEP] = 1000000;
    cpu_operations.step(d, weight, working, first, second, gradient,
                        sum, adamw, s, segments);
}

static void descend(struct device *d, struct array weight,
                    struct array working, struct array first,
                    struct array second, struct array gradient,
                    struct array sum, struct array adamw,
                    const struct segment *s, size_t segments)
{
    double scale = clip_scale(doubles(sum)[1],
                              doubles(adamw)[ADAMW_CLIP]);
    (void)d, (void)working, (void)first, (void)second;
    for (size_t k = 0; k < segments; k++)
        for (size_t i = s[k].first; i < s[k].first + s[k].count; i++)
            reals(weight)[i] -=
                (real)(doubles(adamw)[ADAMW_RATE] * scale)
                * reals(gradient)[i];
}

// The runs to compare
static const struct run {
    const char *name;
    double rate, floor, clip;
    size_t warmup;
    void (*step)(struct device *, struct array, struct array,
                 struct array, struct array, struct array, struct array,
                 struct array, const struct segment *, size_t);
} runs[] = {
    { "all", 5e-3, 0.1, 1, 30, NULL },
    { "no_warmup", 5e-3, 0.1, 1, 0, NULL },
    { "no_fall", 5e-3, 1, 1, 30, NULL },
    { "no_clip", 5e-3, 0.1, 0, 30, NULL },
    { "no_correction", 5e-3, 0.1, 1, 30, step_uncorrected },
    { "descent", 3, 0.1, 1, 30, descend },
};
enum { RUNS = sizeof runs / sizeof runs[0],
       POINTS = STEPS / EVERY + 1 };

// Train once
static void train(double *loss, const struct run *run,
                  size_t seed, const struct corpus *corpus)
{
    struct configuration c = configuration_default();
    struct operations does = cpu_operations;
    struct device device = cpu;
    struct trainer t;
    struct message m = { 0 };
    struct update u;
    // Set up a run
    c.layers = 2;
    c.width = 48;
    c.seed = seed;
    c.heads = 2;
    c.context = 64;
    c.batch = 8;
    c.steps = STEPS;
    c.rate = run->rate;
    c.floor = run->floor;
    c.clip = run->clip;
    c.warmup = run->warmup;
    if (run->step != NULL)
        does.step = run->step;
    device.does = &does;
    bool well = trainer_open(&t, &c, &device, corpus, &m);
    for (size_t s = 0; s <= STEPS && well; s++) {
        if (s % EVERY == 0)
            well = trainer_evaluate(&loss[s / EVERY], &t, WINDOWS, &m);
        if (s < STEPS)
            well = well && trainer_step(&u, &t, &m);
    }
    if (!well)
        fprintf(stderr, "%s: %s\n", run->name, m.text);
    trainer_close(&t);
}

// Print the mean over the seeds
static void print_mean(double loss[SEEDS][POINTS], size_t k)
{
    double sum = 0, least = loss[0][k], most = loss[0][k];
    for (size_t s = 0; s < SEEDS; s++) {
        sum += loss[s][k];
        least = fmin(least, loss[s][k]);
        most = fmax(most, loss[s][k]);
    }
    printf(",%.5f,%.5f", sum / SEEDS, most - least);
}

int main(void)
{
    static double loss[RUNS][SEEDS][POINTS];
    struct corpus corpus;
    struct message m = { 0 };
    double order[2];
    if (!corpus_open(&corpus, "data/austen.txt", "data/persuasion.txt",
                     64, &m)
        || !counts_loss(&order[0], corpus.held_out, corpus.training, 1,
                        &m)
        || !counts_loss(&order[1], corpus.held_out, corpus.training, 2,
                        &m)) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    for (size_t r = 0; r < RUNS; r++)
        for (size_t s = 0; s < SEEDS; s++)
            train(loss[r][s], &runs[r], s + 1, &corpus);
    // Print the losses side by side
    printf("update");
    for (size_t r = 0; r < RUNS; r++)
        printf(",%s,%s_spread", runs[r].name, runs[r].name);
    printf(",unigram,bigram\n");
    for (size_t k = 0; k < POINTS; k++) {
        printf("%zu", k * EVERY);
        for (size_t r = 0; r < RUNS; r++)
            print_mean(loss[r], k);
        printf(",%.5f,%.5f\n", order[0], order[1]);
    }
    corpus_close(&corpus);
    return 0;
}
