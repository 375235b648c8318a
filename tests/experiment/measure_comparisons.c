#include "experiment/comparisons.h"

// Which arms are compared
static const struct comparison comparison[] = {
    { "main", "wide-hc", "wide" },
    { "main", "wide-mhc", "wide" },
    { "main", "wide-identity", "wide" },
    { "main", "deep-hc", "deep" },
    { "main", "deep-mhc", "deep" },
    { "main", "deep-identity", "deep" },
    { "main", "wide-mhc", "wide-hc" },
    { "main", "wide-mhc", "wide-identity" },
    { "main", "deep-mhc", "deep-hc" },
    { "main", "deep-mhc", "deep-identity" },
    { "budget", "wide-mhc", "wide-flops" },
    { "budget", "wide-mhc", "wide-time" },
    { "budget", "wide-hc", "wide-time" },
    { "budget", "deep-mhc", "deep-flops" },
    { "budget", "deep-mhc", "deep-time" },
    { "budget", "deep-hc", "deep-time" },
    { "streams", "wide-mhc-1", "wide" },
    { "streams", "wide-mhc-2", "wide" },
    { "streams", "wide-mhc", "wide-mhc-2" },
    { "streams", "wide-mhc-8", "wide-mhc" },
    { "shape", "deep", "wide" },
    { "shape", "deep-mhc", "wide-mhc" },
    { "clip", "deep-free", "deep" },
    { "clip", "deep-hc-free", "deep-hc" },
    { "clip", "deep-mhc-free", "deep-mhc" },
};
enum { COMPARISONS = sizeof comparison / sizeof comparison[0] };

static void print(const struct table *t)
{
    print_comparisons(t, comparison, COMPARISONS);
}

int main(void)
{
    return with_results("data/results/experiment.csv", print);
}
