#include "experiment/results.h"

static struct table first;      /* the runs of the first plan */

static void print(const struct table *t)
{
    static const char *const against[3] = {
        "deep", "deep-identity", "deep-mhc" };
    struct paired r[3];
    double p[3], adjusted[3];
    for (size_t i = 0; i < 3; i++) {
        r[i] = sample_compare(
            sample_of(t, "deep-wide-residual", "held_out"),
            sample_of(&first, against[i], "held_out"));
        p[i] = r[i].p;
    }
    holm(adjusted, p, 3);
    printf("against,n,mean,low,high,p,holm\n");
    for (size_t i = 0; i < 3; i++)
        printf("%s,%zu,%+.4f,%+.3f,%+.3f,%.3f,%.4f\n", against[i],
               r[i].pairs, r[i].mean, r[i].mean - r[i].half,
               r[i].mean + r[i].half, p[i], adjusted[i]);
}

int main(void)
{
    struct message m = { 0 };
    if (!table_read(&first, "data/results/experiment.csv", &m)) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    int status = with_results("data/results/wide_residual.csv", print);
    table_free(&first);
    return status;
}
