#include "experiment/comparisons.h"

// Which arms are compared again
static const struct comparison comparison[] = {
    { "again", "deep-hc", "deep" },
    { "again", "deep-mhc", "deep" },
    { "again", "deep-identity", "deep" },
    { "again", "deep-mhc", "deep-hc" },
    { "again", "deep-mhc", "deep-identity" },
};
enum { COMPARISONS = sizeof comparison / sizeof comparison[0] };

static void print(const struct table *t)
{
    print_comparisons(t, comparison, COMPARISONS);
}

int main(void)
{
    return with_results("data/results/again.csv", print);
}
