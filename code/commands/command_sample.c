#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "sampling/choose.h"
#include "sampling/sampling.h"
#include "sampling/utf8.h"

static const char *prompt = "\n", *length = "500", *top_k = "0",
                  *temperature = "0.8", *seed = "1";
static struct { size_t bytes, top_k, seed; double temperature; } wanted;

// Read the numbers
static bool read_numbers(struct message *m)
{
    double *tau = &wanted.temperature;
    if (!configuration_number(tau, temperature)
        || *tau < 0 || *tau > 100)
        return fail(m, EX_USAGE, "--temperature %s: a number from 0 to"
                    " 100 is wanted", temperature);
    if (!*prompt)
        prompt = "\n";
    return options_number(&wanted.bytes, "length", length, 0,
                          1000000000, m)
        && options_number(&wanted.top_k, "top-k", top_k, 0,
                          1000000000, m)
        && options_number(&wanted.seed, "seed", seed, 0, SIZE_MAX, m);
}

// Print a byte when its character is complete
static bool put(const char *text, size_t count, struct message *m)
{
    if (fwrite(text, 1, count, stdout) == count && fflush(stdout) == 0)
        return true;
    return fail(m, EX_IOERR, "standard output: %s", strerror(errno));
}

static bool say(struct utf8 *u, token id, struct message *m)
{
    char out[UTF8_ROOM];
    return put(out, utf8_push(out, u, (unsigned char)id), m);
}

// Read and repeat the prompt
static bool repeat_prompt(struct sampler *s, struct utf8 *u,
                          struct message *m)
{
    size_t count = strlen(prompt);
    size_t vocabulary = s->model.configuration.vocabulary;
    token *id = memory_new(count, sizeof *id, m);
    bool good = id != NULL;
    for (size_t i = 0; good && i < count; i++) {
        id[i] = (unsigned char)prompt[i];
        if ((size_t)id[i] >= vocabulary)
            good = fail(m, EX_USAGE, "--prompt: byte %d is not among"
                        " the model's %zu tokens", id[i], vocabulary);
    }
    for (size_t i = 0; good && i < count; i++)
        good = say(u, id[i], m);
    if (good)
        sampler_read(s, id, count);
    memory_free(id);
    return good;
}

// Write a text
static bool write_text(struct sampler *s, const char *path,
                       struct message *m)
{
    struct utf8 u = {.used = 0};
    uint64_t stream = random_stream("sample");
    size_t vocabulary = s->model.configuration.vocabulary;
    if (!repeat_prompt(s, &u, m))
        return false;
    for (size_t i = 0; i < wanted.bytes; i++) {
        if (!device_finish(s->model.device, m))
            return false;
        for (size_t j = 0; j < vocabulary; j++)
            if (!isfinite(s->logits[j]))
                return fail(m, EX_DATAERR, "%s: the model's logits are "
                            "not finite", path);
        double r = random_uniform(wanted.seed, stream, i);
        token id = (token)choose(s->logits, vocabulary,
                                 wanted.temperature, wanted.top_k, r,
                                 s->scratch);
        if (!say(&u, id, m))
            return false;
        if (i + 1 < wanted.bytes)
            sampler_read(s, &id, 1);
    }
    // End the text
    char out[UTF8_ROOM];
    size_t n = utf8_end(out, &u);
    out[n++] = '\n';
    return put(out, n, m);
}

// Open the checkpoint and write
static bool sample(const struct options *o, struct message *m)
{
    char path[PATH_ROOM];
    struct checkpoint k = {0};
    const struct configuration *c = &k.configuration;
    struct sampler s = {0};
    if (o->operands != 1)
        return fail(m, EX_USAGE, "one checkpoint or run is wanted");
    bool good = read_numbers(m)
             && checkpoint_look(&k, path, o->operand[0], m)
             && (c->vocabulary <= 256
                 || fail(m, EX_DATAERR, "%s: its %zu tokens are not"
                         " bytes", path, c->vocabulary))
             && sampler_open(&s, c, o->device, m)
             && checkpoint_read_weights(&s.model, &k, m)
             && write_text(&s, path, m);
    sampler_close(&s);
    checkpoint_close(&k);
    return good;
}

// Be a command
int command_sample(int argc, char **argv)
{
    const struct own_option own[] = {
        {"prompt", "TEXT", "what it goes on from", &prompt},
        {"length", "N", "bytes to write (500)", &length},
        {"temperature", "T", "0: always the likeliest byte; 1: as"
         " trained (0.8)", &temperature},
        {"top-k", "K", "draw from the K likeliest bytes only; 0: from"
         " all (0)", &top_k},
        {"seed", "N", "of the random numbers (1)", &seed},
        {0}};
    // Read the options and let the model write
    const struct request request = {"sample", "CHECKPOINT",
        "Lets a checkpoint, or a run's latest, write. The same seed"
        " writes the same text.\n\vFor instance:\n"
        "  mhc sample runs/run --prompt 'It was a truth ' --length 1000",
        own, false, true};
    return options_run(&request, argc, argv, sample);
}
