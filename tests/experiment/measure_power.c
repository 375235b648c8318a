#include "experiment/results.h"

enum { SEEDS = 6 };

// The deviation of a sample
static double deviation(const struct sample *s)
{
    double mean = 0, squares = 0, n = (double)s->count;
    for (size_t i = 0; i < s->count; i++)
        mean += s->value[i] / n;
    for (size_t i = 0; i < s->count; i++)
        squares += pow(s->value[i] - mean, 2);
    return sqrt(squares / (n - 1));
}

static void print_power(const struct table *t, const char *arm,
                        const char *against)
{
    struct sample a = sample_of(t, arm, "held_out");
    struct sample b = sample_of(t, against, "held_out");
    struct paired p = sample_compare(a, b);
    double apart = hypot(deviation(&a), deviation(&b));
    printf("%s,%zu,%+.4f,%.4f", arm, p.pairs, p.mean, p.deviation);
    for (double d = 0.02; d > 0.004; d /= 2)
        printf(",%zu", pairs_needed(d, p.deviation, 0.9, 0.95));
    printf(",%.4f,%.4f,%zu\n",
           detectable(p.deviation, SEEDS, 0.9, 0.95), apart,
           pairs_needed(0.02, apart, 0.9, 0.95));
}

static void print(const struct table *t)
{
    printf("arm,n,mean,sd,.02,.01,.005,seen,apart,.02u\n");
    print_power(t, "pilot-wide-mhc", "pilot-wide");
    print_power(t, "pilot-deep-mhc", "pilot-deep");
}

int main(void)
{
    return with_results("data/results/experiment.csv", print);
}
