#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include "commands/commands.h"
#include "commands/options.h"
#include "ground/median.h"
#include "ground/memory.h"
#include "layers/attention.h"
#include "layers/matmul.h"
#include "layers/peak.h"
#include "training/training.h"
// More headers of the benchmark
#include "model/kinds.h"
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

// Read the clock
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
// The products of one step
struct products {
    const struct configuration *c;
    real *x, *y, *w, *dx, *dw;          /* as large as the largest */
    real *qkv, *scores;
    size_t threads;
};

static double linear(const struct products *p, size_t out, size_t in)
{
    size_t rows = p->c->batch * p->c->context;
    matmul_forward(p->y, p->x, p->w, rows, out, in);
    matmul_backward_input(p->dx, p->y, p->w, rows, out, in, false);
    matmul_backward_weight(p->dw, p->y, p->x, rows, out, in);
    return 6. * (double)rows * (double)out * (double)in;
}

// The products of attention
static void attention_task(const struct products *p, const real *qkv,
                           real *scores, size_t tile, size_t keys)
{
    size_t d = p->c->width / p->c->heads, row = 3 * p->c->width;
    const real *k = qkv + p->c->width, *v = k + p->c->width;
    real *out = scores + tile * keys;
    for (int again = 0; again < 2; again++)
        matmul_serial(false, true, tile, keys, d, 1, qkv, row, k, row,
                      0, scores, keys);
    matmul_serial(false, false, tile, d, keys, 1, scores, keys, v, row,
                  0, out, d);
    matmul_serial(false, true, tile, keys, d, 1, qkv, row, v, row,
                  0, scores, keys);
    matmul_serial(false, false, tile, d, keys, 1, scores, keys, k, row,
                  0, out, d);
    for (int again = 0; again < 2; again++)
        matmul_serial(true, false, keys, d, tile, 1, scores, keys, qkv,
                      row, 0, out, d);
}

static double attention_products(const struct products *p)
{
    const struct configuration *c = p->c;
    size_t tasks = c->batch * c->heads, d = c->width / c->heads;
    size_t room = (ATTENTION_TILE + d) * c->context
                + ATTENTION_TILE * d;
    double flops = 0;
    #pragma omp parallel for schedule(dynamic) reduction(+: flops)
    for (size_t task = 0; task < tasks; task++) {
        size_t sequence = task / c->heads, head = task % c->heads;
        const real *qkv = p->qkv + sequence * c->context * 3 * c->width
                        + head * d;
        real *scores = p->scores + (size_t)omp_get_thread_num() * room;
        for (size_t q = 0; q < c->context; q += ATTENTION_TILE) {
            size_t tile = c->context - q < ATTENTION_TILE
                        ? c->context - q : ATTENTION_TILE;
            attention_task(p, qkv, scores, tile, q + tile);
            flops += 14. * (double)(tile * (q + tile) * d);
        }
    }
    return flops;
}

static double all_products(const struct products *p)
{
    const struct configuration *c = p->c;
    size_t hidden = configuration_hidden(c);
    double flops = 0;
    for (size_t l = 0; l < c->layers; l++) {
        flops += linear(p, 3 * c->width, c->width);
        flops += attention_products(p);
        flops += linear(p, c->width, c->width);
        flops += linear(p, hidden, c->width);
        flops += linear(p, hidden, c->width);
        flops += linear(p, c->width, hidden);
    }
    return flops + linear(p, c->vocabulary, c->width);
}
// Measure steps and products in turn
struct measured { double step, products, flops; };

// Settle the operands of the products
static size_t largest_of(const struct configuration *c)
{
    size_t hidden = configuration_hidden(c), most = 3 * c->width;
    most = hidden > most ? hidden : most;
    return c->vocabulary > most ? c->vocabulary : most;
}

static void settle(const struct products *p)
{
    size_t most = largest_of(p->c);
    size_t rows = p->c->batch * p->c->context;
    for (size_t i = 0; i < rows * most; i++) {
        p->x[i] = (real)(1e-3 * (double)(i % 7));
        p->y[i] = p->dx[i] = 0;
    }
    for (size_t i = 0; i < most * most; i++) {
        p->w[i] = (real)(1e-3 * (double)(i % 5));
        p->dw[i] = 0;
    }
    for (size_t i = 0; i < rows * 3 * p->c->width; i++)
        p->qkv[i] = (real)(1e-3 * (double)(i % 3));
}

static bool measure(struct measured *all, struct trainer *t,
                    struct clocks *clocks, const struct products *p,
                    size_t rounds, struct message *m)
{
    struct update u;
    for (size_t k = 0; k < rounds + 1; k++) {
        if (k == 1)
            t->device->clocks = clocks;
        double began = seconds();
        if (!trainer_step(&u, t, m))
            return false;
        double between = seconds();
        settle(p);
        double settled = seconds();
        double flops = all_products(p);
        if (k > 0)
            all[k - 1] = (struct measured){between - began,
                                           seconds() - settled, flops};
    }
    return true;
}
// Print the tables
static void print_shares(const struct clocks *clocks, double step,
                         size_t rounds)
{
    double known = 0;
    printf("\n%-24s %10s %8s\n", "operation", "ms a step", "share");
    for (enum operation k = 0; k < OPERATIONS; k++) {
        double each = clocks->seconds[k] / (double)rounds;
        if (clocks->calls[k] == 0)
            continue;
        printf("%-24s %10.2f %7.1f%%\n", operation_names[k],
               1e3 * each, 100 * each / step);
        known += each;
    }
    printf("%-24s %10.2f %7.1f%%\n", "all else", 1e3 * (step - known),
           100 * (step - known) / step);
}

static void print_ratios(const struct measured *all,
                         const struct clocks *clocks, size_t rounds,
                         const struct trainer *t, double *x)
{
    const struct configuration *c = &t->options;
    for (size_t k = 0; k < rounds; k++)
        x[k] = all[k].step;
    double step = median(x, rounds), low = x[0], high = x[rounds - 1];
    for (size_t k = 0; k < rounds; k++)
        x[k] = all[k].products;
    double products = median(x, rounds);
    for (size_t k = 0; k < rounds; k++)
        x[k] = all[k].products / all[k].step;
    double ratio = median(x, rounds);
    double tokens = (double)(c->batch * c->context), mean = 0;
    double rate = 1e-9 * all[0].flops / products;
    double peak = matmul_peak(omp_get_max_threads());
    for (size_t k = 0; k < rounds; k++)
        mean += all[k].step / (double)rounds;
    print_shares(clocks, mean, rounds);
    printf("\nstep                     %8.1f ms (%.1f to %.1f), %.0f"
           " tokens/s\n", 1e3 * step, 1e3 * low, 1e3 * high,
           tokens / step);
    printf("its products alone       %8.1f ms, %.1f GF/s\n",
           1e3 * products, rate);
    printf("products alone / step    %8.3f    (median of pairs, %.3f to"
           " %.3f)\n", ratio, x[0], x[rounds - 1]);
    printf("multiply-add peak        %8.1f GF/s: the products reach"
           " %.2f of it, the step %.2f\n", peak, rate / peak,
           1e-9 * all[0].flops / step / peak);
    printf("memory                   %8.0f bytes a token\n",
           (double)(model_bytes(&t->model) - 2 * sizeof(real)
                    * t->model.parameters.count) / tokens);
}
// Prepare a benchmark
static bool make_products(struct products *p,
                          const struct configuration *c,
                          struct message *m)
{
    size_t most = largest_of(c), rows = c->batch * c->context;
    size_t d = c->width / c->heads;
    size_t room = (ATTENTION_TILE + d) * c->context
                + ATTENTION_TILE * d;
    *p = (struct products){.c = c,
                           .threads = (size_t)omp_get_max_threads()};
    return (p->x = memory_new(rows * most, sizeof(real), m))
        && (p->y = memory_new(rows * most, sizeof(real), m))
        && (p->w = memory_new(most * most, sizeof(real), m))
        && (p->dx = memory_new(rows * most, sizeof(real), m))
        && (p->dw = memory_new(most * most, sizeof(real), m))
        && (p->qkv = memory_new(rows * 3 * c->width, sizeof(real), m))
        && (p->scores = memory_new(p->threads * room, sizeof(real), m));
}

static void free_products(struct products *p)
{
    memory_free(p->x);
    memory_free(p->y);
    memory_free(p->w);
    memory_free(p->dx);
    memory_free(p->dw);
    memory_free(p->qkv);
    memory_free(p->scores);
}

// Run a benchmark
static bool bench(const struct options *o, const char *rounds_text,
                  struct message *m)
{
    const struct configuration *c = &o->configuration;
    size_t rounds, size = 8 * c->batch * (c->context + 1);
    if (!options_number(&rounds, "rounds", rounds_text, 1, 1000, m)
        || !configuration_check(c, m))
        return false;
    struct clocks clocks = {{0}, {0}};
    struct trainer t = {0};
    struct products p = {0};
    unsigned char *bytes = memory_new(size, 1, m);
    double *x = memory_new(rounds, sizeof *x, m);
    struct measured *all = memory_new(rounds, sizeof *all, m);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = (unsigned char)(i * i / 7 % 256);
    struct text text = {bytes, size};
    struct corpus corpus = {.training = text, .held_out = text};
    bool good = bytes && x && all
             && trainer_open(&t, c, o->device, &corpus, m)
             && make_products(&p, c, m);
    if (good) {
        printf("%zu layers, width %zu, context %zu, %zu tokens a step,"
               " %d threads, %s, %s\n", c->layers, c->width, c->context,
               c->batch * c->context, omp_get_max_threads(),
               matmul_library(), REAL_NAME);
        good = measure(all, &t, &clocks, &p, rounds, m);
        if (good)
            print_ratios(all, &clocks, rounds, &t, x);
    }
    free_products(&p);
    trainer_close(&t);
    memory_free(bytes);
    memory_free(x);
    memory_free(all);
    return good;
}

// Run a comparison
// An arm of a comparison
enum { ARMS = 12, ARM_NAME = 24 };

static struct arm {
    char name[ARM_NAME];            /* "mhc-ops": not fused */
    bool apart;
    struct configuration configuration;
    struct trainer trainer;
    double *step;                   /* [rounds] */
    struct clocks clocks;
    double peak;                    /* bytes, of a process of its own */
} arms[ARMS];

static bool open_arm(struct arm *a, struct device *d,
                     const struct corpus *corpus, struct message *m)
{
    if (!trainer_open(&a->trainer, &a->configuration, d, corpus, m))
        return false;
    a->trainer.model.apart = a->apart;
    return true;
}

// Which arms
static bool name_arm(struct arm *a, const char *name, size_t length,
                     const struct configuration *c, struct message *m)
{
    static const char suffix[] = "-ops";
    size_t rest = strlen(suffix);
    if (length >= ARM_NAME)
        return fail(m, EX_USAGE, "arms: the name %s is too long", name);
    memcpy(a->name, name, length);
    a->configuration = *c;
    struct configuration *own = &a->configuration;
    memcpy(own->connection, a->name, ARM_NAME);
    a->apart = length > rest
            && strcmp(a->name + length - rest, suffix) == 0;
    if (a->apart)
        own->connection[length - rest] = '\0';
    const struct connection *k = connection_find(own->connection);
    if (k == NULL)
        return fail(m, EX_USAGE, "arms: there is no kind '%s'",
                    own->connection);
    own->streams = k->most_streams == 1 ? 1
                 : c->streams > 1 ? c->streams : 4;
    return true;
}

// Name all arms
static size_t name_arms(const char *list, const struct configuration *c,
                        struct message *m)
{
    size_t count = 0;
    if (strcmp(list, "all") == 0)
        list = connection_find("mhc-lite") == NULL
             ? "residual,hc,mhc,identity,mhc-ops"
             : "residual,hc,mhc,identity,mhc-lite,mhc-ops";
    while (true) {
        size_t length = strcspn(list, ",");
        if (count == ARMS) {
            fail(m, EX_USAGE, "arms: more than %d", ARMS);
            return 0;
        }
        if (!name_arm(&arms[count++], list, length, c, m))
            return 0;
        if (list[length] == '\0')
            return count;
        list += length + 1;
    }
}

// Measure the memory of an arm
static bool measure_memory(struct arm *a, struct device *d,
                           const struct corpus *corpus,
                           struct message *m)
{
    struct rusage usage;
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        struct update u;
        _exit(!open_arm(a, d, corpus, m)
              || !trainer_step(&u, &a->trainer, m));
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child
        || status != 0)
        return fail(m, EX_OSERR, "arms: no memory measured for %s",
                    a->name);
    a->peak = 1024. * (double)usage.ru_maxrss;
    return true;
}

// Measure the arms in turn
static bool measure_arms(size_t count, double *products, size_t rounds,
                         const struct products *p, struct message *m)
{
    for (size_t k = 0; k < rounds + 1; k++) {
        for (size_t i = 0; i < count; i++) {
            struct arm *a = &arms[(i + k) % count];
            struct update u;
            a->trainer.device->clocks = k > 0 ? &a->clocks : NULL;
            double began = seconds();
            if (!trainer_step(&u, &a->trainer, m))
                return false;
            double ended = seconds();
            if (k > 0)
                a->step[k - 1] = ended - began;
        }
        settle(p);
        double began = seconds();
        all_products(p);
        if (k > 0)
            products[k - 1] = seconds() - began;
    }
    return true;
}

// Print the comparison
static void print_over(const char *name, const double *above,
                       const double *below, size_t rounds, double *x)
{
    for (size_t k = 0; k < rounds; k++)
        x[k] = above[k] / below[k];
    double middle = median(x, rounds);
    printf("%s%6.3f (%.3f to %.3f)", name, middle, x[0], x[rounds - 1]);
}

static void print_arms(size_t count, const double *products,
                       size_t rounds, double *x)
{
    printf("\n%-12s %8s   %-24s %10s %9s\n", "arm", "ms",
           "over the first", "planned MB", "peak MB");
    for (size_t i = 0; i < count; i++) {
        struct arm *a = &arms[i];
        const struct model *model = &a->trainer.model;
        double planned = (double)model_bytes(model) + 2 * sizeof(real)
                       * (double)model->parameters.count;
        memcpy(x, a->step, rounds * sizeof *x);
        printf("%-12s %8.1f  ", a->name, 1e3 * median(x, rounds));
        print_over("", a->step, arms[0].step, rounds, x);
        printf("  %10.1f %9.1f\n", 1e-6 * planned, 1e-6 * a->peak);
    }
    print_over("\nthe first's products alone / its step ", products,
               arms[0].step, rounds, x);
    printf("\n");
}

// Print the operations of the arms
static void print_operations(size_t count, size_t tokens)
{
    printf("\n%-24s", "ns a token");
    for (size_t i = 0; i < count; i++)
        printf(" %8s", arms[i].name);
    for (enum operation k = 0; k < OPERATIONS; k++) {
        printf("\n%-24s", operation_names[k]);
        for (size_t i = 0; i < count; i++)
            if (arms[i].clocks.calls[k] == 0)
                printf(" %8s", "-");
            else
                printf(" %8.0f", 1e9 * arms[i].clocks.seconds[k]
                                 / (double)tokens
                                 / (double)arms[i].clocks.calls[k]);
    }
    printf("\n");
}

// Compare
static bool compare(const struct options *o, const char *list,
                    const char *rounds_text, struct message *m)
{
    const struct configuration *c = &o->configuration;
    size_t rounds, count = 0, size = 8 * c->batch * (c->context + 1);
    if (!options_number(&rounds, "rounds", rounds_text, 1, 1000, m)
        || !configuration_check(c, m)
        || (count = name_arms(list, c, m)) == 0)
        return false;
    struct products p = {0};
    unsigned char *bytes = memory_new(size, 1, m);
    double *x = memory_new(2 * rounds, sizeof *x, m);
    bool good = bytes && x;
    // Open and measure the arms
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = (unsigned char)(i * i / 7 % 256);
    struct text text = {bytes, size};
    struct corpus corpus = {.training = text, .held_out = text};
    for (size_t i = 0; good && i < count; i++)
        good = measure_memory(&arms[i], o->device, &corpus, m);
    for (size_t i = 0; good && i < count; i++)
        good = (arms[i].step = memory_new(rounds, sizeof *x, m))
            && open_arm(&arms[i], o->device, &corpus, m);
    good = good && make_products(&p, c, m)
        && measure_arms(count, x + rounds, rounds, &p, m);
    if (good) {
        printf("%zu layers, width %zu, context %zu, %zu tokens a step,"
               " %zu streams, %d threads, %s, %s\n", c->layers,
               c->width, c->context, c->batch * c->context,
               arms[count - 1].configuration.streams,
               omp_get_max_threads(), matmul_library(), REAL_NAME);
        print_arms(count, x + rounds, rounds, x);
        print_operations(count, c->batch * c->context);
    }
    for (size_t i = 0; i < count; i++) {
        trainer_close(&arms[i].trainer);
        memory_free(arms[i].step);
    }
    free_products(&p);
    memory_free(bytes);
    memory_free(x);
    return good;
}

int command_bench(int argc, char **argv)
{
    const char *rounds = "7";
    // More words of the benchmark
    const char *arms = NULL;
    const struct own_option own[] = {
        {"rounds", "N", "how often to measure (7)", &rounds},
        // More options of the benchmark
        {"arms", "KINDS", "compare connections instead: residual,mhc,mhc-ops;"
         " or all", &arms},
        {0}};
    const struct request request = {"bench", NULL,
        "Times training steps, each operation's share of them, and the"
        " same steps' matrix products alone.\n\vFor instance:\n"
        "  mhc bench\n  mhc bench --layers 4 --width 192 --batch 4",
        own, true, true};
    struct options options = {0};
    struct message m = {0};
    options.configuration = configuration_default();
    // Set the sizes that the book quotes
    struct configuration *c = &options.configuration;
    c->layers = 6;
    c->width = 384;
    c->heads = 6;
    c->context = 256;
    c->batch = 8;
    c->accumulation = 1;
    c->warmup = 0;
    if (options_read(&options, &request, argc, argv, &m)
        && (arms != NULL ? compare(&options, arms, rounds, &m) :
            bench(&options, rounds, &m)))
        return 0;
    return options_report(&request, &m);
}
