#include "experiment/results.h"

// Which arms are compared again
static const struct comparison {
    const char *question, *arm, *against;
} comparison[] = {
    { "again", "deep-hc", "deep" },
    { "again", "deep-mhc", "deep" },
    { "again", "deep-identity", "deep" },
    { "again", "deep-mhc", "deep-hc" },
    { "again", "deep-mhc", "deep-identity" },
};
enum { COMPARISONS = sizeof comparison / sizeof comparison[0] };

// Compare two arms
static struct paired compare(const struct table *t,
                             const struct comparison *c)
{
    return sample_compare(sample_of(t, c->arm, "held_out"),
                          sample_of(t, c->against, "held_out"));
}

// Print the comparisons of a question
static void print_header(void)
{
    printf("question,arm,against,n,mean,low,high,p,holm\n");
}

/* where the next question begins */
static size_t print_question(const struct table *t, size_t first)
{
    size_t end;
    // Find the end of the question
    for (end = first; end < COMPARISONS; end++)
        if (strcmp(comparison[end].question, comparison[first].question))
            break;
    // Compare and correct
    struct paired r[COMPARISONS];
    double p[COMPARISONS] = { 0 }, adjusted[COMPARISONS];
    for (size_t i = first; i < end; i++) {
        r[i] = compare(t, &comparison[i]);
        p[i] = r[i].p;
    }
    holm(adjusted + first, p + first, end - first);
    for (size_t i = first; i < end; i++)
        printf("%s,%s,%s,%zu,%+.4f,%+.3f,%+.3f,%.3f,%.4f\n",
               comparison[i].question, comparison[i].arm,
               comparison[i].against, r[i].pairs, r[i].mean,
               r[i].mean - r[i].half, r[i].mean + r[i].half, p[i],
               adjusted[i]);
    return end;
}

static void print(const struct table *t)
{
    print_header();
    print_question(t, 0);
}

int main(void)
{
    return with_results("data/results/again.csv", print);
}
