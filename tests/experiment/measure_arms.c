#include "support/cpu.h"
#include <omp.h>
#include <stdlib.h>
#include <time.h>
#include "experiment/cost.h"
#include "experiment/plans.h"
#include "experiment/results.h"
#include "ground/median.h"
#include "ground/memory.h"
#include "training/training.h"

enum { ARMS = 16, ROUNDS = 15 };

// Open one trainer for each arm that differs
static bool same(const struct configuration *a,
                 const struct configuration *b)
{
    return a->layers == b->layers && a->streams == b->streams
        && a->width == b->width
        && strcmp(a->connection, b->connection) == 0;
}

static bool plain_of(const struct configuration *a,
                     const struct configuration *b)
{
    return a->layers == b->layers && a->width == b->width
        && strcmp(a->connection, "residual") == 0;
}

static bool open_arms(size_t *arms, struct planned *arm,
                      struct trainer *t, const struct corpus *corpus,
                      struct message *m)
{
    struct configuration c = shared();
    struct plan plan;
    if (!plan_read(&plan, "tests/experiment/plan.csv", &c, m))
        return false;
    bool well = true;
    for (size_t i = 0; i < plan.runs && well; i++) {
        const struct planned *p = &plan.run[i];
        size_t a = 0;
        while (a < *arms
               && !same(&arm[a].configuration, &p->configuration))
            a++;
        if (a < *arms || *arms == ARMS
            || strncmp(p->arm, "pilot", 5) == 0)
            continue;
        arm[*arms] = *p;
        well = trainer_open(&t[(*arms)++], &p->configuration, &cpu,
                            corpus, m);
    }
    plan_free(&plan);
    return well;
}

// Time one step
static double processor(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool time_step(double *seconds, struct trainer *t,
                      struct message *m)
{
    struct update u;
    double began = processor();
    bool well = trainer_step(&u, t, m);
    *seconds = processor() - began;
    return well;
}

// Print what an arm costs
static void print_arm(const char *name, const struct trainer *t,
                      const struct trainer *plain, double *seconds,
                      const double *against)
{
    double ratio[ROUNDS];
    for (size_t r = 0; r < ROUNDS; r++)
        ratio[r] = seconds[r] / against[r];
    double least = seconds[0];
    for (size_t r = 1; r < ROUNDS; r++)
        least = fmin(least, seconds[r]);
    double cost = cost_of_token(&t->model);
    double bytes = (double)model_bytes(&t->model);
    printf("%s,%zu,%.3f,%.3f,%.1f,%.2f,%.1f,%.2f\n", name,
           t->model.parameters.numbers, cost / 1e6,
           cost / cost_of_token(&plain->model), 1000 * least,
           median(ratio, ROUNDS), bytes / (1 << 20),
           bytes / (double)model_bytes(&plain->model));
}

int main(void)
{
    static struct trainer t[ARMS];
    static struct planned arm[ARMS];
    static double seconds[ARMS][ROUNDS];
    struct corpus corpus;
    struct message m = { 0 };
    size_t arms = 0;
    omp_set_num_threads(1);
    bool well = corpus_open(&corpus, "data/austen.txt",
                            "data/persuasion.txt", 128, &m)
        && open_arms(&arms, arm, t, &corpus, &m);
    for (size_t r = 0; r < ROUNDS && well; r++)
        for (size_t a = 0; a < arms && well; a++)
            well = time_step(&seconds[a][r], &t[a], &m);
    if (!well) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    printf("arm,parameters,mflop,xflop,ms,xtime,mib,xmib\n");
    for (size_t a = 0; a < arms; a++) {
        size_t plain = 0;
        while (!plain_of(&arm[plain].configuration,
                         &arm[a].configuration))
            plain++;
        print_arm(arm[a].arm, &t[a], &t[plain], seconds[a],
                  seconds[plain]);
    }
    return 0;
}
