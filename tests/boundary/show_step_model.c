#include "boundary/step_model.h"
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// Schemes of a boundary
enum { SCHEMES = 5 };
static const struct {
    const char *name;
    enum scheme scheme;
    double more, streams;   /* more, and so many for each stream */
} schemes[SCHEMES] = {
    { "apart", APART, 0, 0 }, { "at_once", AT_ONCE, 0, 0 },
    { "one", ONE_PASS, 0, 0 }, { "one_chip", ONE_PASS, 1.5, 0 },
    { "one_again", ONE_PASS, 2, 1 },
};

static double percent(size_t scheme, size_t n, const struct machine *m,
                      const struct attained *a, const struct shape *s)
{
    return 100 * overhead(schemes[scheme].scheme, n,
                          schemes[scheme].more
                          + schemes[scheme].streams * (double)n,
                          RESIDUAL, m, a, s);
}

static void print_row(size_t n, const struct machine *m,
                      const struct attained *a, const struct shape *s)
{
    for (size_t i = 0; i < SCHEMES; i++)
        printf(",%.1f", percent(i, n, m, a, s));
    putchar('\n');
}

static void print_head(const char *first)
{
    fputs(first, stdout);
    for (size_t i = 0; i < SCHEMES; i++)
        printf(",%s", schemes[i].name);
    putchar('\n');
}

// Tables of the model
static void by_width(void)
{
    fputs("width", stdout);
    for (size_t m = 0; m < 5; m++)
        printf(",%s_once,%s_one", machines[m].name, machines[m].name);
    putchar('\n');
    for (double C = 512; C <= 8192; C += C < 2048 ? 128 : 512) {
        struct shape s = usual_shape;
        s.width = C;
        printf("%.0f", C);
        for (size_t m = 0; m < 5; m++)
            printf(",%.1f,%.1f",
                   percent(1, 4, &machines[m], &usual, &s),
                   percent(2, 4, &machines[m], &usual, &s));
        putchar('\n');
    }
}

static void by_streams(void)
{
    print_head("streams");
    for (size_t n = 2; n <= 8; n *= 2) {
        printf("%zu", n);
        print_row(n, &machines[1], &usual, &usual_shape);
    }
}

static void by_tokens(void)
{
    print_head("tokens,graph_apart,graph_once,graph_one");
    for (double T = 256; T <= 65536; T *= 2) {
        struct attained graph = usual;
        struct shape s = usual_shape;
        s.tokens = T, graph.launch = 0;
        printf("%.0f", T);
        for (size_t i = 0; i < 3; i++)
            printf(",%.1f", percent(i, 4, &machines[1], &graph, &s));
        print_row(4, &machines[1], &usual, &s);
    }
}
/* what decides how long a kernel takes: memory, the second cache,
   floats */
static char limit(const struct kernel *k, const struct machine *m)
{
    struct attained free = usual;
    double all = kernel_time(k, 4, m, &usual, &usual_shape);
    free.memory *= 100;
    if (kernel_time(k, 4, m, &free, &usual_shape) < all)
        return 'm';
    free = usual, free.cache *= 100;
    return kernel_time(k, 4, m, &free, &usual_shape) < all ? 'c' : 'f';
}

static void by_machine(void)
{
    print_head("machine,tb_s,dense,floats,balance,kappa,cross,gates,"
               "apply,third,us_once,us_one");
    for (size_t i = 0; i < 5; i++) {
        const struct machine *m = &machines[i];
        struct kernel there[MOST_KERNELS], back[MOST_KERNELS];
        boundary_kernels(there, AT_ONCE, THERE, 4);
        boundary_kernels(back, AT_ONCE, BACK, 4);
        double balance = m->dense / m->bytes;
        printf("%s,%.2f,%.0f,%.1f,%.0f,%.1f,%c,%c,%c,%c", m->name,
               1e-12 * m->bytes, 1e-12 * m->dense, 1e-12 * m->floats,
               balance, balance * usual.products / usual.memory / 18,
               limit(there, m), limit(back, m), limit(back + 1, m),
               limit(back + 2, m));
        for (enum scheme k = AT_ONCE; k <= ONE_PASS; k++)
            printf(",%.0f", 1e6 * boundary_time(k, 4, 0, m, &usual,
                                                &usual_shape));
        print_row(4, m, &usual, &usual_shape);
    }
}

/* what gpu_steps.csv of make gpu-bench should have as over_residual */
static void by_bench(void)
{
    struct shape s = { .tokens = 16384, .width = 768, .layers = 12,
        .context = 1024, .vocabulary = 256, .update = 16384 };
    struct attained recorded = usual;
    recorded.launch = 0;
    puts("machine,over_residual");
    for (size_t m = 0; m < 5; m++)
        printf("%s,%.3f\n", machines[m].name,
               1 + overhead(AT_ONCE, 4, 0, RESIDUAL_APART, &machines[m],
                            &recorded, &s));
}

static void by_assumption(void)
{
    print_head("assumed");
    for (int k = 0; k < 10; k++) {
        static const char *const name[] = { "as in the text",
            "memory: the whole copy", "memory: 0.7 of the copy",
            "products 0.5", "products 0.8", "attention 0.5",
            "floats 1", "cache 4", "vocabulary 50304",
            "context 8192" };
        struct attained a = usual;
        struct shape s = usual_shape;
        a.memory = k == 1 ? .9 : k == 2 ? .9 * .7 : a.memory;
        a.products = k == 3 ? .5 : k == 4 ? .8 : a.products;
        a.attention = k == 5 ? .5 : a.attention;
        a.floats = k == 6 ? 1 : a.floats;
        a.cache = k == 7 ? 4 : a.cache;
        s.vocabulary = k == 8 ? 50304 : s.vocabulary;
        s.context = k == 9 ? 8192 : s.context;
        printf("%s", name[k]);
        print_row(4, &machines[1], &a, &s);
    }
}
/* weights: C^2 of a sublayer's products, of a token; told: percent;
   allowed: units that the closed form leaves; then by how much a step
   must be longer than its products, with so many units more */
static void by_claim(void)
{
    static const struct { const char *name; double width, weights,
        told; } claim[] = {
        { "27B", 2560, 8.85, 6.7 },
        { "width 512", 512, 6, 7.04 }, { "width 768", 768, 6, 10.2 } };
    static const int more[] = { 17, 23, 26, 54, 60 };
    const struct machine *m = &machines[1];
    double balance = m->dense * usual.products
                   / (m->bytes * usual.memory);
    fputs("claim,width,weights,told,allowed", stdout);
    for (size_t k = 0; k < sizeof more / sizeof *more; k++)
        printf(",with_%d", more[k]);
    putchar('\n');
    for (size_t i = 0; i < sizeof claim / sizeof *claim; i++) {
        double allowed = claim[i].told / 100 * 3 * claim[i].weights
                       * claim[i].width / balance;
        printf("%s,%.0f,%.2f,%.2f,%.1f", claim[i].name, claim[i].width,
               claim[i].weights, claim[i].told, allowed);
        for (size_t k = 0; k < sizeof more / sizeof *more; k++)
            printf(",%.1f", more[k] / allowed);
        putchar('\n');
    }
}

/* show_step_model TABLE: as CSV, in percent of a residual step; n = 4,
   16384 tokens, width 2560, but for what the table varies */
int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } table[] = { { "width", by_width }, { "streams", by_streams },
                  { "tokens", by_tokens }, { "assumed", by_assumption },
                  { "machines", by_machine }, { "bench", by_bench },
                  { "claims", by_claim } };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (argc == 2 && strcmp(argv[1], table[i].name) == 0) {
            table[i].print();
            return 0;
        }
    fputs("show_step_model width|streams|tokens|assumed|machines|bench|"
          "claims\n", stderr);
    return EX_USAGE;
}
