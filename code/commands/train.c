#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/durable.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "corpus/counts.h"
#include "journal/journal.h"
#include "journal/progress.h"
#include "plot/plot.h"
#include "training/training.h"
// What else training uses
#include "gain/note.h"

struct run {
    struct options options;
    const char *data, *held_out, *resume, *folder, *name, *stop_at,
               *threads;
    struct configuration configuration;
    struct corpus corpus;
    struct trainer trainer;
    struct journal journal;
    struct progress progress;
    double unigram, bigram;     /* nats a byte */
    size_t last;                /* the step after which to stop */
    char texts[2][PATH_ROOM];   /* data, held-out, as a log has them */
};

// Hear the wish to stop
static volatile sig_atomic_t asked_to_stop;

static void hear(int signal)
{
    asked_to_stop = signal;
}

static void listen_for_signals(void)
{
    struct sigaction a = {.sa_handler = hear,
                          .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    a.sa_handler = SIG_IGN;
    a.sa_flags = 0;
    sigaction(SIGXFSZ, &a, NULL);
}
// Take over what a checkpoint says
static bool take_over(struct run *r, const char *path,
                      struct message *m)
{
    struct configuration *c = &r->configuration;
    if (!checkpoint_read_configuration(c, path, m))
        return false;
    for (size_t i = 0; configuration_fields[i].name; i++) {
        const struct field *f = &configuration_fields[i];
        char had[64], asked[64];
        configuration_get(c, f, had);
        configuration_get(&r->options.configuration, f, asked);
        if (!r->options.given[i] || strcmp(had, asked) == 0)
            continue;
        if (f->change == FIXED)
            return fail(m, EX_USAGE, "--%s %s: the run in %s has %s,"
                        " and that cannot change", f->name, asked,
                        r->resume, had);
        fprintf(stderr, "%s: was %s, is %s from now on\n", f->name, had,
                asked);
        if (!configuration_set(c, f->name, asked, m))
            return false;
    }
    return true;
}
// Find the texts of a run
static bool find_texts(struct run *r, struct message *m)
{
    char path[PATH_ROOM];
    snprintf(r->journal.folder, sizeof r->journal.folder, "%s",
             r->resume);
    if (!journal_path(path, &r->journal, "log.jsonl", m))
        return false;
    json_t *line = NULL;
    FILE *in = fopen(path, "r");
    if (in) {
        line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL);
        fclose(in);
    }
    const char *name[2] = {"data", "held_out"};
    const char **text[2] = {&r->data, &r->held_out};
    for (int k = 0; k < 2; k++) {
        const char *s = json_string_value(json_object_get(line,
                                                          name[k]));
        if (!s || *text[k])
            continue;
        snprintf(r->texts[k], PATH_ROOM, "%s", s);
        *text[k] = r->texts[k];
    }
    json_decref(line);
    return r->data || fail(m, EX_USAGE, "--data FILE: the log in %s"
                           " does not say which text", r->resume);
}
static bool keep_texts(const struct run *r, struct message *m)
{
    static const char *const written[] = {
        "latest.safetensors", "best.safetensors", "loss.svg",
        "log.jsonl", "timing.jsonl"};
    const char *const read[] = {r->data, r->held_out, NULL};
    char path[PATH_ROOM];
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        if (!journal_path(path, &r->journal, written[i], m)
            || !durable_apart(path, read, m))
            return false;
    return true;
}
// Say what is about to happen
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double rehearse(struct trainer *t)
{
    batches_fill(t->input, t->target, &t->batches,
                 t->bookmark.position, t->options.batch);
    double seconds = 0;
    for (int k = 0; k < 2; k++) {
        double began = now();
        model_forward(&t->model, t->input, t->target);
        model_backward(&t->model, 1);
        seconds = now() - began;
    }
    return seconds * (double)t->options.accumulation;
}

// Warn of a rate that never arrives
static void warn_of_rate(const struct configuration *c)
{
    if (c->warmup >= c->steps && c->steps > 1)
        fprintf(stderr, "warmup: %zu of %zu updates: the rate reaches"
                " its peak with the last one or not at all\n",
                c->warmup, c->steps);
    else if (c->floor == 0 && c->steps > 1)
        fprintf(stderr, "floor: 0: the last update has rate 0 and"
                " changes nothing\n");
}

static void introduce(struct run *r)
{
    const struct configuration *c = &r->configuration;
    struct trainer *t = &r->trainer;
    size_t left = r->last - t->bookmark.step;
    char time[32];
    progress_time(time, rehearse(t) * (double)left);
    double mib = 1. / (1 << 20);
    size_t count = t->model.parameters.count;
    printf("%s: %zu layers, width %zu, %zu heads, context %zu, "
           "%s connection, %zu stream%s\n", r->journal.folder,
           c->layers, c->width, c->heads, c->context, c->connection,
           c->streams, c->streams == 1 ? "" : "s");
    printf("%zu parameters; %.0f MiB for weights, gradients and"
           " moments, %.0f MiB for activations\n", count,
           4. * (double)count * (double)sizeof(real) * mib,
           (double)(model_bytes(&t->model)
                    - 2 * count * sizeof(real)) * mib);
    printf("%zu bytes to learn from, %zu held out (unigram %.3f, bigram"
           " %.3f nats a byte)\n", r->corpus.training.size,
           r->corpus.held_out.size, r->unigram, r->bigram);
    printf("%zu steps of %zu tokens on %d threads, about %s\n", left,
           c->batch * c->accumulation * c->context,
           omp_get_max_threads(), time);
    warn_of_rate(c);
    fflush(stdout);
    r->progress = progress_begin(stderr, t->bookmark.step, r->last);
}
// Begin a new run, or go on with one
static bool resume(struct run *r, struct message *m)
{
    char path[PATH_ROOM];
    snprintf(r->journal.folder, sizeof r->journal.folder, "%s",
             r->resume);
    if (!journal_path(path, &r->journal, "latest.safetensors", m)
        || !take_over(r, path, m) || !find_texts(r, m)
        || !keep_texts(r, m))
        return false;
    if (!corpus_open(&r->corpus, r->data, r->held_out,
                     r->configuration.context, m)
        || !trainer_open(&r->trainer, &r->configuration, &cpu,
                         &r->corpus, m)
        || !checkpoint_read(&r->trainer, path, m))
        return false;
    char warnings[CHECKPOINT_WARNINGS];
    if (!checkpoint_warnings(warnings, path, m))
        return false;
    fputs(warnings, stderr);
    size_t step = r->trainer.bookmark.step;
    return step < r->configuration.steps
        || fail(m, EX_USAGE, "%s has taken all its %zu steps; to go on,"
                " say --steps with more", r->resume, step);
}

static bool begin_new(struct run *r, struct message *m)
{
    r->configuration = r->options.configuration;
    if (!configuration_check(&r->configuration, m))
        return false;
    if (!r->data)
        return fail(m, EX_USAGE, "--data FILE: which text?");
    if (!r->name)
        r->name = "run";
    if (!*r->name || strchr(r->name, '/') || r->name[0] == '.'
        || strcmp(r->name, "latest") == 0)
        return fail(m, EX_USAGE, "--name %s: a name without slashes is"
                    " wanted, not latest, and no dot in front",
                    r->name);
    return corpus_open(&r->corpus, r->data, r->held_out,
                       r->configuration.context, m)
        && trainer_open(&r->trainer, &r->configuration, &cpu,
                        &r->corpus, m);
}

// Begin
static bool begin(struct run *r, struct message *m)
{
    size_t threads = 0;
    listen_for_signals();
    if (r->threads && !options_number(&threads, "threads", r->threads,
                                      1, 1024, m))
        return false;
    if (threads)
        omp_set_num_threads((int)threads);
    if (r->resume && r->name)
        return fail(m, EX_USAGE, "--name %s: a run that goes on keeps"
                    " its name", r->name);
    if (!(r->resume ? resume(r, m) : begin_new(r, m)))
        return false;
    r->last = r->configuration.steps;
    if (r->stop_at && !options_number(&r->last, "stop-at", r->stop_at,
                                      r->trainer.bookmark.step + 1,
                                      r->configuration.steps, m))
        return false;
    if (!counts_loss(&r->unigram, r->corpus.held_out,
                     r->corpus.training, 1, m)
        || !counts_loss(&r->bigram, r->corpus.held_out,
                        r->corpus.training, 2, m))
        return false;
    if (!(r->resume
          ? journal_resume(&r->journal, r->resume,
                           r->trainer.bookmark.step, m)
          : journal_create(&r->journal, r->folder, r->name, m)))
        return false;
    if (!r->resume && !r->journal.latest)
        fprintf(stderr, "%s/latest is no link and stays as it is\n",
                r->folder);
    introduce(r);
    return r->resume
        || journal_begin(&r->journal, &r->configuration, r->data,
                         r->held_out, r->unigram, r->bigram, m);
}
// Save
static bool save(struct run *r, const char *file, struct message *m)
{
    char path[PATH_ROOM];
    return journal_path(path, &r->journal, file, m)
        && checkpoint_write(path, &r->trainer, m);
}
// Look at the held-out text
static bool redraw(struct run *r, struct message *m)
{
    char path[PATH_ROOM];
    struct history h;
    bool good = journal_path(path, &r->journal, "loss.svg", m)
             && history_read(&h, r->journal.folder, m);
    if (good) {
        good = plot_write(path, &h, 1, m);
        history_free(&h);
    }
    return good;
}

static bool look(struct run *r, struct message *m)
{
    double nats;
    struct trainer *t = &r->trainer;
    if (!trainer_evaluate(&nats, t, r->configuration.evaluate_windows,
                          m))
        return false;
    bool best = trainer_best(t, nats);
    progress_held_out(&r->progress, nats);
    return journal_held_out(&r->journal, t->bookmark.step, nats, false,
                            m)
        // Look at more than the loss
        && gain_note(&r->journal, t, m)
        && redraw(r, m) && (!best || save(r, "best.safetensors", m));
}
// Take one step
static bool take_step(struct run *r, struct message *m)
{
    struct update u;
    double began = now();
    if (!trainer_step(&u, &r->trainer, m)) {
        progress_end(&r->progress);
        return false;
    }
    double seconds = now() - began;
    const struct configuration *c = &r->configuration;
    size_t tokens = c->batch * c->accumulation * c->context;
    progress_step(&r->progress, u.step, u.loss, seconds, tokens);
    return journal_step(&r->journal, u.step, u.loss, u.rate, u.norm,
                        seconds, tokens, m);
}
// Take the steps
static bool take_steps(struct run *r, struct message *m)
{
    size_t *step = &r->trainer.bookmark.step;
    while (*step < r->last && !asked_to_stop) {
        if (!take_step(r, m))
            return false;
        bool end = *step == r->last || asked_to_stop;
        if ((*step % r->configuration.evaluate_every == 0
             || *step == r->configuration.steps) && !look(r, m))
            return false;
        if ((end || *step % r->configuration.save_every == 0)
            && !save(r, "latest.safetensors", m))
            return false;
    }
    progress_end(&r->progress);
    return true;
}
// Close a run
static int finish(struct run *r, struct message *m)
{
    struct trainer *t = &r->trainer;
    if (t->bookmark.step < r->configuration.steps) {
        if (!save(r, "latest.safetensors", m))
            return m->status;
        fprintf(stderr, "stopped after step %zu; to go on: mhc train"
                " --resume %s\n", t->bookmark.step, r->journal.folder);
        return asked_to_stop ? 130 : 0;
    }
    double nats;
    if (!trainer_evaluate(&nats, t, 0, m)
        || !journal_held_out(&r->journal, t->bookmark.step, nats, true,
                             m)
        || !redraw(r, m) || !journal_close(&r->journal, m))
        return m->status;
    printf("held-out loss of all %zu bytes: %.4f nats a byte, %.4f bits"
           "\n%s: latest.safetensors, best.safetensors, log.jsonl,"
           " loss.svg\n", r->corpus.held_out.size, nats, nats / M_LN2,
           r->journal.folder);
    return 0;
}

static void close_run(struct run *r)
{
    struct message ignored = {0};
    journal_close(&r->journal, &ignored);
    trainer_close(&r->trainer);
    corpus_close(&r->corpus);
}
// The command itself
int command_train(int argc, char **argv)
{
    struct run run = {.folder = "runs"};
    const struct own_option own[] = {
        // Options of a run
        {"data", "FILE", "the text to learn from", &run.data},
        {"held-out", "FILE", "the text to be judged by (without it, the last"
         " tenth of --data)", &run.held_out},
        {"resume", "RUN", "go on with the run in this folder", &run.resume},
        {"runs", "FOLDER", "where new runs go (runs)", &run.folder},
        {"name", "NAME", "what a new run is called (run)", &run.name},
        {"stop-at", "STEP", "stop after this step, as if interrupted; the"
         " schedule still runs to --steps", &run.stop_at},
        {"threads", "N", "processors to use (all); no result depends on it",
         &run.threads},
        {0}};
    const struct request request = {"train", NULL,
        "Trains a model on a text, or goes on with a run.\n\v"
        "For instance:\n"
        "  mhc train --data novel.txt --layers 4 --width 192\n"
        "  mhc train --resume runs/run --steps 4000\n"
        "Ctrl-C finishes the step, saves, and exits with status 130.",
        own, true};
    struct message m = {0};
    run.options.configuration = configuration_default();
    bool good = options_read(&run.options, &request, argc, argv, &m)
             && begin(&run, &m) && take_steps(&run, &m);
    int status = good ? finish(&run, &m) : 0;
    close_run(&run);
    return m.status ? options_report(&request, &m) : status;
}
