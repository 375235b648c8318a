#include "experiment/comparisons.h"

// Which precisions are compared
#define AGAINST(shape, way) { shape, shape "-" way, shape "-bf16" }
#define ALL(shape) AGAINST(shape, "single"), AGAINST(shape, "fp8"), \
    AGAINST(shape, "near"), AGAINST(shape, "chance")
static const struct comparison comparison[] = {
    ALL("wide"), ALL("wide-mhc"), AGAINST("wide-mhc", "mean"),
    ALL("deep"), ALL("deep-mhc"), AGAINST("deep-mhc", "mean") };
enum { COMPARISONS = sizeof comparison / sizeof comparison[0] };

static void print(const struct table *t)
{
    print_comparisons(t, comparison, COMPARISONS);
}

int main(void)
{
    return with_results("data/results/precision.csv", print);
}
