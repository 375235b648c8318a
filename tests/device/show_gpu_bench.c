#include "ground/median.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "training/training.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

enum { ROUNDS = 5, STEPS = 20, CLOCKED = 3 };

// A benchmark of a gpu
struct bench {
    struct device device;
    const char *folder;
    bool tiny;
    double copy, rate;      /* bytes, operations a second */
    const char *by;         /* whose rate it is */
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* gpu_NAME.csv, up to its columns */
static FILE *begin(const struct bench *b, const char *name,
                   const char *columns, struct message *why)
{
    char path[1000], day[32];
    time_t t = time(NULL);
    snprintf(path, sizeof path, "%s/gpu_%s.csv", b->folder, name);
    FILE *f = fopen(path, "w");
    if (f == NULL) {
        fail(why, EX_CANTCREAT, "%.900s: cannot be written", path);
        return NULL;
    }
    strftime(day, sizeof day, "%F", localtime(&t));
    fprintf(f, "# device: %s\n# date: %s\n# command: make gpu-bench%s\n"
            "# products by %s\n# copy: %.1f GB/s, read and written\n",
            gpu_describe(), day, b->tiny ? ", tiny" : "",
            device_products(&b->device), 1e-9 * b->copy);
    if (b->rate > 0)
        fprintf(f, "# large product: %.4g TFLOP/s by %s\n",
                1e-12 * b->rate, b->by);
    fprintf(f, "%s\n", columns);
    return f;
}

// Bytes a second of a copy
/* of one of the two ways */
static double copy_rate(struct device *d, size_t rows)
{
    struct array a = device_shape(d, EXACT, rows, 1 << 12), b = a;
    struct message why = { 0, "" };
    a.at = device_allocate(d, array_bytes(a), &why);
    b.at = device_allocate(d, array_bytes(b), &why);
    double best = 0;
    for (int round = 0; a.at && b.at && round < ROUNDS; round++) {
        device_finish(d, &why);
        double start = now();
        for (int k = 0; k < 4; k++)
            device_copy(d, b, a);
        device_finish(d, &why);
        double rate = 4 * (double)array_bytes(a) / (now() - start);
        best = rate > best ? rate : best;
    }
    if (a.at != NULL)
        device_release(d, a.at);
    if (b.at != NULL)
        device_release(d, b.at);
    return best;
}

// The least that an operation moves
/* bytes; 0: not bound by memory. n streams, a unit is T C numbers, of
   `each` bytes; logits are floats */
static double least(enum operation o, const struct configuration *c,
                    size_t tokens, size_t each)
{
    double unit = (double)(each * tokens * c->width);
    double n = (double)c->streams;
    double logits = 4. * (double)tokens * (double)c->vocabulary;
    double hidden = (double)(each * tokens * configuration_hidden(c));
    switch (o) {
    case EMBED:
        return unit;
    case CROSS:             /* X, y; X', x: fused, the least */
        return (n > 1 ? 2 * n + 2 : 4) * unit;
    case CROSS_BACKWARD:    /* X, y, dX', dx; dX, dy */
        return (n > 1 ? 3 * n + 3 : 5) * unit;
    case GATE:
        return 3 * hidden;
    case GATE_BACKWARD:
        return 5 * hidden;
    case LOSS:
        return logits;
    case LOSS_BACKWARD:
        return 2 * logits;
    default:
        return 0;
    }
}

// Measure the products of a gpu
struct product { struct device *d; char form; struct array a, b, c; };

static void multiply(const struct product *p)
{
    if (p->form == 'y')
        device_product(p->d, p->c, p->a, p->b);
    else if (p->form == 'x')
        device_product_input(p->d, p->c, p->a, p->b, false);
    else
        device_product_weight(p->d, p->c, p->a, p->b);
}

/* seconds; the best of some rounds, each of 30 ms */
static double time_of(const struct product *p, bool once)
{
    struct message why = { 0, "" };
    double best = INFINITY;
    size_t calls = 1;
    multiply(p);
    device_finish(p->d, &why);
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (size_t k = 0; k < calls; k++)
            multiply(p);
        device_finish(p->d, &why);
        best = fmin(best, (now() - start) / (double)calls);
        calls = once || best > .03 ? 1 : (size_t)(.03 / best);
        calls = calls < 1000 ? calls : 1000;
    }
    return best;
}

// Operands of products
/* uniform between -1 and 1 */
static bool make(struct array *a, struct device *d, enum role role,
                 size_t rows, size_t columns, struct message *why)
{
    size_t count = rows * columns;
    float *x = memory_new(count, sizeof *x, why);
    *a = device_shape(d, role, rows, columns);
    if (x != NULL)
        a->at = device_allocate(d, array_bytes(*a), why);
    if (a->at != NULL) {
        uint64_t state = count;
        for (size_t i = 0; i < count; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            x[i] = (float)(int32_t)(state >> 32) * 0x1p-31f;
        }
        device_upload(d, *a, x);
    }
    memory_free(x);
    return a->at != NULL;
}

/* y = x w^T; dx = dy w; dw += dy^T x */
static bool operands(struct product p[3], struct device *d, size_t T,
                     size_t out, size_t in, struct message *why)
{
    struct array x = { 0 }, w = x, y = x, dy = x, dx = x, dw = x;
    bool good = make(&x, d, ACTIVATION, T, in, why)
        && make(&w, d, WORKING, out, in, why)
        && make(&y, d, ACTIVATION, T, out, why)
        && make(&dy, d, GRADIENT, T, out, why)
        && make(&dx, d, GRADIENT, T, in, why)
        && make(&dw, d, MASTER, out, in, why);
    p[0] = (struct product){ d, 'y', x, w, y };
    p[1] = (struct product){ d, 'x', dy, w, dx };
    p[2] = (struct product){ d, 'w', dy, x, dw };
    return good;
}

static void release(const struct product p[3])
{
    void *const memory[] = { p[0].a.at, p[0].b.at, p[0].c.at, p[1].a.at,
                             p[1].c.at, p[2].c.at };
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        if (memory[i] != NULL)
            device_release(p[0].d, memory[i]);
}

static bool measure_shape(struct bench *b, FILE *to, size_t T,
                          size_t out, size_t in, struct message *why)
{
    static const char *const who[] = { "cuBLASLt", "own", "mma.sync" };
    double work = 2. * (double)T * (double)out * (double)in;
    struct device *d = &b->device;
    bool library = strncmp(device_products(d), who[0], 8) == 0;
    struct product p[3];
    bool good = operands(p, d, T, out, in, why);
    for (size_t i = 0; good && i < 3; i++)
        for (enum gpu_products w = library ? BY_ANY : BY_OURS;
             w <= BY_WARPS; w++) {
            gpu_products_by(d, w);
            double s = time_of(&p[i], b->tiny);
            if (b->rate == 0)
                b->rate = work / s, b->by = who[w];
            fprintf(to, "%s%c,%zu,%zu,%zu,%s,%.2f,%.4g,%.4g\n",
                    p[i].form == 'y' ? "" : "d", p[i].form, T, out, in,
                    who[w], 1e6 * s, 1e-12 * work / s,
                    work / s / b->rate);
            fflush(to);
        }
    gpu_products_by(d, BY_ANY);
    release(p);
    return good && device_finish(d, why);
}

static bool measure_products(struct bench *b, struct message *why)
{
    size_t large = b->tiny ? 64 : 4096, C = b->tiny ? 64 : 768;
    size_t T = b->tiny ? 64 : 16384, H = b->tiny ? 128 : 2048;
    const size_t size[][3] = { { large, large, large }, { T, 3 * C, C },
        { T, C, C }, { T, 2 * H, C }, { T, C, H }, { T, 256, C } };
    FILE *to = begin(b, "products", "form,rows,out,in,by,us,tflops,"
                     "share", why);
    bool good = to != NULL;
    for (size_t i = 0; good && i < sizeof size / sizeof *size; i++)
        good = measure_shape(b, to, size[i][0], size[i][1], size[i][2],
                             why);
    if (to != NULL)
        fclose(to);
    return good;
}

// Measure steps of a gpu
struct arm {
    const char *name;
    size_t streams;
    struct configuration c;
    double step[STEPS];             /* seconds */
    size_t steps;
    double bytes, weights;
};

// Count an operation's work
/* in a whole step */
static double arithmetic(enum operation o,
                         const struct configuration *c)
{
    double T = (double)(c->batch * c->context), C = (double)c->width;
    double layers = (double)c->layers;
    double H = (double)configuration_hidden(c);
    double linear = 2 * T * (layers * (4 * C * C + 3 * C * H)
                             + (double)c->vocabulary * C);
    double attention = 2 * T * layers * (double)c->context * C;
    return o == PRODUCT || o == PRODUCT_INPUT || o == PRODUCT_WEIGHT
        ? linear : o == ATTEND ? attention
        : o == ATTEND_BACKWARD ? 2 * attention : 0;
}

/* bytes of one call: besides `least`, masters, moments and gradient of
   four bytes, and a working copy of two */
static double must_move(enum operation o, const struct arm *a)
{
    size_t T = a->c.batch * a->c.context;
    double vector = 2. * (double)T * (double)a->c.width;
    switch (o) {
    case GRADIENT_NORM:
        return 4 * a->weights;
    case STEP:                  /* w, m, v, g; w, m, v, copy */
        return (16 + 12 + 2) * a->weights;
    case ENTER:
    case ENTER_BACKWARD:
        return ((double)a->streams + 1) * vector;
    default:
        return least(o, &a->c, T, 2);
    }
}

/* operations of all products and of attention in a step */
static double work_of(const struct arm *a)
{
    double sum = 0;
    for (enum operation o = 0; o < OPERATIONS; o++)
        sum += arithmetic(o, &a->c);
    return sum;
}

// Measure the operations of an arm
/* an empty field where there is nothing to divide by */
static void field(FILE *to, const char *format, double x)
{
    fputc(',', to);
    if (x > 0)
        fprintf(to, format, x);
}

static bool measure_operations(struct bench *b, const struct arm *a,
                               struct trainer *t, FILE *to,
                               struct message *why)
{
    struct clocks clocks = { { 0 }, { 0 } };
    struct update u;
    bool good = true;
    b->device.clocks = &clocks;
    for (int k = 0; good && k < CLOCKED; k++)
        good = trainer_step(&u, t, why);
    b->device.clocks = NULL;
    for (enum operation o = 0; good && o < OPERATIONS; o++) {
        if (clocks.calls[o] == 0)
            continue;
        double calls = (double)clocks.calls[o] / CLOCKED;
        double s = clocks.seconds[o] / (double)clocks.calls[o];
        double bytes = must_move(o, a), work = arithmetic(o, &a->c);
        fprintf(to, "%s,%zu,\"%s\",%.0f,%.1f", a->name, a->streams,
                operation_names[o], calls, 1e6 * s);
        field(to, "%.4g", 1e-6 * bytes);
        field(to, "%.4g", bytes / s / b->copy);
        field(to, "%.4g", 1e-9 * work / calls);
        field(to, "%.4g", work / calls / s / b->rate);
        fputc('\n', to);
    }
    fflush(to);
    return good;
}

// Measure an arm
/* the first one halves the batch until it fits */
static bool measure_arm(struct bench *b, struct arm *a, size_t *batch,
                        bool first, FILE *parts, struct message *why)
{
    struct configuration *c = &a->c;
    struct trainer t;
    struct update u;
    *c = configuration_default();
    snprintf(c->connection, sizeof c->connection, "%s", a->name);
    c->streams = a->streams, c->layers = b->tiny ? 1 : 12;
    c->width = b->tiny ? 64 : 768, c->heads = c->width / 64;
    c->context = b->tiny ? 32 : 1024, c->accumulation = 1;
    c->warmup = 0;
    unsigned char *bytes = memory_new(8 * *batch * (c->context + 1), 1,
                                      why);
    bool good = bytes != NULL;
    for (size_t i = 0; good && i < 8 * *batch * (c->context + 1); i++)
        bytes[i] = (unsigned char)(i * i / 7 % 256);
    const struct text text = { bytes, 8 * *batch * (c->context + 1) };
    const struct corpus corpus = { text, text, { NULL, NULL } };
    do {
        c->batch = *batch;
        *why = (struct message){ 0, "" };
    } while (good
             && !(good = trainer_open(&t, c, &b->device, &corpus, why))
             && first && (*batch /= 2) > 0 && (good = true));
    if (good) {
        double began = now();
        for (int warm = 0; good && warm < 3; warm++)
            good = trainer_step(&u, &t, why);
        while (good && a->steps < (b->tiny ? 2 : STEPS)
               && (now() - began < 5 || a->steps < 3)) {
            double start = now();
            good = trainer_step(&u, &t, why);
            a->step[a->steps++] = now() - start;
        }
        a->weights = (double)t.model.parameters.count;
        a->bytes = (double)trainer_bytes(&t.model)
                 + (double)b->device.reserved;
        good = good && measure_operations(b, a, &t, parts, why);
        trainer_close(&t);
    }
    memory_free(bytes);
    return good;
}

static void print_step(const struct bench *b, struct arm *a,
                       struct arm *residual, FILE *to)
{
    const struct configuration *c = &a->c;
    double s = median(a->step, a->steps), work = work_of(a);
    fprintf(to, "%s,%zu,%zu,%zu,%zu,%zu,%.0f,%.3f,%.3f,%.3f,%.0f,%.3f,"
            "%.1f,%.4g,%.4g\n", a->name, a->streams, c->layers,
            c->width, c->context, c->batch, a->weights, 1e3 * s,
            1e3 * a->step[0], 1e3 * a->step[a->steps - 1],
            (double)(c->batch * c->context) / s,
            s / median(residual->step, residual->steps),
            1e-6 * a->bytes, 1e-12 * work / s, work / s / b->rate);
}

static bool measure_steps(struct bench *b, struct message *why)
{
    static struct arm arm[] = { { .name = "residual", .streams = 1 },
                                { .name = "hc", .streams = 4 },
                                { .name = "mhc", .streams = 4 } };
    size_t arms = sizeof arm / sizeof *arm, batch = b->tiny ? 2 : 16;
    FILE *parts = begin(b, "operations", "arm,streams,operation,calls,"
                        "us,least_mb,copy_share,gflop,rate_share", why);
    FILE *to = begin(b, "steps", "arm,streams,layers,width,context,"
        "batch,parameters,ms,low,high,tokens_s,over_residual,mb,tflops,"
        "share", why);
    bool good = parts != NULL && to != NULL;
    for (size_t i = arms; good && i-- > 0; )
        good = measure_arm(b, &arm[i], &batch, i == arms - 1, parts,
                           why);
    for (size_t i = 0; good && i < arms; i++)
        print_step(b, &arm[i], &arm[0], to);
    if (parts != NULL)
        fclose(parts);
    if (to != NULL)
        fclose(to);
    return good;
}

int main(int argc, char **argv)
{
    struct bench b = { .folder = argc > 1 ? argv[1] : NULL };
    struct message why = { 0, "" };
    b.tiny = argc == 3 && strcmp(argv[2], "tiny") == 0;
    if (argc != 2 && !b.tiny) {
        fputs("show_gpu_bench FOLDER [tiny]\n", stderr);
        return EX_USAGE;
    }
    if (device_open(&b.device, "gpu", "bf16", &why)) {
        b.copy = 2 * copy_rate(&b.device, b.tiny ? 1 << 6 : 1 << 15);
        if (measure_products(&b, &why))
            measure_steps(&b, &why);
        device_close(&b.device);
    }
    if (why.status != 0)
        fprintf(stderr, "%s\n", why.text);
    return why.status;
}
