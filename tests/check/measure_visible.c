#include "check/boundary.h"
#include "ground/memory.h"
#include <math.h>
#include <stdio.h>

enum { T = 64, N = 4, C = 16 };

static double change(const struct boundary *right, struct rules r)
{
    struct message m = { 0, "" };
    struct boundary b = *right;
    double most = 0;
    b.at[NEXT] = memory_new(T * N * C, sizeof(double), &m);
    reference_run(&b, &r, &m);
    for (size_t i = 0; i < T * N * C; i++)
        most = fmax(most, fabs(b.at[NEXT][i] - right->at[NEXT][i]));
    memory_free(b.at[NEXT]);
    return most;
}

int main(void)
{
    printf("spread,transposed,other_order,half,f32,bf16\n");
    for (double spread = .25; spread < 17; spread *= sqrt(2)) {
        static const char *const type[] = { "F32", "BF16" };
        double tolerance[2], scale = 1;
        struct rules r = reference_rules(&test_settings, false);
        static struct check c;
        for (int k = 0; k < 2; k++) {
            struct message m = { 0, "" };
            c = (struct check){ .file.settings = test_settings,
                .file.hers = test_boundary(T, N, C, 5) };
            for (size_t i = 2 * N; i < N * (N + 2); i++)
                c.file.hers.at[BIAS][i] *= spread / 2;
            test_store(&c, type[k]);
            reference_run(&c.file.hers, &r, &m);
            if (!check_run(&c, NULL, &m))
                return 1;
            const struct verdict *v = c.whole.verdict;
            for (size_t p = 0; p < PARTS; p++)
                if (c.whole.part[p].role == NEXT) {
                    scale = v->scale[p];
                    tolerance[k] = v->tolerance[p] / scale;
                }
        }
        struct rules transposed = r, other = r, half = r;
        transposed.forward.wrong = MISTAKE(TRANSPOSED);
        other.forward.wrong = MISTAKE(OTHER_ORDER);
        half.forward.number[HALF_STEPS] /= 2;
        printf("%.4g,%.3g,%.3g,%.3g,%.3g,%.3g\n", spread,
            change(&c.file.hers, transposed) / scale,
            change(&c.file.hers, other) / scale,
            change(&c.file.hers, half) / scale,
            tolerance[0], tolerance[1]);
    }
    return 0;
}
