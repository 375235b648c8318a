#ifndef PLANS_H
#define PLANS_H
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "experiment/experiment.h"

// What all runs share
static inline struct configuration shared(void)
{
    struct configuration c = configuration_default();
    c.context = 128;
    c.batch = 8;
    c.rate = 5e-3;
    c.steps = 600;
    c.warmup = 60;
    c.evaluate_every = 75;
    c.evaluate_windows = 256;
    return c;
}

// Run all of a plan
static inline int run_plan(const char *path)
{
    struct configuration c = shared();
    struct plan plan = { 0 };
    struct corpus corpus = { 0 };
    struct message m = { 0 };
    const char *asked = getenv("JOBS");
    long jobs = asked ? atol(asked) : sysconf(_SC_NPROCESSORS_ONLN);
    bool well = plan_read(&plan, path, &c, &m)
        && corpus_open(&corpus, "data/austen.txt",
                       "data/persuasion.txt", c.context, &m)
        && experiment_all(&plan, &corpus, "build/experiment",
                          jobs > 1 ? (size_t)jobs : 1, stderr, &m)
        && experiment_print(stdout, &plan, "build/experiment", &m);
    if (!well)
        fprintf(stderr, "%s\n", m.text);
    corpus_close(&corpus);
    plan_free(&plan);
    return m.status;
}
#endif
