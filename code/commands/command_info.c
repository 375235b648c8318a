#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "ground/memory.h"
#include "layers/matmul.h"
#include "model/model.h"

// Print the configuration
static void print_bookmark(const struct bookmark *b)
{
    char best[32] = "none yet";
    if (isfinite(b->best))
        snprintf(best, sizeof best, "%.6g", b->best);
    printf("%-18s %-12zu updates made\n", "step", b->step);
    printf("%-18s %-12s lowest held-out loss, nats a byte\n", "best",
           best);
    printf("%-18s %016" PRIx64 "  sum of the text learned from\n",
           "training_text", b->training_text);
    printf("%-18s %016" PRIx64 "  of the one it is judged by\n\n",
           "held_out_text", b->held_out_text);
}

static void print_configuration(const struct configuration *c)
{
    for (const struct field *f = configuration_fields; f->name; f++) {
        char text[64];
        field_get(c, f, text);
        printf("%-18s %-12s %s\n", f->name, text, f->help);
    }
    printf("%-18s %s\n\n", "products by", matmul_library());
}
// Print the parameters
static void print_parameters(const struct model *model)
{
    const struct parameters *table = &model->parameters;
    printf("%-34s %14s %12s  %s\n", "parameter", "shape", "count",
           "decays");
    for (size_t i = 0; i < table->used; i++) {
        const struct parameter *p = &table->list[i];
        char shape[48];
        snprintf(shape, sizeof shape, "%zu x %zu", p->rows, p->columns);
        printf("%-34s %14s %12zu  %s\n", p->name, shape, p->count,
               p->decay ? "yes" : "no");
    }
    printf("%-34s %14s %12zu\n\n", "in all", "", table->numbers);
}
// Print where memory goes
static void print_memory(const struct model *model)
{
    double mib = 1. / (1 << 20);
    const struct tape *tape = &model->tape;
    printf("%-34s %14s %12s\n", "array", "MiB", "bytes/token");
    double tokens = (double)(model->sequences
                             * model->configuration.context);
    for (size_t i = 0; i < tape->used; i++) {
        double bytes = (double)(tape->list[i].copies
                                * tape->list[i].stride);
        printf("%-34s %14.2f %12.0f\n", tape->list[i].name, bytes * mib,
               bytes / tokens);
    }
    double workspace = (double)model->workspace;
    printf("%-34s %14.2f %12.0f\n", "workspace", workspace * mib,
           workspace / tokens);
    double all = (double)model_bytes(model);
    double moments = 2 * sizeof(real)
                   * (double)model->parameters.count;
    double program = (double)memory_peak();
    printf("%-34s %14.2f %12.0f\n%-34s %14.2f\n", "in all", all * mib,
           all / tokens, "and the optimizer's two moments",
           moments * mib);
    printf("%-34s %14.2f\n%-34s %14.2f\n", "and the program itself",
           program * mib, "a run, besides its texts",
           (program + (double)trainer_bytes(model)) * mib);
}
// Describe a model
static bool describe(const struct options *o, struct message *m)
{
    char path[PATH_ROOM];
    struct checkpoint k = {0};
    struct configuration c = o->configuration;
    struct bookmark b = { 0 };
    if (o->operands > 1)
        return fail(m, EX_USAGE, "%s: one checkpoint at a time",
                    o->operand[1]);
    bool read = o->operands == 0
        || (checkpoint_look(&k, path, o->operand[0], m)
            && checkpoint_read_bookmark(&b, &k, m)
            && checkpoint_keep_precision(&k, o->device, o->precision, m));
    if (o->operands == 1)
        c = k.configuration;
    checkpoint_close(&k);
    if (!read)
        return false;
    struct architecture architecture;
    if (!configuration_check(&c, m)
        || !architecture_find(&architecture, &c, m))
        return false;
    struct model model;
    bool good = model_plan(&model, &architecture, &c, o->device,
                           c.batch, TRAINING, c.recompute, m);
    if (good) {
        if (o->operands == 1) {
            printf("%s\n\n", path);
            print_bookmark(&b);
        }
        print_configuration(&c);
        // Print how numbers are kept
        if (o->device->does == &gpu_operations)
            printf("%-18s %s\n\n", "device", gpu_describe());
        if (o->device->format[STREAM] != REAL_FORMAT)
            printf("%-18s %s\n%-18s %s\n\n", "precision",
                   device_precision(o->device), "its products by",
                   device_products(o->device));
        print_parameters(&model);
        print_memory(&model);
    }
    model_close(&model);
    return good;
}

int command_info(int argc, char **argv)
{
    const struct request request = {"info", "[CHECKPOINT]",
        "What is in a checkpoint; or, without one, what a model of"
        " these sizes would need.\n\vFor instance:\n"
        "  mhc info runs/run\n  mhc info --layers 12 --width 768", NULL,
        true, true};
    return options_run(&request, argc, argv, describe);
}
