#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include "commands/commands.h"
#include "commands/options.h"
#include "ground/memory.h"
#include "matmul/matmul.h"
#include "matmul/peak.h"
#include "training/training.h"

// Read the clock
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
// A device with a stopwatch
enum clock { EMBEDDING, MATMUL_FORWARD, MATMUL_INPUT, MATMUL_WEIGHT,
             NORM, FEEDFORWARD, ROTATION, ATTENTION_FORWARD,
             ATTENTION_BACKWARD, LOSS, STREAMS, OPTIMIZER, CLOCKS };
static const char *const clock_names[CLOCKS] = {
    "embedding", "products, forward", "products, to inputs",
    "products, to weights", "norm", "SwiGLU", "rotation",
    "attention, forward", "attention, backward", "loss", "streams",
    "optimizer"};
static double spent[CLOCKS];

#define TIMED(name, which, call, parameters, arguments) \
    static void name parameters \
    { \
        double began = seconds(); \
        cpu.call arguments; \
        spent[which] += seconds() - began; \
    }

// Operations with a stopwatch
TIMED(product, MATMUL_FORWARD, matmul.forward,
      (real *y, const real *x, const real *w, size_t rows, size_t out,
       size_t in), (y, x, w, rows, out, in))
TIMED(product_input, MATMUL_INPUT, matmul.backward_input,
      (real *dx, const real *dy, const real *w, size_t rows, size_t out,
       size_t in, bool add), (dx, dy, w, rows, out, in, add))
TIMED(product_weight, MATMUL_WEIGHT, matmul.backward_weight,
      (real *dw, const real *dy, const real *x, size_t rows, size_t out,
       size_t in), (dw, dy, x, rows, out, in))
TIMED(attend, ATTENTION_FORWARD, attention.forward,
      (real *out, real *lse, const real *qkv,
       const struct attention_shape *s, real *scratch),
      (out, lse, qkv, s, scratch))
TIMED(attend_back, ATTENTION_BACKWARD, attention.backward,
      (real *dqkv, const real *dout, const real *out, const real *lse,
       const real *qkv, const struct attention_shape *s, real *scratch),
      (dqkv, dout, out, lse, qkv, s, scratch))
TIMED(rotate, ROTATION, attention.rotate,
      (real *qkv, const real *cosine, const real *sine,
       const struct attention_shape *s), (qkv, cosine, sine, s))
TIMED(rotate_back, ROTATION, attention.rotate_back,
      (real *dqkv, const real *cosine, const real *sine,
       const struct attention_shape *s), (dqkv, cosine, sine, s))
// Operations with a stopwatch, the smaller ones
TIMED(gate, FEEDFORWARD, feedforward.forward,
      (real *hidden, const real *gate_, const real *up, size_t count),
      (hidden, gate_, up, count))
TIMED(gate_back, FEEDFORWARD, feedforward.backward,
      (real *dgate, real *dup, const real *dhidden, const real *gate_,
       const real *up, size_t count),
      (dgate, dup, dhidden, gate_, up, count))
TIMED(judge, LOSS, loss.forward,
      (real *each, real *lse, const real *logits, const token *target,
       size_t tokens, size_t vocabulary),
      (each, lse, logits, target, tokens, vocabulary))
TIMED(judge_back, LOSS, loss.backward,
      (real *dlogits, const real *logits, const real *lse,
       const token *target, real scale, size_t tokens,
       size_t vocabulary),
      (dlogits, logits, lse, target, scale, tokens, vocabulary))
TIMED(cross, STREAMS, streams.cross,
      (real *next, real *inverse_rms, real *normed, const real *stream,
       const real *answer, const real *gain, size_t rows, size_t width),
      (next, inverse_rms, normed, stream, answer, gain, rows, width))
TIMED(cross_back, STREAMS, streams.cross_backward,
      (real *dstream, real *danswer, real *dgain, const real *dnext,
       const real *dnormed, const real *next, const real *inverse_rms,
       const real *gain, size_t rows, size_t width),
      (dstream, danswer, dgain, dnext, dnormed, next, inverse_rms, gain,
       rows, width))
TIMED(normalise, NORM, norm.forward,
      (real *out, real *inverse_rms, const real *x, const real *gain,
       size_t rows, size_t width),
      (out, inverse_rms, x, gain, rows, width))
TIMED(normalise_back, NORM, norm.backward,
      (real *dx, real *dgain, const real *dout, const real *x,
       const real *inverse_rms, const real *gain, size_t rows,
       size_t width, bool add),
      (dx, dgain, dout, x, inverse_rms, gain, rows, width, add))
TIMED(embed, EMBEDDING, embedding.forward,
      (real *out, const token *id, const real *w, size_t tokens,
       size_t width), (out, id, w, tokens, width))
TIMED(embed_back, EMBEDDING, embedding.backward,
      (real *dw, const real *dout, const token *id, size_t tokens,
       size_t width), (dw, dout, id, tokens, width))
TIMED(move, OPTIMIZER, optimizer.step,
      (real *w, real *first, real *second, const real *gradient,
       const struct adamw *a, size_t count),
      (w, first, second, gradient, a, count))
// Put the stopwatches into a device
static struct device stopwatch(void)
{
    struct device d = cpu;
    d.name = "cpu with a stopwatch";
    d.matmul = (struct matmul){product, product_input, product_weight};
    d.matmul_exact = d.matmul;
    d.attention.rotate = rotate;
    d.attention.rotate_back = rotate_back;
    d.attention.forward = attend;
    d.attention.backward = attend_back;
    d.feedforward = (struct feedforward){gate, gate_back};
    d.loss = (struct loss){judge, judge_back};
    d.norm = (struct norm){normalise, normalise_back};
    d.streams.cross = cross;
    d.streams.cross_backward = cross_back;
    d.embedding = (struct embedding){embed, embed_back};
    d.optimizer.step = move;
    return d;
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

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *x, size_t count)
{
    qsort(x, count, sizeof *x, ascending);
    return x[count / 2];
}

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
                    const struct products *p, size_t rounds,
                    struct message *m)
{
    struct update u;
    for (size_t k = 0; k < rounds + 1; k++) {
        if (k == 1)
            memset(spent, 0, sizeof spent);
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
static void print_shares(double step, size_t rounds)
{
    double known = 0;
    printf("\n%-24s %10s %8s\n", "operation", "ms a step", "share");
    for (int k = 0; k < CLOCKS; k++) {
        double each = spent[k] / (double)rounds;
        printf("%-24s %10.2f %7.1f%%\n", clock_names[k], 1e3 * each,
               100 * each / step);
        known += each;
    }
    printf("%-24s %10.2f %7.1f%%\n", "all else", 1e3 * (step - known),
           100 * (step - known) / step);
}

static void print_ratios(const struct measured *all, size_t rounds,
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
    print_shares(mean, rounds);
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
    struct device device = stopwatch();
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
             && trainer_open(&t, c, &device, &corpus, m)
             && make_products(&p, c, m);
    if (good) {
        printf("%zu layers, width %zu, context %zu, %zu tokens a step,"
               " %d threads, %s, %s\n", c->layers, c->width, c->context,
               c->batch * c->context, omp_get_max_threads(),
               matmul_library(), REAL_NAME);
        good = measure(all, &t, &p, rounds, m);
        if (good)
            print_ratios(all, rounds, &t, x);
    }
    free_products(&p);
    trainer_close(&t);
    memory_free(bytes);
    memory_free(x);
    memory_free(all);
    return good;
}

int command_bench(int argc, char **argv)
{
    const char *rounds = "7";
    const struct own_option own[] = {
        {"rounds", "N", "how often to measure (7)", &rounds},
        {0}};
    const struct request request = {"bench", NULL,
        "Times training steps, each operation's share of them, and the"
        " same steps' matrix products alone.\n\vFor instance:\n"
        "  mhc bench\n  mhc bench --layers 4 --width 192 --batch 4",
        own, true};
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
        && bench(&options, rounds, &m))
        return 0;
    return options_report(&request, &m);
}
