#include "corpus/corpus.h"
#include "training/training.h"
#include <stdio.h>
#include <stdlib.h>

enum { PAIRS = 8 };

/* held-out loss, nats a byte, or NAN */
static double run_in(const char *precision, uint64_t seed,
                     const struct corpus *corpus, struct message *m)
{
    static struct device d;
    struct configuration c = configuration_default();
    struct trainer t;
    struct update u;
    double nats = (double)NAN;
    snprintf(c.connection, sizeof c.connection, "mhc");
    c.streams = 4, c.layers = 2, c.width = 64, c.heads = 2;
    c.context = 128, c.batch = 4, c.seed = seed, c.rate = 3e-3;
    c.steps = 400, c.warmup = 20;
    if (!device_open(&d, "cpu", precision, m)
        || !trainer_open(&t, &c, &d, corpus, m))
        return nats;
    bool good = true;
    for (size_t i = 0; good && i < c.steps; i++)
        good = trainer_step(&u, &t, m);
    if (good)
        trainer_evaluate(&nats, &t, 256, m);
    trainer_close(&t);
    device_close(&d);
    return nats;
}

int main(int argc, char **argv)
{
    /* two-sided 95 % points of t with 1 .. 7 degrees of freedom */
    static const double point[] = { 12.706, 4.303, 3.182, 2.776, 2.571,
                                    2.447, 2.365 };
    size_t pairs = argc > 1 ? (size_t)atoi(argv[1]) : PAIRS;
    struct message m = { 0, "" };
    struct corpus corpus;
    double sum = 0, squares = 0;
    pairs = pairs < 1 || pairs > PAIRS ? PAIRS : pairs;
    if (!corpus_open(&corpus, "data/austen.txt", "data/persuasion.txt",
                     128, &m))
        fprintf(stderr, "%s\n", m.text);
    printf("seed,single,bf16,difference\n");
    for (uint64_t seed = 1; m.status == 0 && seed <= pairs; seed++) {
        double a = run_in("single", seed, &corpus, &m);
        double b = run_in("bf16", seed, &corpus, &m);
        printf("%d,%.4f,%.4f,%.4f\n", (int)seed, a, b, b - a);
        fflush(stdout);
        sum += b - a;
        squares += (b - a) * (b - a);
    }
    corpus_close(&corpus);
    if (m.status != 0) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    double n = (double)pairs, mean = sum / n;
    double half = pairs < 2 ? 0 : point[pairs - 2]
        * sqrt((squares - n * mean * mean) / (n - 1) / n);
    printf("mean,,,%.4f\nleast,,,%.4f\nmost,,,%.4f\n", mean,
           mean - half, mean + half);
    return 0;
}
