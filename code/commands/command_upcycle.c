#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/upcycle.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "journal/journal.h"
#include "journal/log.h"

struct upcycling {
    const char *connection, *streams, *out;
    struct trainer trainer;
};

// Read how the old log begins
struct beginning { struct texts texts; double unigram, bigram; };

/* *found: is there such a log? */
static bool read_beginning(bool *found, struct beginning *b,
                           const char *checkpoint, struct message *m)
{
    char path[PATH_ROOM + 16];
    struct log l;
    const char *slash = strrchr(checkpoint, '/');
    int folder = slash ? (int)(slash + 1 - checkpoint) : 0;
    snprintf(path, sizeof path, "%.*slog.jsonl", folder, checkpoint);
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

// Begin the new log
static bool begin_log(bool *begun, const struct upcycling *u,
                      const char *checkpoint, struct message *m)
{
    struct journal j = { .lock = NULL };
    struct beginning b;
    *begun = false;
    if (!read_beginning(begun, &b, checkpoint, m))
        return false;
    if (!*begun)
        return true;
    bool good = journal_open(&j, u->out, m)
        && journal_resume(&j, u->trainer.bookmark.step, m)
        && journal_begin(&j, &u->trainer.options, &b.texts, b.unigram,
                         b.bigram, m);
    return journal_close(&j, m) && good;
}

// Make the new run folder of an upcycled checkpoint
static const char *const members[] = {
    "latest.safetensors", "log.jsonl", "timing.jsonl", "lock"};

static void remove_folder(const char *folder)
{
    char path[PATH_ROOM + 32];
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, members[i]);
        unlink(path);
    }
    rmdir(folder);
}

static bool make_folder(bool *begun, const struct upcycling *u,
                        const char *checkpoint, struct message *m)
{
    char path[PATH_ROOM];
    if (snprintf(path, sizeof path, "%s/%s", u->out, members[0])
        >= (int)sizeof path)
        return fail(m, EX_USAGE, "--out %.80s...: the path is too long",
                    u->out);
    if (mkdir(u->out, 0777) != 0)
        return fail(m, EX_CANTCREAT, "%s: cannot make this folder: %s",
                    u->out, strerror(errno));
    if (checkpoint_write(path, &u->trainer, m)
        && begin_log(begun, u, checkpoint, m))
        return true;
    remove_folder(u->out);
    return false;
}

// Upcycle a checkpoint
static bool upcycle(struct upcycling *u, const struct options *o,
                    struct message *m)
{
    char path[PATH_ROOM];
    size_t streams;
    bool begun = false;
    struct checkpoint k = {0};
    if (o->operands != 1 || !u->out)
        return fail(m, EX_USAGE, "a checkpoint and --out FOLDER are"
                    " wanted");
    bool good = options_number(&streams, "streams", u->streams, 1, 64,
                               m)
             && checkpoint_path(path, o->operand[0], m)
             && checkpoint_look(&k, path, m)
             && upcycle_open(&u->trainer, &k, u->connection, streams,
                             o->device, m)
             && make_folder(&begun, u, path, m);
    checkpoint_close(&k);
    if (!good)
        return false;
    const struct trainer *t = &u->trainer;
    printf("%s: %s connection with %zu streams, %zu parameters; %zu of"
           " %zu steps are taken\nto go on: mhc train --resume %s%s\n",
           u->out, u->connection, streams, t->model.parameters.numbers,
           t->bookmark.step, t->options.steps, u->out,
           begun ? "" : " --data FILE");
    return true;
}

int command_upcycle(int argc, char **argv)
{
    struct upcycling u = {.connection = "mhc", .streams = "4"};
    const struct own_option own[] = {
        {"connection", "KIND", "the kind of the new model (mhc)",
         &u.connection},
        {"streams", "N", "its streams (4)", &u.streams},
        {"out", "FOLDER", "the new run; must not exist", &u.out},
        {0}};
    const struct request request = {"upcycle", "CHECKPOINT",
        "Makes of a residual checkpoint (or of a run's latest) one with"
        " several streams that computes the same, as a run that can go"
        " on.\n\vFor instance:\n"
        "  mhc upcycle runs/run --connection mhc --streams 4"
        " --out runs/wide\n  mhc train --resume runs/wide", own, false,
        true};
    struct options options = {0};
    struct message m = {0};
    bool good = options_read(&options, &request, argc, argv, &m)
             && upcycle(&u, &options, &m);
    trainer_close(&u.trainer);
    return good ? 0 : options_report(&request, &m);
}
