#include "support/cpu.h"
#include "training/training.h"
#include <stdio.h>

enum { N = 4, STEPS = 1200, SHOWN = 48, SUBLAYERS = 12 };

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

// The largest gradients of a site's biases
static void print_largest(const struct model *m, size_t site)
{
    char name[40];
    snprintf(name, sizeof name, "sublayer.%zu.mhc.bias", site);
    const struct parameter *p = parameter_find(&m->parameters, name);
    const real *d = reals(m->gradients) + p->offset;
    const size_t end[] = { 0, N, 2 * N, 2 * N + N * N };
    for (size_t g = 0; g < 3; g++) {
        double most = 0;
        for (size_t i = end[g]; i < end[g + 1]; i++)
            most = fmax(most, fabs((double)d[i]));
        printf(",%.2e", most);
    }
}

// How far apart the streams are
static void look(void *context, const struct site *s)
{
    double apart = 0, square = 0;
    for (size_t i = 0; i < s->tokens * N * s->width; i++) {
        size_t first = i / (N * s->width) * N * s->width + i % s->width;
        double d = (double)reals(s->stream)[i]
            - (double)reals(s->stream)[first];
        apart += d * d;
        square += (double)reals(s->stream)[i]
            * (double)reals(s->stream)[i];
    }
    if (s->index == SUBLAYERS / 2)
        *(double *)context = sqrt(apart / square);
}

int main(void)
{
    struct corpus corpus;
    struct message m = { 0 };
    struct trainer t;
    struct update u;
    struct configuration c = small_network();
    double apart = 0;
    bool well = corpus_open(&corpus, "data/austen.txt",
                            "data/persuasion.txt", c.context, &m)
             && trainer_open(&t, &c, &cpu, &corpus, &m);
    if (well)
        t.model.watch = (struct watch){ .forward = look,
                                        .context = &apart };
    // Print the head of the table
    static const char *const where[] = { "first", "middle", "last" };
    printf("update,apart");
    for (size_t k = 0; k < 3; k++)
        printf(",pre_%s,post_%s,res_%s", where[k], where[k], where[k]);
    printf("\n");
    for (size_t s = 0; well && s < SHOWN; s++) {
        well = trainer_step(&u, &t, &m);
        printf("%zu,%.3e", s + 1, apart);
        for (size_t k = 0; k < 3; k++)
            print_largest(&t.model, k * (SUBLAYERS / 2) - (k == 2));
        printf("\n");
    }
    if (!well)
        fprintf(stderr, "%s\n", m.text);
    trainer_close(&t);
    corpus_close(&corpus);
    return m.status;
}
