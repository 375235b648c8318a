#include "boundary/step_model.h"
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// Schemes of a boundary
enum { SCHEMES = 4 };
static const struct {
    const char *name;
    enum scheme scheme;
    double more, streams;   /* more, and so many for each stream */
} schemes[SCHEMES] = {
    { "apart", APART, 0, 0 }, { "at_once", AT_ONCE, 0, 0 },
    { "lazy", AT_ONCE, 1.5, 0 }, { "stored", AT_ONCE, 2, 1 },
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
        printf(",%s_apart,%s_once", machines[m].name,
               machines[m].name);
    putchar('\n');
    for (size_t C = 512; C <= 8192; C += C < 2048 ? 128 : 512) {
        struct shape s = usual_shape;
        s.width = C;
        printf("%zu", C);
        for (size_t m = 0; m < 5; m++)
            printf(",%.1f,%.1f",
                   percent(0, 4, &machines[m], &usual, &s),
                   percent(1, 4, &machines[m], &usual, &s));
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
    print_head("tokens,graph_apart,graph_once");
    for (size_t T = 256; T <= 65536; T *= 2) {
        struct attained graph = usual;
        struct shape s = usual_shape;
        s.tokens = T, graph.launch = 0;
        printf("%zu", T);
        for (size_t i = 0; i < 2; i++)
            printf(",%.1f", percent(i, 4, &machines[1], &graph, &s));
        print_row(4, &machines[1], &usual, &s);
    }
}
/* what decides how long a kernel takes: memory, the second cache,
   floats, tensor cores */
static char limit(const struct kernel *k, const struct size *size,
                  const struct machine *m)
{
    double all = kernel_time(k, size, m, &usual);
    for (const char *at = "mcft"; *at != 0; at++) {
        struct attained free = usual;
        double *share = *at == 'm' ? &free.memory
                      : *at == 'c' ? &free.cache
                      : *at == 'f' ? &free.floats : &free.tensor;
        *share *= 100;
        if (kernel_time(k, size, m, &free) < all)
            return *at;
    }
    return 'l';
}

static void by_machine(void)
{
    print_head("machine,tb_s,dense,floats,balance,kappa,forward,back,"
               "us_apart,us_once");
    for (size_t i = 0; i < 5; i++) {
        const struct machine *m = &machines[i];
        struct kernel k[MOST_KERNELS];
        struct size size = { 4, usual_shape.tokens, usual_shape.width };
        struct way_back way;
        char by[2] = "--";
        for (int back = 0; goes_at_once(&way, m, &size) && back < 2;
             back++) {
            boundary_kernels(k, AT_ONCE, back == 1, &size, way);
            by[back] = limit(&k[0], &size, m);
        }
        double balance = m->dense / m->bytes;
        printf("%s,%.2f,%.0f,%.1f,%.0f,%.1f,%c,%c", m->name,
               1e-12 * m->bytes, 1e-12 * m->dense, 1e-12 * m->floats,
               balance, balance * usual.products / usual.memory / 18,
               by[0], by[1]);
        for (enum scheme scheme = APART; scheme <= AT_ONCE; scheme++)
            printf(",%.0f", 1e6 * boundary_time(scheme, 4, 0, m, &usual,
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
    for (int k = 0; k < 11; k++) {
        static const char *const name[] = { "as in the text",
            "memory: the whole copy", "memory: 0.7 of the copy",
            "products 0.5", "products 0.8", "attention 0.5",
            "floats 1", "floats 0.25", "cache 4", "vocabulary 50304",
            "context 8192" };
        struct attained a = usual;
        struct shape s = usual_shape;
        a.memory = k == 1 ? .9 : k == 2 ? .9 * .7 : a.memory;
        a.products = k == 3 ? .5 : k == 4 ? .8 : a.products;
        a.attention = k == 5 ? .5 : a.attention;
        a.floats = k == 6 ? 1 : k == 7 ? .25 : a.floats;
        a.cache = k == 8 ? 4 : a.cache;
        s.vocabulary = k == 9 ? 50304 : s.vocabulary;
        s.context = k == 10 ? 8192 : s.context;
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
    static const int more[] = { 17, 23, 54, 60 };
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
