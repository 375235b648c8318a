#include <stdio.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/durable.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "ground/memory.h"
#include "trace/trace.h"

static const char *data, *out, *how_many = "1";

// Cut the windows
/* ids [2][windows][context]: input, then target */
static bool cut(token *ids, const struct configuration *c,
                size_t windows, struct message *m)
{
    unsigned char *byte = NULL;
    size_t size = 0, S = c->context, count = windows * S;
    if (!corpus_read(&byte, &size, data, m))
        return false;
    bool good = size > count
        || fail(m, EX_DATAERR, "%s: %zu bytes are too few for %zu "
                "windows of %zu and the byte after them", data, size,
                windows, S);
    for (size_t i = 0; good && i <= count; i++)
        if (byte[i] >= c->vocabulary)
            good = fail(m, EX_DATAERR, "%s: byte %zu is %d, but the "
                        "vocabulary is only %zu", data, i, byte[i],
                        c->vocabulary);
    struct text text = {byte, size};
    for (size_t w = 0; good && w < windows; w++)
        window_cut(ids + w * S, ids + count + w * S, text, w * S, S);
    memory_free(byte);
    return good;
}

// Open a model that can be looked into
static bool open(struct model *model, struct device *device,
                 const struct configuration *c, size_t windows,
                 struct message *m)
{
    struct architecture a;
    struct configuration whole = *c;
    if (!architecture_find(&a, c, m))
        return false;
    whole.frugal = false;
    // Let all else be kept
    whole.lazy = 0;
    if (!model_plan(model, &a, &whole, device, windows, TRAINING, 0, m)
        || !model_allocate(model, m))
        return false;
    model->apart = true;
    return true;
}

// Trace a checkpoint
static bool trace(const struct options *o, struct message *m)
{
    char path[PATH_ROOM];
    size_t windows;
    struct checkpoint k = {0};
    const struct configuration *c = &k.configuration;
    struct model model = {.device = NULL};
    struct trace t = {.used = 0};
    if (o->operands != 1 || !data || !out)
        return fail(m, EX_USAGE, "a checkpoint, --data FILE and --out"
                    " FILE are wanted");
    bool good = options_number(&windows, "windows", how_many, 1, 1000,
                               m)
             && checkpoint_look(&k, path, o->operand[0], m)
             && durable_apart(out, (const char *const[])
                              {path, data, NULL}, m);
    size_t count = good ? windows * c->context : 0;
    token *ids = memory_new(2 * count, sizeof *ids, m);
    good = good && ids && cut(ids, c, windows, m)
        && open(&model, o->device, c, windows, m)
        && checkpoint_read_weights(&model, &k, m)
        && trace_batch(&t, &model, ids, ids + count, m)
        && trace_write(&t, out, m);
    if (good)
        fprintf(durable_aside(out), "%s: %zu tensors of %zu tokens, "
                "loss %.6f nats a byte\n", out, t.used, count,
                (double)trace_find(&t, "loss")->data[0]);
    trace_close(&t);
    if (model.device)
        model_close(&model);
    memory_free(ids);
    checkpoint_close(&k);
    return good;
}

int command_trace(int argc, char **argv)
{
    const struct own_option own[] = {
        {"data", "FILE", "the text, read from its start", &data},
        {"windows", "N", "how many windows (1)", &how_many},
        {"out", "FILE", "where to write the trace", &out},
        {0}};
    const struct request request = {"trace", "CHECKPOINT",
        "One batch, forward and backward: everything that the model had"
        " in hand, as a safetensors file.\n\vFor instance:\n"
        "  mhc trace runs/latest --data data/persuasion.txt"
        " --out trace.safetensors", own, false, true};
    return options_run(&request, argc, argv, trace);
}
