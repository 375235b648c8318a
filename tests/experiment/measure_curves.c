#include "experiment/results.h"

// The curves
static const char *const shape[] = { "wide", "deep" };
static const char *const kind[] = { "hc", "mhc", "identity" };
enum { KINDS = 3, CURVES = 2 * KINDS, EVERY = 75, STEPS = 600 };

// Print a point of each curve
static double mean_at(const struct table *t, const char *arm,
                      double step, const char *column)
{
    struct sample s = sample_at(t, arm, step, column);
    double sum = 0;
    for (size_t i = 0; i < s.count; i++)
        sum += s.value[i];
    return sum / (double)s.count;
}

static void print_step(const struct table *t, double step)
{
    printf("%.0f", step);
    for (size_t k = 0; k < CURVES; k++) {
        char name[32];
        snprintf(name, sizeof name, "%s-%s", shape[k / KINDS],
                 kind[k % KINDS]);
        struct paired p = sample_compare(
            sample_at(t, name, step, "held_out"),
            sample_at(t, shape[k / KINDS], step, "held_out"));
        printf(",%.5f,%.5f,%.5g,%.5g", p.mean, p.half,
               mean_at(t, name, step, "forward"),
               mean_at(t, name, step, "backward"));
    }
    printf("\n");
}

static void print(const struct table *t)
{
    printf("step");
    for (size_t k = 0; k < CURVES; k++) {
        const char *s = shape[k / KINDS], *a = kind[k % KINDS];
        printf(",%s_%s,%s_%s_half,%s_%s_forward,%s_%s_backward", s, a,
               s, a, s, a, s, a);
    }
    printf("\n");
    for (double step = 0; step <= STEPS; step += EVERY)
        print_step(t, step);
}

int main(void)
{
    return with_results("data/results/experiment.csv", print);
}
