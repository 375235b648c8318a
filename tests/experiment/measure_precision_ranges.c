#include "experiment/plans.h"
#include "gain/range.h"
#include "support/cpu.h"
#include <string.h>

static const char *const arms[] = { "deep-near", "deep-mhc-near" };
static const char *const names[RANGED] = { "streams", "norms",
    "answers", "their gradients", "of answers" };

/* over all sites: the largest, the share of codes that are zero, and
   how many numbers were infinite */
static bool print_ranges(const char *arm, struct trainer *t,
                         struct message *m)
{
    struct ranges r;
    if (!ranges_measure(&r, t, m))
        return false;
    for (int what = 0; what < RANGED; what++) {
        struct fp8_range all = { 0 };
        for (size_t i = 0; i < r.sites; i++) {
            const struct fp8_range *of = &r.of[i][what];
            all.count += of->count;
            all.vanished += of->vanished;
            all.saturated += of->saturated;
            all.amax = of->amax > all.amax ? of->amax : all.amax;
        }
        printf("%s %zu,%s,%.3g,%.3f,%zu\n", arm, t->bookmark.step,
               names[what], (double)all.amax,
               100 * (double)all.vanished / (double)all.count,
               all.saturated);
    }
    ranges_close(&r);
    return true;
}

static bool watch(const struct planned *p, const struct corpus *corpus,
                  struct message *m)
{
    struct trainer t;
    struct update u;
    if (!device_open(&cpu, "cpu", p->precision, m)
        || !trainer_open(&t, &p->configuration, &cpu, corpus, m))
        return false;
    bool good = true;
    while (good && t.bookmark.step < t.options.steps) {
        good = trainer_step(&u, &t, m)
            && (u.step % 150 != 0 || print_ranges(p->arm, &t, m));
    }
    trainer_close(&t);
    return good;
}

int main(void)
{
    struct configuration c = shared();
    struct plan plan = { 0 };
    struct corpus corpus = { 0 };
    struct message m = { 0 };
    bool good = plan_read(&plan, "tests/experiment/precision.csv", &c,
                          &m)
        && corpus_open(&corpus, "data/austen.txt",
                       "data/persuasion.txt", c.context, &m);
    printf("run,array,amax,zero_percent,infinite\n");
    for (size_t i = 0; good && i < plan.runs; i++)
        for (size_t k = 0; k < sizeof arms / sizeof *arms; k++)
            if (plan.run[i].configuration.seed == 1
                && strcmp(plan.run[i].arm, arms[k]) == 0)
                good = good && watch(&plan.run[i], &corpus, &m);
    if (!good)
        fprintf(stderr, "%s\n", m.text);
    corpus_close(&corpus);
    plan_free(&plan);
    return m.status;
}
