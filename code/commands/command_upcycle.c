#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/upcycle.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "journal/journal.h"
#include "journal/log.h"

static const char *connection = "mhc", *how_many = "4", *folder;

// Read how the old log begins
struct beginning { struct texts texts; double unigram, bigram; };

/* *found: is there such a log? */
static bool read_beginning(bool *found, struct beginning *b,
                           const char *checkpoint, struct message *m)
{
    char path[PATH_ROOM + 16];
    struct log l;
    const char *slash = strrchr(checkpoint, '/');
    int length = slash ? (int)(slash + 1 - checkpoint) : 0;
    snprintf(path, sizeof path, "%.*slog.jsonl", length, checkpoint);
    *b = (struct beginning){ 0 };
    *found = false;
    if (access(path, R_OK) != 0)
        return true;
    if (!log_open(&l, path, m))
        return false;
    while (log_next(&l, m)) {
        texts_take(&b->texts, &l);
        log_number(&b->unigram, &l, "unigram");
        log_number(&b->bigram, &l, "bigram");
    }
    log_close(&l);
    *found = *b->texts.data != '\0';
    return m->status == 0;
}

// Make the new run folder of an upcycled checkpoint
static bool make_run(const struct trainer *t, const char *checkpoint,
                     bool *begun, struct message *m)
{
    struct journal j;
    struct beginning b;
    char path[PATH_ROOM];
    if (!read_beginning(begun, &b, checkpoint, m)
        || !journal_make(&j, folder, m))
        return false;
    if (journal_path(path, &j, "latest.safetensors", m)
        && checkpoint_write(path, t, m)
        && (!*begun || journal_begin(&j, &t->options, &b.texts,
                                     b.unigram, b.bigram, m))
        // And write its precision down
        && (!*begun || t->device->format[STREAM] == REAL_FORMAT
            || journal_precision(&j, 0, device_precision(t->device), m))
        && journal_close(&j, m))
        return true;
    journal_discard(&j);
    return false;
}

// Upcycle a checkpoint
static bool upcycle(const struct options *o, struct message *m)
{
    char path[PATH_ROOM];
    size_t streams;
    bool begun;
    struct checkpoint k = {0};
    struct trainer t = {0};
    if (o->operands != 1 || !folder)
        return fail(m, EX_USAGE, "a checkpoint and --out FOLDER are"
                    " wanted");
    bool good = options_number(&streams, "streams", how_many, 1, 64, m)
             && checkpoint_look(&k, path, o->operand[0], m)
             // And keep its precision
             && checkpoint_keep_precision(&k, o->device, o->precision, m)
             && upcycle_open(&t, &k, connection, streams, o->device, m)
             && make_run(&t, path, &begun, m);
    if (good)
        printf("%s: %s connection with %zu streams, %zu parameters; %zu"
               " of %zu steps are taken\nto go on: mhc train --resume"
               " %s%s\n", folder, connection, streams,
               t.model.parameters.numbers, t.bookmark.step,
               t.options.steps, folder, begun ? "" : " --data FILE");
    trainer_close(&t);
    checkpoint_close(&k);
    return good;
}

int command_upcycle(int argc, char **argv)
{
    const struct own_option own[] = {
        {"connection", "KIND", "the kind of the new model (mhc)",
         &connection},
        {"streams", "N", "its streams (4)", &how_many},
        {"out", "FOLDER", "the new run; must not exist", &folder},
        {0}};
    const struct request request = {"upcycle", "CHECKPOINT",
        "Makes of a residual checkpoint (or of a run's latest) one with"
        " several streams that computes the same, as a run that can go"
        " on.\n\vFor instance:\n"
        "  mhc upcycle runs/run --connection mhc --streams 4"
        " --out runs/wide\n  mhc train --resume runs/wide", own, false,
        true};
    return options_run(&request, argc, argv, upcycle);
}
