#include "corpus/corpus.h"
#include "ground/median.h"
#include "training/training.h"
#include <stdio.h>
#include <time.h>

enum { ROUNDS = 9 };
static const char *const precision[] = {
    "bf16",
    // Precisions of eight bits, quoted
    "fp8",
    "fp8-streams", "fp8-streams-stochastic", "fp8-streams-mean",
};
enum { ARMS = sizeof precision / sizeof *precision };
static struct device device[ARMS];
static struct trainer trainer[ARMS];
static double seconds[ARMS][ROUNDS];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool open_all(const struct corpus *corpus, struct message *m)
{
    struct configuration c = configuration_default();
    snprintf(c.connection, sizeof c.connection, "mhc");
    c.streams = 4, c.layers = 6, c.width = 384, c.heads = 6;
    c.context = 256, c.batch = 8;
    for (size_t i = 0; i < ARMS; i++)
        if (!device_open(&device[i], "cpu", precision[i], m)
            || !trainer_open(&trainer[i], &c, &device[i], corpus, m))
            return false;
    return true;
}

static bool take_turns(struct message *m)
{
    struct update u;
    for (size_t k = 0; k <= ROUNDS; k++)
        for (size_t j = 0; j < ARMS; j++) {
            size_t i = (j + k) % ARMS;
            double began = now();
            if (!trainer_step(&u, &trainer[i], m))
                return false;
            if (k > 0)
                seconds[i][k - 1] = now() - began;
        }
    return true;
}

int main(void)
{
    struct message m = { 0, "" };
    struct corpus corpus;
    if (!corpus_open(&corpus, "data/austen.txt", "data/persuasion.txt",
                     256, &m)
        || !open_all(&corpus, &m) || !take_turns(&m)) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    printf("precision,ms,ratio,least,most\n");
    for (size_t i = 0; i < ARMS; i++) {
        double ratio[ROUNDS], of[ROUNDS];
        for (size_t k = 0; k < ROUNDS; k++) {
            ratio[k] = seconds[i][k] / seconds[0][k];
            of[k] = seconds[i][k];
        }
        double middle = median(ratio, ROUNDS);
        printf("%s,%.0f,%.2f,%.2f,%.2f\n", precision[i],
               1e3 * median(of, ROUNDS), middle, ratio[0],
               ratio[ROUNDS - 1]);
    }
    for (size_t i = 0; i < ARMS; i++) {
        trainer_close(&trainer[i]);
        device_close(&device[i]);
    }
    corpus_close(&corpus);
    return 0;
}
