#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/durable.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "corpus/corpus.h"
#include "gain/profile.h"
#include "plot/decades.h"

static const char *data, *how_many = "4", *prefix = "gain", *history;

// Print a profile
enum { COLUMNS = 8 };

static void list_gains(double x[COLUMNS], const struct level *l)
{
    const struct gain *g[] = { &l->single, &l->composite };
    for (int k = 0; k < 2; k++) {
        *x++ = g[k]->forward;
        *x++ = g[k]->forward_least;
        *x++ = g[k]->backward;
        *x++ = g[k]->backward_least;
    }
}

static void print_profile(const struct profile *p)
{
    printf("%8s %19s %19s %23s %23s %8s\n", "", "one, forward",
           "one, backward", "to here, forward", "from here, backward",
           "streams'");
    printf("%8s %9s %9s %9s %9s %11s %11s %11s %11s %8s\n", "sublayer",
           "most", "least", "most", "least", "most", "least", "most",
           "least", "cosine");
    for (size_t l = 0; l < p->sublayers; l++) {
        double x[COLUMNS];
        list_gains(x, &p->level[l]);
        printf("%8zu", l);
        for (int k = 0; k < COLUMNS; k++)
            printf(k < 4 ? " %9.4g" : " %11.5g", x[k]);
        printf(" %8.3f\n", p->level[l].cosine);
    }
    printf("%8s %87s %8.3f\n", "exit", "",
           p->level[p->sublayers].cosine);
    struct gain g = profile_extremes(p);
    printf("composite gain, over all depths: forward %.6g to %.6g,"
           " backward %.6g to %.6g (%zu tokens)\n", g.forward_least,
           g.forward, g.backward_least, g.backward, p->tokens);
}

// Write a profile as CSV
static bool write_csv(const char *path, const struct profile *p,
                      struct message *m)
{
    struct durable file;
    FILE *out = durable_text(&file, path, m);
    if (!out)
        return false;
    fprintf(out, "sublayer,forward,forward_least,backward,"
            "backward_least,composite_forward,composite_forward_least,"
            "composite_backward,composite_backward_least,cosine\n");
    for (size_t l = 0; l <= p->sublayers; l++) {
        double x[COLUMNS];
        list_gains(x, &p->level[l]);
        fprintf(out, "%zu", l);
        for (int k = 0; k < COLUMNS; k++)
            fprintf(out, ",%.9g", l < p->sublayers ? x[k] : NAN);
        fprintf(out, ",%.9g\n", p->level[l].cosine);
    }
    return durable_commit(&file, m);
}

// Draw a profile
static bool draw_profile(const char *path, const struct profile *p,
                         struct message *m)
{
    enum { CURVES = 4 };
    struct curve curve[CURVES] = {
        { "to here, forward", { 0 } }, { "its least", { 0 } },
        { "from here, backward", { 0 } }, { "its least", { 0 } } };
    bool good = true;
    for (size_t l = 0; good && l < p->sublayers; l++) {
        double x[COLUMNS];
        list_gains(x, &p->level[l]);
        for (size_t k = 0; good && k < CURVES; k++)
            good = points_add(&curve[k].points, (double)l,
                              x[COLUMNS - CURVES + k], m);
    }
    good = good && decades_write(path, "sublayer", curve, CURVES, m);
    for (size_t k = 0; k < CURVES; k++)
        points_free(&curve[k].points);
    return good;
}

// Name the files
struct files { char csv[PATH_ROOM], svg[PATH_ROOM]; };

static bool name_files(struct files *f, const char *const *read,
                       struct message *m)
{
    if (snprintf(f->csv, PATH_ROOM, "%s.csv", prefix) >= PATH_ROOM)
        return fail(m, EX_USAGE, "%.80s...: the path is too long",
                    prefix);
    snprintf(f->svg, PATH_ROOM, "%s.svg", prefix);
    return durable_apart(f->csv, read, m)
        && durable_apart(f->svg, read, m);
}

// Draw the gains of a run
enum { NORM, FORWARD, BACKWARD, FIGURES };

// Read the figures of a log
static bool take_figures(struct curve *curve, const struct log *l,
                         struct message *m)
{
    static const char *const name[FIGURES] = {
        "gradient_norm", "forward", "backward" };
    double y;
    for (size_t k = 0; k < FIGURES; k++)
        if (log_number(&y, l, name[k])
            && !points_add(&curve[k].points, (double)l->step, y, m))
            return false;
    return true;
}

static bool read_figures(struct curve *curve, const char *run,
                         struct message *m)
{
    struct log l;
    char warnings[LOG_WARNINGS];
    if (!log_open(&l, run, m))
        return false;
    while (log_next(&l, m) && take_figures(curve, &l, m))
        ;
    log_warnings(warnings, &l);
    fputs(warnings, stderr);
    if (curve[NORM].points.count == 0)
        fail(m, EX_DATAERR, "%s: no step is in this log yet", l.path);
    log_close(&l);
    return m->status == 0;
}

static bool draw_history(const struct options *o, struct message *m)
{
    struct curve curve[FIGURES] = { { "gradient norm", { 0 } },
                                    { "gain, forward", { 0 } },
                                    { "gain, backward", { 0 } } };
    struct files files;
    char log[PATH_ROOM];
    if (o->operands != 1)
        return fail(m, EX_USAGE, "which run? mhc gain runs/NAME"
                    " --history");
    snprintf(log, PATH_ROOM, "%s/log.jsonl", o->operand[0]);
    bool good = name_files(&files, (const char *const[])
                           {o->operand[0], log, NULL}, m)
             && read_figures(curve, o->operand[0], m)
             && decades_write(files.svg, "step", curve, FIGURES, m);
    if (good)
        printf("%s\n", files.svg);
    for (size_t k = 0; k < FIGURES; k++)
        points_free(&curve[k].points);
    return good;
}

// Measure a checkpoint
static bool write_files(const struct files *f, const struct profile *p,
                        struct message *m)
{
    bool good = write_csv(f->csv, p, m) && draw_profile(f->svg, p, m);
    if (good)
        printf("%s, %s\n", f->csv, f->svg);
    return good;
}

static bool gain(const struct options *o, struct message *m)
{
    char path[PATH_ROOM];
    struct files files;
    struct checkpoint k = {0};
    struct corpus corpus = {0};
    struct trainer trainer = {0};
    struct profile profile = {0};
    size_t windows;
    if (history)
        return draw_history(o, m);
    if (o->operands > 1)
        return fail(m, EX_USAGE, "%s: one checkpoint at a time",
                    o->operand[1]);
    if (o->operands != 1 || !data)
        return fail(m, EX_USAGE, "a checkpoint and --data FILE are"
                    " wanted");
    bool good = options_number(&windows, "windows", how_many, 1,
                               1000000, m)
             && checkpoint_look(&k, path, o->operand[0], m)
             && name_files(&files, (const char *const[])
                           {path, data, NULL}, m)
             && corpus_open(&corpus, data, data,
                            k.configuration.context, m)
             && trainer_open_to_evaluate(&trainer, &k.configuration,
                                         o->device, &corpus, m)
             && checkpoint_read_weights(&trainer.model, &k, m)
             && profile_measure(&profile, &trainer, windows, m);
    if (good) {
        print_profile(&profile);
        good = write_files(&files, &profile, m);
        profile_close(&profile);
    }
    trainer_close(&trainer);
    corpus_close(&corpus);
    checkpoint_close(&k);
    return good;
}

int command_gain(int argc, char **argv)
{
    const struct own_option own[] = {
        {"data", "FILE", "the text to look at", &data},
        {"windows", "N", "how many windows of it, spread evenly (4)",
         &how_many},
        {"out", "PREFIX", "where PREFIX.csv and PREFIX.svg go (gain)",
         &prefix},
        {"history", NULL, "draw what a run's log says of gain and"
         " gradient norm, step by step, instead", &history},
        {0}};
    const struct request request = {"gain", "CHECKPOINT",
        "The gain of a checkpoint's mixing (or of a run's latest): how"
        " far each sublayer, and all of them up to it or from it on,"
        " stretch what passes, averaged over the tokens.\n\v"
        "For instance:\n"
        "  mhc gain runs/run --data data/persuasion.txt\n"
        "  mhc gain runs/run --history", own, false, true};
    return options_run(&request, argc, argv, gain);
}
