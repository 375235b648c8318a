#include <omp.h>
#include <stdio.h>
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
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <sysexits.h>
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
    struct device *device;
    real *x, *y, *w, *dx, *dw;          /* as large as the largest */
    real *qkv, *scores;
};

static double linear(const struct products *p, size_t out, size_t in)
{
    size_t rows = p->c->batch * p->c->context;
    // Multiply as the device keeps its numbers
    if (p->device->does == &cpu_sixteen_operations) {
        struct device *d = p->device;
        struct array x = device_shape(d, ACTIVATION, rows, in);
        struct array y = device_shape(d, ACTIVATION, rows, out);
        struct array w = device_shape(d, WORKING, out, in);
        struct array dw = device_shape(d, MASTER, out, in), dx = x, dy;
        x.at = p->x, y.at = p->y, w.at = p->w;
        dx.at = p->dx, dw.at = p->dw;
        dx.role = GRADIENT;
        dy = array_as(y, GRADIENT, BF16);
        device_product(d, y, x, w);
        device_product_input(d, dx, dy, w, false);
        device_product_weight(d, dw, dy, x);
        return 6. * (double)rows * (double)out * (double)in;
    }
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
        flops += linear(p, 2 * hidden, c->width);
        flops += linear(p, c->width, hidden);
    }
    return flops + linear(p, c->vocabulary, c->width);
}
// The arms of a benchmark
enum { ARMS = 12, ROUNDS = 1000 };

struct arm {
    struct configuration configuration;
    struct trainer trainer;
    struct clocks clocks;
    double step[ROUNDS + 1];        /* seconds, from round 0 */
    // More of an arm
    char name[24];                  /* "mhc-ops": not fused */
    bool apart;
    double peak;                    /* bytes, of a process of its own */
};

struct benchmark {
    struct arm arms[ARMS];
    size_t count, rounds;
    struct products products;
    double alone[ROUNDS + 1];       /* seconds of the products */
    double flops;                   /* of a round of them */
    void (*print)(const struct benchmark *b);
    // More of a benchmark
    const char *list;               /* of kinds; NULL: no comparison */
};
// Measure steps and products in turn
// Settle the operands of the products
static size_t largest_of(const struct configuration *c)
{
    size_t hidden = configuration_hidden(c), most = 3 * c->width;
    most = 2 * hidden > most ? 2 * hidden : most;
    return c->vocabulary > most ? c->vocabulary : most;
}

static void settle(const struct products *p)
{
    size_t most = largest_of(p->c);
    size_t rows = p->c->batch * p->c->context;
    for (size_t i = 0; i < rows * most; i++) {
        p->x[i] = (real)(0x1p-10 * (double)(i % 7));
        p->y[i] = p->dx[i] = 0;
    }
    for (size_t i = 0; i < most * most; i++) {
        p->w[i] = (real)(0x1p-10 * (double)(i % 5));
        p->dw[i] = 0;
    }
    for (size_t i = 0; i < rows * 3 * p->c->width; i++)
        p->qkv[i] = (real)(0x1p-10 * (double)(i % 3));
}

static bool measure(struct benchmark *b, struct message *m)
{
    for (size_t k = 0; k <= b->rounds; k++) {
        for (size_t i = 0; i < b->count; i++) {
            struct arm *a = &b->arms[(i + k) % b->count];
            struct update u;
            a->trainer.device->clocks = k > 0 ? &a->clocks : NULL;
            double began = seconds();
            if (!trainer_step(&u, &a->trainer, m))
                return false;
            a->step[k] = seconds() - began;
        }
        settle(&b->products);
        b->arms[0].trainer.device->clocks = NULL;
        double began = seconds();
        b->flops = all_products(&b->products);
        b->alone[k] = seconds() - began;
    }
    return true;
}
// Print the tables
// The spread of times or ratios
struct spread { double middle, low, high; };

static struct spread spread_of(const double *above, const double *below,
                               size_t rounds)
{
    double x[ROUNDS];
    for (size_t k = 0; k < rounds; k++)
        x[k] = above[k + 1] / (below == NULL ? 1 : below[k + 1]);
    double middle = median(x, rounds);
    return (struct spread){middle, x[0], x[rounds - 1]};
}

static void print_shares(const struct arm *a, size_t rounds)
{
    const struct clocks *clocks = &a->clocks;
    double known = 0, step = 0;
    for (size_t k = 1; k <= rounds; k++)
        step += a->step[k] / (double)rounds;
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

static void print_ratios(const struct benchmark *b)
{
    const struct arm *a = &b->arms[0];
    const struct configuration *c = &a->configuration;
    const struct model *model = &a->trainer.model;
    struct spread step = spread_of(a->step, NULL, b->rounds);
    struct spread alone = spread_of(b->alone, NULL, b->rounds);
    struct spread ratio = spread_of(b->alone, a->step, b->rounds);
    double tokens = (double)(c->batch * c->context);
    double rate = 1e-9 * b->flops / alone.middle;
    double peak = matmul_peak(omp_get_max_threads());
    print_shares(a, b->rounds);
    printf("\nstep                     %8.1f ms (%.1f to %.1f), %.0f"
           " tokens/s\n", 1e3 * step.middle, 1e3 * step.low,
           1e3 * step.high, tokens / step.middle);
    printf("its products alone       %8.1f ms, %.1f GF/s\n",
           1e3 * alone.middle, rate);
    printf("products alone / step    %8.3f    (median of pairs, %.3f to"
           " %.3f)\n", ratio.middle, ratio.low, ratio.high);
    printf("multiply-add peak        %8.1f GF/s: the products reach"
           " %.2f of it, the step %.2f\n", peak, rate / peak,
           1e-9 * b->flops / step.middle / peak);
    printf("memory                   %8.0f bytes a token\n",
           (double)(model_bytes(model) - 2 * sizeof(real)
                    * model->parameters.count) / tokens);
}

// Print the arms
static void print_arms(const struct benchmark *b)
{
    printf("\n%-12s %8s   %-24s %10s %9s\n", "arm", "ms",
           "over the first", "planned MB", "peak MB");
    const double *first = b->arms[0].step;
    for (size_t i = 0; i < b->count; i++) {
        const struct arm *a = &b->arms[i];
        const struct model *model = &a->trainer.model;
        double planned = (double)model_bytes(model) + 2 * sizeof(real)
                       * (double)model->parameters.count;
        struct spread step = spread_of(a->step, NULL, b->rounds);
        struct spread over = spread_of(a->step, first, b->rounds);
        printf("%-12s %8.1f  %6.3f (%.3f to %.3f)  %10.1f %9.1f\n",
               a->name, 1e3 * step.middle, over.middle, over.low,
               over.high, 1e-6 * planned, 1e-6 * a->peak);
    }
    struct spread alone = spread_of(b->alone, first, b->rounds);
    printf("\nthe first's products alone / its step %6.3f"
           " (%.3f to %.3f)\n", alone.middle, alone.low, alone.high);
}

// Print the operations of the arms
static void print_operations(const struct benchmark *b)
{
    const struct configuration *c = &b->arms[0].configuration;
    double tokens = (double)(c->batch * c->context);
    printf("\n%-18s", "ns a token");
    for (size_t i = 0; i < b->count; i++)
        printf(" %8s", b->arms[i].name);
    for (enum operation k = 0; k < OPERATIONS; k++) {
        printf("\n%-18s", operation_names[k]);
        for (size_t i = 0; i < b->count; i++) {
            const struct clocks *clocks = &b->arms[i].clocks;
            if (clocks->calls[k] == 0)
                printf(" %8s", "-");
            else
                printf(" %8.0f", 1e9 * clocks->seconds[k] / tokens
                                 / (double)clocks->calls[k]);
        }
    }
    printf("\n");
}

static void print_comparison(const struct benchmark *b)
{
    print_arms(b);
    print_operations(b);
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
    size_t threads = (size_t)omp_get_max_threads();
    *p = (struct products){.c = c};
    return (p->x = memory_new(rows * most, sizeof(real), m))
        && (p->y = memory_new(rows * most, sizeof(real), m))
        && (p->w = memory_new(most * most, sizeof(real), m))
        && (p->dx = memory_new(rows * most, sizeof(real), m))
        && (p->dw = memory_new(most * most, sizeof(real), m))
        && (p->qkv = memory_new(rows * 3 * c->width, sizeof(real), m))
        && (p->scores = memory_new(threads * room, sizeof(real), m));
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

// Open an arm
static bool open_arm(struct arm *a, struct device *d,
                     const struct corpus *corpus, struct message *m)
{
    bool good = trainer_open(&a->trainer, &a->configuration, d, corpus,
                             m);
    // Set the way of an arm over its boundaries
    a->trainer.model.apart = a->apart;
    return good;
}

static bool name_arm(struct arm *a, const char *name, size_t length,
                     const struct configuration *c, struct message *m)
{
    static const char suffix[] = "-ops";
    size_t rest = strlen(suffix);
    if (length >= sizeof a->name)
        return fail(m, EX_USAGE, "arms: the name %s is too long", name);
    memcpy(a->name, name, length);
    a->configuration = *c;
    struct configuration *own = &a->configuration;
    memcpy(own->connection, a->name, sizeof a->name);
    a->apart = length > rest
            && strcmp(a->name + length - rest, suffix) == 0;
    if (a->apart)
        own->connection[length - rest] = '\0';
    const struct connection *k = connection_find(own->connection);
    own->streams = k != NULL && k->most_streams == 1 ? 1
                 : c->streams > 1 ? c->streams : 4;
    struct architecture found;
    return architecture_find(&found, own, m);
}

// Name all arms
static bool name_arms(struct benchmark *b,
                      const struct configuration *c, struct message *m)
{
    const char *list = b->list;
    if (strcmp(list, "all") == 0)
        list = "residual,hc,mhc,identity,mhc-lite,mhc-ops";
    b->print = print_comparison;
    for (b->count = 0; b->count < ARMS; list++) {
        size_t length = strcspn(list, ",");
        if (!name_arm(&b->arms[b->count++], list, length, c, m))
            return false;
        list += length;
        if (*list == '\0')
            return true;
    }
    return fail(m, EX_USAGE, "arms: more than %d", ARMS);
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
// Run a benchmark
static bool bench(struct benchmark *b, const struct options *o,
                  struct message *m)
{
    const struct configuration *c = &o->configuration;
    b->count = 1;
    b->arms[0].configuration = *c;
    b->print = print_ratios;
    // Name other arms
    if (b->list != NULL && !name_arms(b, c, m))
        return false;
    if (strcmp(o->device->does->name, "gpu") == 0)
        return fail(m, EX_USAGE, "bench: it measures the cpu; for a GPU "
                    "there is make gpu-bench");
    size_t size = 8 * c->batch * (c->context + 1);
    unsigned char *bytes = memory_new(size, 1, m);
    for (size_t i = 0; bytes && i < size; i++)
        bytes[i] = (unsigned char)(i * i / 7 % 256);
    struct text text = {bytes, size};
    struct corpus corpus = {.training = text, .held_out = text};
    bool good = bytes != NULL;
    // Measure the memory of the arms
    for (size_t i = 0; good && b->list != NULL && i < b->count; i++)
        good = measure_memory(&b->arms[i], o->device, &corpus, m);
    for (size_t i = 0; good && i < b->count; i++)
        good = open_arm(&b->arms[i], o->device, &corpus, m);
    good = good && make_products(&b->products, c, m);
    b->products.device = o->device;
    if (good) {
        // Print what is measured
        printf("%zu layers, width %zu, context %zu, %zu tokens a step,",
               c->layers, c->width, c->context, c->batch * c->context);
        // Print the streams of the arms
        if (b->list != NULL)
            printf(" %zu streams,",
                   b->arms[b->count - 1].configuration.streams);
        printf(" %d threads, %s, %s\n", omp_get_max_threads(),
               matmul_library(), REAL_NAME);
        good = measure(b, m);
    }
    if (good)
        b->print(b);
    for (size_t i = 0; i < b->count; i++)
        trainer_close(&b->arms[i].trainer);
    free_products(&b->products);
    memory_free(bytes);
    return good;
}

int command_bench(int argc, char **argv)
{
    static struct benchmark b;
    const char *rounds = "7";
    const struct own_option own[] = {
        {"rounds", "N", "how often to measure (7)", &rounds},
        // More options of the benchmark
        {"arms", "KINDS", "compare connections instead: residual,mhc,mhc-ops;"
         " or all", &b.list},
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
        && options_number(&b.rounds, "rounds", rounds, 1, ROUNDS, &m)
        && configuration_check(c, &m) && bench(&b, &options, &m))
        return 0;
    return options_report(&request, &m);
}
