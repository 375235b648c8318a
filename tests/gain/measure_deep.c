#include "support/cpu.h"
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include "gain/profile.h"

enum { LAYERS = 24, SITES = 2 * LAYERS + 1, EVERY = 10,
       STEPS = EVERY * (SITES - 1), WINDOWS = 16 };

// The arms of the deep run
static const struct arm {
    const char *name, *connection;
    size_t streams;
    double rate;
} arms[] = { { "hc", "hc", 4, 1e-2 }, { "fast", "hc", 4, 3e-2 },
             { "residual", "residual", 1, 1e-2 },
             { "residual_fast", "residual", 1, 3e-2 } };
enum { ARMS = sizeof arms / sizeof *arms };

static struct look {
    double loss, norm, held_out;    /* norm: largest since the last */
    struct gain gain;
    double cosine;
} looks[ARMS][SITES];
static struct level highest[ARMS][SITES], last[ARMS][SITES];

// Look at a deep run
static bool look(size_t arm, size_t k, struct trainer *t,
                 struct message *m)
{
    struct look *now = &looks[arm][k];
    struct profile p;
    if (!trainer_evaluate(&now->held_out, t, WINDOWS, m)
        || !profile_measure(&p, t, t->options.batch, m))
        return false;
    now->gain = profile_extremes(&p);
    now->cosine = p.level[p.sublayers].cosine;
    bool most = true;
    for (size_t before = 0; before < k; before++)
        most = most && now->gain.forward
                       > looks[arm][before].gain.forward;
    memcpy(last[arm], p.level, sizeof last[arm]);
    if (most)
        memcpy(highest[arm], p.level, sizeof highest[arm]);
    profile_close(&p);
    return true;
}

// Train a deep arm
static void train(size_t a, const struct corpus *corpus)
{
    struct configuration c = configuration_default();
    struct message m = { 0 };
    struct trainer t;
    struct update u;
    c.layers = LAYERS, c.width = 32, c.heads = 2, c.context = 64;
    c.batch = 4, c.steps = STEPS, c.warmup = 30, c.floor = 0.1;
    c.rate = arms[a].rate, c.streams = arms[a].streams;
    snprintf(c.connection, sizeof c.connection, "%s",
             arms[a].connection);
    for (size_t k = 0; k < SITES; k++)
        looks[a][k] = (struct look){ NAN, NAN, NAN,
                                     { NAN, NAN, NAN, NAN }, NAN };
    bool well = trainer_open(&t, &c, &cpu, corpus, &m)
             && look(a, 0, &t, &m);
    for (size_t s = 1; s <= STEPS && well; s++) {
        struct look *next = &looks[a][(s + EVERY - 1) / EVERY];
        well = trainer_step(&u, &t, &m);
        if (well) {
            double before = s % EVERY == 1 ? 0 : next->loss;
            next->loss = before + u.loss / EVERY;
            next->norm = s % EVERY == 1 ? u.norm
                                        : fmax(next->norm, u.norm);
        }
        if (well && s % EVERY == 0)
            well = look(a, s / EVERY, &t, &m);
    }
    if (!well)
        fprintf(stderr, "%s: %s\n", arms[a].name, m.text);
    trainer_close(&t);
}

// Print the looks and the depths
static void print_level(const struct level *l)
{
    printf(",%.5g,%.5g,%.5g,%.5g,%.5g,%.5g,%.6f", l->single.forward,
           l->single.backward, l->composite.forward,
           l->composite.forward_least, l->composite.backward,
           l->composite.backward_least, l->cosine);
}

int main(void)
{
    static const char depths[] = ",%s_one_forward,%s_one_backward,"
        "%s_forward,%s_forward_least,%s_backward,%s_backward_least,"
        "%s_cosine";
    struct message m = { 0 };
    struct corpus corpus;
    omp_set_num_threads(1);
    if (!corpus_open(&corpus, "data/austen.txt", "data/persuasion.txt",
                     64, &m)) {
        fprintf(stderr, "%s\n", m.text);
        return 1;
    }
    for (size_t a = 0; a < ARMS; a++)
        train(a, &corpus);
    corpus_close(&corpus);
    // Name the columns of the deep runs
    printf("step");
    for (size_t a = 0; a < ARMS; a++) {
        const char *s = arms[a].name;
        printf(",%s_loss,%s_held_out,%s_norm,%s_forward,%s_forward_least,"
               "%s_backward,%s_backward_least,%s_cosine", s, s, s, s, s, s,
               s, s);
    }
    printf(",sublayer");
    for (size_t k = 0; k < 2; k++) {
        const char *s = k == 0 ? "peak" : "end";
        printf(depths, s, s, s, s, s, s, s);
    }
    printf("\n");
    for (size_t k = 0; k < SITES; k++) {
        printf("%zu", k * EVERY);
        for (size_t a = 0; a < ARMS; a++) {
            const struct look *l = &looks[a][k];
            printf(",%.5f,%.5f,%.4g,%.5g,%.5g,%.5g,%.5g,%.7f", l->loss,
                   l->held_out, l->norm, l->gain.forward,
                   l->gain.forward_least, l->gain.backward,
                   l->gain.backward_least, l->cosine);
        }
        printf(",%zu", k);
        print_level(&highest[0][k]);
        print_level(&last[0][k]);
        printf("\n");
    }
}
