#ifndef COMPARISONS_H
#define COMPARISONS_H
#include "experiment/results.h"

enum { MOST_COMPARISONS = 32 };
struct comparison { const char *question, *arm, *against; };

// Compare two arms
static inline struct paired compare(const struct table *t,
                                    const struct comparison *c)
{
    return sample_compare(sample_of(t, c->arm, "held_out"),
                          sample_of(t, c->against, "held_out"));
}

// Print the comparisons of all questions
static inline void print_comparisons(const struct table *t,
                                     const struct comparison *c,
                                     size_t count)
{
    printf("question,arm,against,n,mean,low,high,p,holm\n");
    for (size_t first = 0, end; first < count; first = end) {
        // Find the end of the question
        for (end = first; end < count; end++)
            if (strcmp(c[end].question, c[first].question) != 0)
                break;
        // Compare and correct
        struct paired r[MOST_COMPARISONS];
        double p[MOST_COMPARISONS] = { 0 }, adjusted[MOST_COMPARISONS];
        for (size_t i = first; i < end; i++) {
            r[i] = compare(t, &c[i]);
            p[i] = r[i].p;
        }
        holm(adjusted + first, p + first, end - first);
        for (size_t i = first; i < end; i++)
            printf("%s,%s,%s,%zu,%+.4f,%+.3f,%+.3f,%.3f,%.4f\n",
                   c[i].question, c[i].arm, c[i].against, r[i].pairs,
                   r[i].mean, r[i].mean - r[i].half, r[i].mean + r[i].half,
                   p[i], adjusted[i]);
    }
}
#endif
