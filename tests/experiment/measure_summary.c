#include "experiment/results.h"

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

// Sum up an arm
static double mean_of(const struct table *t, const char *arm,
                      const char *column)
{
    struct sample s = sample_of(t, arm, column);
    double mean = 0;
    for (size_t i = 0; i < s.count; i++)
        mean += s.value[i] / (double)s.count;
    return mean;
}

static double largest_of(const struct table *t, const char *arm,
                         const char *column)
{
    double largest = NAN;
    for (size_t r = 0; r < t->rows; r++)
        if (strcmp(table_text(t, r, "arm"), arm) == 0)
            largest = fmax(largest, table_number(t, r, column));
    return largest;
}

static void sum_up(const struct table *t, const char *arm)
{
    struct sample s = sample_of(t, arm, "held_out");
    size_t broken = 0;
    for (size_t i = 0; i < s.count; i++)
        broken += isnan(s.value[i]) ? 1 : 0;
    printf("%s,%zu,%zu,%.4f,%.4f,%.3f,%.2f,%.3f,%.3f\n", arm, s.count,
           broken, mean_of(t, arm, "held_out"), deviation(&s),
           mean_of(t, arm, "norm"), largest_of(t, arm, "largest_norm"),
           largest_of(t, arm, "forward"),
           largest_of(t, arm, "backward"));
}

static void print(const struct table *t)
{
    printf("arm,runs,lost,loss,sd,norm,most,fwd,bwd\n");
    for (size_t r = 0; r < t->rows; r++) {
        const char *arm = table_text(t, r, "arm");
        size_t before = 0;
        while (strcmp(table_text(t, before, "arm"), arm) != 0)
            before++;
        if (before == r)
            sum_up(t, arm);
    }
}

int main(void)
{
    return with_results("data/results/experiment.csv", print);
}
