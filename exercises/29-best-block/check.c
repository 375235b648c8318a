#include "ground/random.h"
#include "model/recompute.h"
#include "support/lab.h"
#include <math.h>

static const struct connection kinds[] = {
    { .name = "few coefficients", .mix = MIX_STATIC },
    { .name = "more coefficients", .mix = MIX_SINKHORN },
    { .name = "one", .mix = MIX_NONE },
    { .name = "coefficients only", .mix = MIX_SINKHORN },
};

/* 0 to 40, and then three larger numbers */
enum { TRIED = 44 };
static size_t layers[TRIED];

int main(void)
{
    lab_begin("The best block");
    for (size_t k = 0; k < TRIED; k++)
        layers[k] = k <= 40 ? k : k == 41 ? lab_size(k, 41, 400)
                  : k == 42 ? lab_size(k, 400, 5000)
                  : lab_size(k, 8000, 10000);
    for (size_t i = 0; i < 4; i++) {
        struct configuration c = configuration_default();
        struct device d = { .does = NULL };
        const char *why = "";
        size_t wrong = SIZE_MAX, got = 0, want = 0;
        size_t best[TRIED] = { 0 };
        c.width = i == 3 ? 8 : i == 2 ? 1
                : 8 * (4 + random_below(lab_seed(1), 0, i, 9));
        c.streams = i == 2 ? 1
                  : 4 + random_below(lab_seed(1), 1, i, 3);
        d.format[EXACT] = i == 2 ? E5M2 : i == 3 ? F64 : F32;
        d.format[STREAM] = i == 2 ? E5M2
                         : (enum format)lab_size(i, F32, BF16);
        d.format[ACTIVATION] = d.format[STREAM];
        lab_output(best, sizeof best);
        lab_call(
            for (size_t k = 0; k < TRIED; k++) {
                c.layers = layers[k];
                best[k] = recompute_best(&kinds[i], &c, &d);
            });
        for (size_t k = TRIED; k-- > 0 && wrong == SIZE_MAX; ) {
            c.layers = layers[k];
            // Compare with the bytes of all blocks
            size_t sites = 2 * c.layers + 1, last = 0;
            want = 0;
            for (size_t b = 1; b <= sites; b++) {
                size_t bytes = recompute_bytes(&kinds[i], &c, &d, b);
                if (bytes < recompute_bytes(&kinds[i], &c, &d, want))
                    want = b;
                if (bytes <= recompute_bytes(&kinds[i], &c, &d, last))
                    last = b;
            }
            got = best[k];
            if (got != want) {
                double root = sqrt((double)(c.streams * sites)
                                   / (double)(c.streams + 2));
                wrong = c.layers;
                why = got == last ? ": as good, but longer"
                    : want == 0 ? ": here nothing should be rebuilt"
                    : got == (size_t)(root + 0.5) ? ": the root is only near it"
                    : got == 0 ? ": recomputation does pay here"
                    : sites % got == 0 ? ": need the block divide the sites?" : "";
            }
        }
        lab_true(kinds[i].name, wrong == SIZE_MAX, "%zu layers: %zu in "
                 "place of %zu%s", wrong, got, want, why);
    }
    return lab_end();
}
