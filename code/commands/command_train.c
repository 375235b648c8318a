#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/durable.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "commands/stop.h"
#include "corpus/counts.h"
#include "ground/memory.h"
#include "journal/journal.h"
#include "journal/progress.h"
#include "plot/plot.h"
#include "training/training.h"
// What else training uses
#include "gain/note.h"
#include "gain/range.h"

struct run {
    struct options options;
    const char *data, *held_out, *resume, *folder, *name, *stop_at,
               *threads, *init;
    char init_path[PATH_ROOM], saved_path[PATH_ROOM];
    struct checkpoint checkpoint;       /* what it begins with */
    struct configuration configuration;
    struct configuration before;        /* when the run was saved */
    struct texts texts;
    struct corpus corpus;
    struct trainer trainer;
    struct journal journal;
    struct history history;     /* what the plot shows */
    struct progress progress;
    struct costs costs;
    double unigram, bigram;     /* nats a byte */
    size_t last;                /* the step after which to stop */
    size_t saved;               /* the step in latest.safetensors */
    bool described;             /* has the log a first line? */
    bool judged;                /* has it the result? */
    double result;              /* nats a byte */
    // More of a run
    bool precision_changes;
    bool saturated;             /* has it been said? */
    const char *watch_range;
    size_t range_every;         /* updates; 0: never */
};

// Take over what a checkpoint says
/* does an option say something else? */
static bool differs(const struct run *r, size_t field, char has[64],
                    char asked[64])
{
    const struct field *f = &configuration_fields[field];
    field_get(&r->configuration, f, has);
    field_get(&r->options.configuration, f, asked);
    return r->options.given[field] && strcmp(has, asked) != 0;
}

static bool take_over(struct run *r, struct message *m)
{
    struct configuration *c = &r->configuration;
    r->before = *c = r->checkpoint.configuration;
    for (size_t i = 0; configuration_fields[i].name; i++) {
        const struct field *f = &configuration_fields[i];
        char had[64], asked[64];
        if (!differs(r, i, had, asked))
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

static bool take_precision(struct run *r, struct message *m)
{
    struct device *d = r->options.device;
    const char *had = safetensors_text(&r->checkpoint.file,
                                       "precision");
    had = had == NULL ? "single" : had;
    if (!checkpoint_keep_precision(&r->checkpoint, d,
                                   r->options.precision, m))
        return false;
    const char *is = device_precision(d);
    r->precision_changes = strcmp(had, is) != 0;
    if (r->precision_changes)
        fprintf(stderr, "precision: was %.40s, is %s from now on\n",
                had, is);
    return true;
}
// Recall what the log says
static bool recall(struct run *r, size_t step, struct message *m)
{
    struct log l;
    char path[PATH_ROOM], warnings[LOG_WARNINGS];
    double ignored;
    history_name(&r->history, r->journal.folder);
    if (!journal_path(path, &r->journal, "log.jsonl", m))
        return false;
    if (access(path, F_OK) != 0)
        return true;
    if (!log_open(&l, path, m))
        return false;
    while (log_next(&l, m) && l.step <= step
           && history_take(&r->history, &l, m)) {
        texts_take(&r->texts, &l);
        r->described |= log_number(&ignored, &l, "unigram");
        r->judged |= l.step == r->configuration.steps
                  && log_number(&r->result, &l, "held_out_whole");
    }
    if (l.last < step)
        log_expect(&l, step + 1);
    log_warnings(warnings, &l);
    fputs(warnings, stderr);
    log_close(&l);
    return m->status == 0;
}
// Open the texts of a run
static bool name_texts(struct run *r, struct message *m)
{
    char place[2][PATH_ROOM];
    struct texts *t = &r->texts;
    texts_find(place[0], t, t->data);
    texts_find(place[1], t, t->held_out);
    if (!r->data && !*t->data)
        return fail(m, EX_USAGE, r->resume ? "--data FILE: the log in"
                    " %.200s does not say which text"
                    : "--data FILE: which text?", r->resume);
    return (!r->data && !r->held_out)
        || texts_given(t, r->data ? r->data : place[0],
                       r->held_out ? r->held_out : place[1], m);
}

// Keep the texts of a run
static bool keep_texts(const struct run *r, char place[2][PATH_ROOM],
                       struct message *m)
{
    static const char *const written[] = {
        "latest.safetensors", "best.safetensors", "loss.svg",
        "log.jsonl", "timing.jsonl", "lock"};
    const char *const read[] = {place[0], *place[1] ? place[1] : NULL,
                                NULL};
    char path[PATH_ROOM];
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        if (!journal_path(path, &r->journal, written[i], m)
            || !durable_apart(path, read, m))
            return false;
    return true;
}
static bool open_texts(struct run *r, struct message *m)
{
    char place[2][PATH_ROOM];
    const struct texts *t = &r->texts;
    texts_find(place[0], t, t->data);
    texts_find(place[1], t, t->held_out);
    return (!r->resume || keep_texts(r, place, m))
        && corpus_open(&r->corpus, place[0],
                       *t->held_out ? place[1] : NULL,
                       r->configuration.context, m);
}
// Quote a path for the shell
static void quote(char *out, size_t room, const char *path)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz0123456789"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ_-+=.,:/@%";
    if (*path && path[strspn(path, plain)] == '\0') {
        snprintf(out, room, "%s", path);
        return;
    }
    char *end = out + room - 6;
    *out++ = '\'';
    for (; *path && out < end; path++)
        out = *path == '\'' ? stpcpy(out, "'\\''")
                            : (*out = *path, out + 1);
    strcpy(out, "'");
}
// Say what is about to happen
static bool tell_sizes(const struct run *r, struct message *m)
{
    const struct configuration *c = &r->configuration;
    struct architecture architecture;
    struct model model;
    if (!architecture_find(&architecture, c, m))
        return false;
    bool good = model_plan(&model, &architecture, c, r->options.device,
                           c->batch, TRAINING, c->recompute, m);
    size_t count = good ? model.parameters.count : 0;
    double mib = 1. / (1 << 20);
    if (good)
        printf("%zu layers, width %zu, %zu heads, context %zu, "
               "%s connection, %zu stream%s\n%zu parameters; %.0f MiB"
               " for weights, gradients and moments, %.0f MiB for"
               " activations; %.0f MiB in all\n", c->layers, c->width,
               c->heads, c->context, c->connection, c->streams,
               c->streams == 1 ? "" : "s", model.parameters.numbers,
               4. * (double)count * (double)sizeof(real) * mib,
               (double)(model_bytes(&model)
                        - 2 * count * sizeof(real)) * mib,
               (double)(trainer_bytes(&model) + memory_peak()) * mib);
    // Tell how numbers are kept
    if (good && r->options.device->does == &gpu_operations)
        printf("%s\n", gpu_describe());
    if (good && r->options.device->format[STREAM] != REAL_FORMAT)
        printf("precision %s; products by %s\n",
               device_precision(r->options.device),
               device_products(r->options.device));
    model_close(&model);
    fflush(stdout);
    return good;
}

static bool tell_texts(struct run *r, struct message *m)
{
    const struct corpus *c = &r->corpus;
    if (!counts_loss(&r->unigram, c->held_out, c->training, 1, m)
        || !counts_loss(&r->bigram, c->held_out, c->training, 2, m))
        return false;
    printf("%zu bytes to learn from, %zu held out (unigram %.3f, bigram"
           " %.3f nats a byte)\n", c->training.size, c->held_out.size,
           r->unigram, r->bigram);
    fflush(stdout);
    return true;
}

// Rehearse
static bool rehearse(struct run *r, struct message *m)
{
    struct trainer *t = &r->trainer;
    const struct configuration *c = &r->configuration;
    struct message why = { 0, "" };
    batches_fill(t->input, t->target, &t->batches,
                 t->bookmark.position, c->batch);
    double forward = 0, both = 0;
    for (int k = 0; k < 2; k++) {
        double began = omp_get_wtime();
        model_forward(&t->model, t->input, t->target);
        bool good = device_finish(t->device, &why);
        forward = omp_get_wtime() - began;
        model_backward(&t->model, 1);
        if (!device_finish(t->device, &why) || !good)
            return fail(m, why.status, "the rehearsal: %s", why.text);
        both = omp_get_wtime() - began;
    }
    size_t look = trainer_judgement(t, c->evaluate_windows).windows;
    size_t whole = trainer_judgement(t, 0).windows;
    r->costs.step = both * (double)c->accumulation;
    r->costs.look = forward * ceil((double)look / (double)c->batch);
    r->costs.whole = forward * ceil((double)whole / (double)c->batch);
    return true;
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
static void tell_time(struct run *r)
{
    const struct configuration *c = &r->configuration;
    size_t step = r->trainer.bookmark.step;
    char time[32];
    r->costs.look += r->costs.save;
    progress_time(time, costs_left(&r->costs, c, step, r->last));
    printf("%s: %zu steps of %zu tokens on %d threads, about %s\n",
           r->journal.folder, r->last - step,
           c->batch * c->accumulation * c->context,
           omp_get_max_threads(), time);
    warn_of_rate(c);
    fflush(stdout);
}
// Save
static bool save(struct run *r, const char *file, struct message *m)
{
    char path[PATH_ROOM];
    return journal_keep(&r->journal, m)
        && journal_path(path, &r->journal, file, m)
        && checkpoint_write(path, &r->trainer, m);
}

static bool save_latest(struct run *r, struct message *m)
{
    double began = omp_get_wtime();
    if (!save(r, "latest.safetensors", m))
        return false;
    r->saved = r->trainer.bookmark.step;
    r->costs.save = omp_get_wtime() - began;
    return true;
}

static bool describe_run(struct run *r, struct message *m)
{
    strcpy(r->texts.init, r->init_path);
    return journal_begin(&r->journal, &r->configuration, &r->texts,
                         r->unigram, r->bigram, m)
        && (r->options.device->format[STREAM] == REAL_FORMAT
            || journal_precision(&r->journal, 0,
                                 device_precision(r->options.device), m));
}
// Begin a new run, or go on with one
static bool find_run(size_t *step, struct run *r, struct message *m)
{
    struct bookmark b;
    if (!journal_open(&r->journal, r->resume, m)
        || !journal_path(r->saved_path, &r->journal,
                         "latest.safetensors", m)
        || !checkpoint_open(&r->checkpoint, r->saved_path, m)
        || !take_over(r, m)
        || !checkpoint_read_bookmark(&b, &r->checkpoint, m)
        || !recall(r, b.step, m))
        return false;
    // Take over the precision
    if (!take_precision(r, m))
        return false;
    *step = b.step;
    if (b.step > r->configuration.steps)
        return fail(m, EX_USAGE, "--steps %zu: %.200s has taken %zu",
                    r->configuration.steps, r->resume, b.step);
    return !r->judged || fail(m, EX_USAGE, "%.200s has taken all its"
        " %zu steps (held-out loss %.4f); to go on, say --steps with"
        " more", r->resume, b.step, r->result);
}

static bool recover(struct run *r, struct message *m)
{
    char warnings[CHECKPOINT_WARNINGS];
    double began = omp_get_wtime();
    if (!checkpoint_read(&r->trainer, &r->checkpoint, m))
        return false;
    r->costs.save = omp_get_wtime() - began;
    r->saved = r->trainer.bookmark.step;
    checkpoint_warnings(warnings, &r->checkpoint);
    fputs(warnings, stderr);
    return true;
}

// Take over the sizes of a checkpoint
static bool take_sizes(struct run *r, struct message *m)
{
    char *path = r->init_path;
    if (!checkpoint_path(path, r->init, m)
        || !checkpoint_open(&r->checkpoint, path, m))
        return false;
    checkpoint_sizes(&r->configuration, &r->checkpoint);
    char has[64], asked[64];
    for (size_t i = 0; configuration_fields[i].name; i++)
        if (differs(r, i, has, asked))
            return fail(m, EX_USAGE, "--%s %s: the weights in %.200s"
                        " are of %s", configuration_fields[i].name,
                        asked, path, has);
    return true;
}

static bool check_new(struct run *r, struct message *m)
{
    r->configuration = r->options.configuration;
    if (r->init && !take_sizes(r, m))
        return false;
    if (!r->name)
        r->name = "run";
    if (!*r->name || strchr(r->name, '/') || r->name[0] == '.'
        || strcmp(r->name, "latest") == 0)
        return fail(m, EX_USAGE, "--name %s: a name without slashes is"
                    " wanted, not latest, and no dot in front",
                    r->name);
    return configuration_check(&r->configuration, m);
}

// Open a run
static bool open_run(struct run *r, struct message *m)
{
    size_t step = 0;
    if (!(r->resume ? find_run(&step, r, m) : check_new(r, m))
        || !name_texts(r, m))
        return false;
    size_t steps = r->configuration.steps;
    r->last = steps;
    if (r->stop_at
        && !options_number(&r->last, "stop-at", r->stop_at,
                           step < steps ? step + 1 : steps, steps, m))
        return false;
    // Settle more options of a run
    if (r->watch_range
        && !options_number(&r->range_every, "watch-range", r->watch_range,
                           1, SIZE_MAX / 2, m))
        return false;
    bool good = open_texts(r, m) && tell_sizes(r, m)
        && trainer_open(&r->trainer, &r->configuration,
                        r->options.device, &r->corpus, m)
        && (!r->resume || recover(r, m))
        && (!r->init || checkpoint_read_weights(&r->trainer.model,
                                                &r->checkpoint, m));
    checkpoint_close(&r->checkpoint);
    return good && tell_texts(r, m);
}
// Begin
static bool find_room(const struct run *r, struct message *m)
{
    char path[PATH_ROOM];
    struct stat s;
    struct statvfs disk;
    if (!journal_path(path, &r->journal, "best.safetensors", m))
        return false;
    unsigned long long wanted = stat(path, &s) == 0 ? 1 : 2;
    if (!journal_path(path, &r->journal, "latest.safetensors", m))
        return false;
    if (stat(path, &s) != 0 || statvfs(path, &disk) != 0
        || disk.f_blocks == 0)
        return true;
    wanted *= (unsigned long long)s.st_size;
    unsigned long long left = (unsigned long long)disk.f_bavail
                            * disk.f_frsize;
    return wanted <= left
        || fail(m, EX_IOERR, "%.200s: the disk has room for %llu KiB,"
                " and checkpoints need %llu more", r->journal.folder,
                left >> 10, (wanted - left + 1023) >> 10);
}

static bool start_new(struct run *r, struct message *m)
{
    if (!journal_create(&r->journal, r->folder, r->name, m))
        return false;
    history_name(&r->history, r->journal.folder);
    if (describe_run(r, m) && save_latest(r, m) && find_room(r, m)) {
        if (!journal_point(&r->journal))
            fprintf(stderr, "%s/latest is no link and stays as it is\n",
                    r->folder);
        return true;
    }
    journal_discard(&r->journal);
    return false;
}

static bool start_again(struct run *r, struct message *m)
{
    size_t step = r->trainer.bookmark.step;
    return find_room(r, m) && journal_resume(&r->journal, step, m)
        && (r->described || describe_run(r, m))
        && journal_change(&r->journal, step + 1, &r->before,
                          &r->configuration,
                          r->data || r->held_out ? &r->texts : NULL, m)
        && (!r->precision_changes
            || journal_precision(&r->journal, step + 1,
                                 device_precision(r->options.device), m));
}

static bool begin(struct run *r, struct message *m)
{
    size_t threads = 0;
    if (r->threads && !options_number(&threads, "threads", r->threads,
                                      1, 1024, m))
        return false;
    if (threads)
        omp_set_num_threads((int)threads);
    if (r->resume && r->init)
        return fail(m, EX_USAGE, "--init %s: a run that goes on has its"
                    " weights", r->init);
    if (r->resume && r->name)
        return fail(m, EX_USAGE, "--name %s: a run that goes on keeps"
                    " its name", r->name);
    if (!open_run(r, m) || !rehearse(r, m))
        return false;
    stop_listen();
    if (!(r->resume ? start_again(r, m) : start_new(r, m)))
        return false;
    r->history.unigram = r->unigram;
    r->history.bigram = r->bigram;
    tell_time(r);
    r->progress = progress_begin(stderr, r->last);
    return true;
}
// Say what to do about a loss that is not finite
static bool give_advice(struct run *r, struct message *m)
{
    const struct configuration *c = &r->configuration;
    char folder[3 * PATH_ROOM], clip[32] = "";
    size_t used = strlen(m->text);
    progress_end(&r->progress);
    quote(folder, sizeof folder, r->journal.folder);
    if (r->trainer.device->trouble.status != 0)
        snprintf(m->text + used, sizeof m->text - used, "; what is"
                 " saved is update %zu; to go on: mhc train --resume"
                 " %s", r->saved, folder);
    if (m->status != EXIT_FAILURE)
        return false;
    if (c->clip == 0 || c->clip > 1)
        snprintf(clip, sizeof clip, " --clip 1");
    snprintf(m->text + used, sizeof m->text - used, "; what is saved is"
             " update %zu, and smaller steps may go on from there: mhc"
             " train --resume %s --rate %g%s", r->saved, folder,
             c->rate / 2, clip);
    return false;
}
// Look at the held-out text
static bool redraw(struct run *r, struct message *m)
{
    char path[PATH_ROOM];
    return journal_path(path, &r->journal, "loss.svg", m)
        && (r->history.loss.count == 0
            || plot_write(path, &r->history, 1, m));
}

static bool look(struct run *r, struct message *m)
{
    double nats, began = omp_get_wtime();
    struct trainer *t = &r->trainer;
    if (!trainer_evaluate(&nats, t, r->configuration.evaluate_windows,
                          m))
        return give_advice(r, m);
    size_t step = t->bookmark.step;
    bool best = trainer_best(t, nats);
    progress_held_out(&r->progress, nats);
    bool good = journal_held_out(&r->journal, step, nats, false, m)
        && points_add(&r->history.held_out, (double)step, nats, m)
        // Look at more than the loss
        && gain_note(&r->journal, t, m)
        && redraw(r, m) && (!best || save(r, "best.safetensors", m));
    r->costs.look = omp_get_wtime() - began;
    return good;
}
static bool tell_saturation(struct run *r, size_t step,
                            struct message *m)
{
    struct eight *e = &r->options.device->eight;
    double share = e->stored == 0 ? 0
                 : (double)e->saturated / (double)e->stored;
    size_t lost = e->saturated;
    e->stored = e->saturated = 0;
    if (share <= 1e-6 || r->saturated)
        return true;
    r->saturated = true;
    fprintf(stderr, "\nupdate %zu: %zu numbers were infinite, and are"
            " the largest of their block now\n", step, lost);
    return journal_event(&r->journal, step, "saturated",
        (struct figure[]){ { "numbers", (double)lost },
                           { "share", share }, { NULL, 0 } }, m);
}

// Take one step
static bool take_step(struct run *r, struct message *m)
{
    struct update u;
    double began = omp_get_wtime();
    // Begin to count
    struct eight *counts = &r->options.device->eight;
    counts->stored = counts->saturated = 0;
    if (!trainer_step(&u, &r->trainer, m))
        return give_advice(r, m);
    double now = omp_get_wtime(), seconds = now - began;
    const struct configuration *c = &r->configuration;
    size_t tokens = c->batch * c->accumulation * c->context;
    costs_step(&r->costs, seconds);
    progress_step(&r->progress, u.step, u.loss,
                  (double)tokens / r->costs.step,
                  costs_left(&r->costs, c, u.step, r->last), now);
    return history_loss(&r->history, (double)u.step, u.loss, m)
        && journal_step(&r->journal, u.step, u.loss, u.rate, u.norm,
                        seconds, tokens, m)
        && tell_saturation(r, u.step, m)
        && (r->range_every == 0 || u.step % r->range_every != 0
            || ranges_note(&r->journal, &r->trainer, m));
}
// Take the steps
static bool take_steps(struct run *r, struct message *m)
{
    const struct configuration *c = &r->configuration;
    size_t *step = &r->trainer.bookmark.step;
    while (*step < r->last && !stop_asked()) {
        if (!take_step(r, m))
            return false;
        bool looks = *step % c->evaluate_every == 0
                  || *step == c->steps;
        if (looks && !look(r, m))
            return false;
        if ((*step == r->last || *step % c->save_every == 0)
            && !save_latest(r, m))
            return give_advice(r, m);
    }
    progress_end(&r->progress);
    return r->saved == *step || save_latest(r, m);
}
// Close a run
static int stopped(struct run *r)
{
    char folder[3 * PATH_ROOM];
    size_t step = r->trainer.bookmark.step;
    bool all = step == r->configuration.steps;
    quote(folder, sizeof folder, r->journal.folder);
    fprintf(stderr, "stopped %s step %zu; to go on: mhc train"
            " --resume %s\n", all ? "in the evaluation after the last"
            " step," : "after", step, folder);
    return stop_asked() ? 128 + stop_asked() : 0;
}

static int finish(struct run *r, struct message *m)
{
    struct trainer *t = &r->trainer;
    size_t step = t->bookmark.step;
    struct judgement j = trainer_judgement(t, 0);
    if (step < r->configuration.steps)
        return stopped(r);
    while (j.next < j.windows && !stop_asked()) {
        trainer_judge(&j, t);
        double share = (double)j.next / (double)j.windows;
        progress_judge(&r->progress, share, omp_get_wtime());
    }
    progress_end(&r->progress);
    if (j.next < j.windows)
        return stopped(r);
    if (!trainer_verdict(&r->result, &j, t, m)
        || !journal_held_out(&r->journal, step, r->result, true, m)
        || !redraw(r, m) || !journal_keep(&r->journal, m)
        || !journal_close(&r->journal, m))
        return m->status;
    printf("held-out loss of all %zu bytes: %.4f nats a byte, %.4f bits"
           "\n%s: latest.safetensors, best.safetensors, log.jsonl,"
           " loss.svg\n", r->corpus.held_out.size, r->result,
           r->result / M_LN2, r->journal.folder);
    return 0;
}

static void close_run(struct run *r)
{
    struct message ignored = {0};
    journal_close(&r->journal, &ignored);
    history_free(&r->history);
    trainer_close(&r->trainer);
    corpus_close(&r->corpus);
    checkpoint_close(&r->checkpoint);
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
        {"init", "CHECKPOINT", "begin a new run with its weights, and so with"
         " its sizes", &run.init},
        {"runs", "FOLDER", "where new runs go (runs)", &run.folder},
        {"name", "NAME", "what a new run is called (run)", &run.name},
        {"stop-at", "STEP", "stop after this step, as if interrupted; the"
         " schedule still runs to --steps", &run.stop_at},
        {"threads", "N", "processors to use (all); no result depends on it",
         &run.threads},
        {"watch-range", "N", "log after every N updates what eight bits would"
         " make of streams, activations and their gradients",
         &run.watch_range},
        {0}};
    const struct request request = {"train", NULL,
        "Trains a model on a text, or goes on with a run.\n\v"
        "For instance:\n"
        "  mhc train --data novel.txt --layers 4 --width 192\n"
        "  mhc train --resume runs/run --steps 4000\n"
        "Ctrl-C finishes the step, saves, and exits with status 130.",
        own, true, true};
    struct message m = {0};
    run.options.configuration = configuration_default();
    bool good = options_read(&run.options, &request, argc, argv, &m)
             && begin(&run, &m) && take_steps(&run, &m);
    int status = good ? finish(&run, &m) : 0;
    close_run(&run);
    return m.status ? options_report(&request, &m) : status;
}
