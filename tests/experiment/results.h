#ifndef RESULTS_H
#define RESULTS_H
#include "experiment/statistics.h"
#include "experiment/table.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SEEDS = 64 };

/* One number of each run of an arm. */
struct sample {
    size_t count;
    double seed[MOST_SEEDS], value[MOST_SEEDS];
};

// Take one number from each run of an arm
static inline bool in_arm(const struct table *t, size_t row,
                          const char *arm)
{
    return row < t->rows && strcmp(table_text(t, row, "arm"), arm) == 0;
}

static inline void sample_add(struct sample *s, const struct table *t,
                              size_t row, const char *column)
{
    if (s->count == MOST_SEEDS)
        return;
    s->seed[s->count] = table_number(t, row, "seed");
    s->value[s->count++] = table_number(t, row, column);
}

/* at this step */
static inline struct sample sample_at(const struct table *t,
                                      const char *arm, double step,
                                      const char *column)
{
    struct sample s = { 0 };
    for (size_t r = 0; r < t->rows; r++)
        if (in_arm(t, r, arm) && table_number(t, r, "step") == step)
            sample_add(&s, t, r, column);
    return s;
}

/* at the end of each run */
static inline struct sample sample_of(const struct table *t,
                                      const char *arm,
                                      const char *column)
{
    struct sample s = { 0 };
    for (size_t r = 0; r < t->rows; r++)
        if (in_arm(t, r, arm)
            && !(in_arm(t, r + 1, arm)
                 && table_number(t, r + 1, "seed")
                    == table_number(t, r, "seed")))
            sample_add(&s, t, r, column);
    return s;
}

// Match two samples by seed
/* keeps of both what has a partner, in the same order */
static inline size_t sample_match(struct sample *a, struct sample *b)
{
    size_t pairs = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = pairs; j < b->count; j++)
            if (a->seed[i] == b->seed[j]) {
                double value = b->value[j];
                b->seed[j] = b->seed[pairs];
                b->value[j] = b->value[pairs];
                a->seed[pairs] = b->seed[pairs] = a->seed[i];
                a->value[pairs] = a->value[i];
                b->value[pairs++] = value;
                break;
            }
    return a->count = b->count = pairs;
}

static inline struct paired sample_compare(struct sample a,
                                           struct sample b)
{
    size_t pairs = sample_match(&a, &b);
    return pairs < 2 ? (struct paired){ pairs, NAN, NAN, NAN, NAN }
        : paired_interval(a.value, b.value, pairs, 0.95);
}

// Print something made of the results
static inline int with_results(const char *path,
                               void (*print)(const struct table *))
{
    struct table t;
    struct message m = { 0 };
    if (!table_read(&t, path, &m)) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    print(&t);
    table_free(&t);
    return 0;
}
#endif
