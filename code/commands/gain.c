#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/durable.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "corpus/corpus.h"
#include "gain/profile.h"
#include "ground/memory.h"
#include "plot/decades.h"

// Print a profile
static void print_profile(const struct profile *p)
{
    printf("%8s %19s %19s %23s %23s %8s\n", "", "one, forward",
           "one, backward", "to here, forward", "from here, backward",
           "streams'");
    printf("%8s %9s %9s %9s %9s %11s %11s %11s %11s %8s\n", "sublayer",
           "most", "least", "most", "least", "most", "least", "most",
           "least", "cosine");
    for (size_t l = 0; l < p->sublayers; l++) {
        struct gain a = p->level[l].single, b = p->level[l].composite;
        printf("%8zu %9.4g %9.4g %9.4g %9.4g %11.5g %11.5g %11.5g"
               " %11.5g %8.3f\n", l, a.forward, a.forward_least,
               a.backward, a.backward_least, b.forward, b.forward_least,
               b.backward, b.backward_least, p->level[l].cosine);
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
    FILE *out = fopen(path, "w");
    if (!out)
        return fail(m, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    fprintf(out, "sublayer,forward,forward_least,backward,"
            "backward_least,composite_forward,composite_forward_least,"
            "composite_backward,composite_backward_least,cosine\n");
    for (size_t l = 0; l < p->sublayers; l++) {
        struct gain a = p->level[l].single, b = p->level[l].composite;
        fprintf(out, "%zu,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,"
                "%.9g\n", l, a.forward, a.forward_least, a.backward,
                a.backward_least, b.forward, b.forward_least,
                b.backward, b.backward_least, p->level[l].cosine);
    }
    fprintf(out, "%zu,nan,nan,nan,nan,nan,nan,nan,nan,%.9g\n",
            p->sublayers, p->level[p->sublayers].cosine);
    bool good = !ferror(out);
    if (fclose(out) == 0 && good)
        return true;
    return fail(m, EX_IOERR, "%s: %s", path, strerror(errno));
}

// Draw a profile
static bool draw_profile(const char *path, const struct profile *p,
                         struct message *m)
{
    enum { CURVES = 4 };
    static const char *const name[CURVES] = {
        "to here, forward", "its least", "from here, backward",
        "its least" };
    size_t L = p->sublayers;
    double *room = memory_new((CURVES + 1) * L, sizeof *room, m);
    struct curve curve[CURVES];
    if (!room)
        return false;
    for (size_t l = 0; l < L; l++) {
        struct gain g = p->level[l].composite;
        double y[] = { g.forward, g.forward_least, g.backward,
                       g.backward_least };
        room[l] = (double)l;
        for (size_t k = 0; k < CURVES; k++)
            room[(k + 1) * L + l] = y[k];
    }
    for (size_t k = 0; k < CURVES; k++)
        curve[k] = (struct curve){ name[k], { .count = L, .x = room,
                                   .y = room + (k + 1) * L } };
    bool good = decades_write(path, "sublayer", curve, CURVES, m);
    memory_free(room);
    return good;
}

// Measure a checkpoint
static bool write_files(const char *prefix, const struct profile *p,
                        struct message *m)
{
    char csv[PATH_ROOM], svg[PATH_ROOM];
    if (snprintf(csv, PATH_ROOM, "%s.csv", prefix) >= PATH_ROOM)
        return fail(m, EX_USAGE, "%.80s...: the path is too long",
                    prefix);
    snprintf(svg, PATH_ROOM, "%s.svg", prefix);
    return write_csv(csv, p, m) && draw_profile(svg, p, m)
        && printf("%s, %s\n", csv, svg) > 0;
}

static bool gain(const struct options *o, const char *text,
                 const char *count, const char *prefix,
                 struct message *m)
{
    char path[PATH_ROOM];
    struct configuration c;
    struct corpus corpus = {0};
    struct trainer trainer = {0};
    struct profile profile = {0};
    size_t windows;
    if (o->operands > 1)
        return fail(m, EX_USAGE, "%s: one checkpoint at a time",
                    o->operand[1]);
    if (o->operands != 1 || !text)
        return fail(m, EX_USAGE, "a checkpoint and --data FILE are"
                    " wanted");
    bool good = options_number(&windows, "windows", count, 1, 1000000,
                               m)
             && checkpoint_path(path, o->operand[0], m)
             && checkpoint_read_configuration(&c, path, m)
             && corpus_open(&corpus, text, text, c.context, m)
             && trainer_open_to_evaluate(&trainer, &c, &cpu, &corpus, m)
             && checkpoint_read_weights(&trainer.model, path, m)
             && profile_measure(&profile, &trainer, windows, m);
    if (good) {
        print_profile(&profile);
        good = write_files(prefix, &profile, m);
        profile_close(&profile);
    }
    trainer_close(&trainer);
    corpus_close(&corpus);
    return good;
}

// Draw the gains of a run
enum { NORM, FORWARD, BACKWARD, FIGURES };

static void take_figures(struct curve *curve, const char *line)
{
    static const char *const key[FIGURES] = {
        "\"gradient_norm\":", "\"forward\":", "\"backward\":" };
    double step;
    if (sscanf(line, "{\"step\":%lf", &step) != 1)
        return;
    for (size_t k = 0; k < FIGURES; k++) {
        struct points *p = &curve[k].points;
        const char *at = strstr(line, key[k]);
        if (!at)
            continue;
        p->x[p->count] = step;
        p->y[p->count++] = strtod(at + strlen(key[k]), NULL);
    }
}

// Read the figures of a log
static bool read_figures(struct curve *curve, double **room, char **log,
                         const char *run, struct message *m)
{
    char path[PATH_ROOM];
    unsigned char *byte = NULL;
    size_t size, lines = 1;
    if (snprintf(path, PATH_ROOM, "%s/log.jsonl", run) >= PATH_ROOM)
        return fail(m, EX_USAGE, "%.80s...: the path is too long", run);
    if (!corpus_read(&byte, &size, path, m))
        return false;
    *log = (char *)byte;
    for (size_t i = 0; i < size; i++)
        lines += byte[i] == '\n';
    *room = memory_new(2 * FIGURES * lines, sizeof **room, m);
    if (!*room)
        return false;
    for (size_t k = 0; k < FIGURES; k++) {
        curve[k].points.x = *room + 2 * k * lines;
        curve[k].points.y = curve[k].points.x + lines;
    }
    // Take the figures of whole lines
    for (char *line = *log; line < *log + size; ) {
        char *end = memchr(line, '\n', (size_t)(*log + size - line));
        if (!end)
            break;
        *end = 0;
        take_figures(curve, line);
        line = end + 1;
    }
    return curve[NORM].points.count > 0
        || fail(m, EX_DATAERR, "%s: no step is in this log yet", path);
}

static bool draw_history(const struct options *o, const char *prefix,
                         struct message *m)
{
    struct curve curve[FIGURES] = { { "gradient norm", { 0 } },
                                    { "gain, forward", { 0 } },
                                    { "gain, backward", { 0 } } };
    char svg[PATH_ROOM], *log = NULL;
    double *room = NULL;
    if (o->operands != 1)
        return fail(m, EX_USAGE, "which run? mhc gain runs/NAME"
                    " --history");
    if (snprintf(svg, PATH_ROOM, "%s.svg", prefix) >= PATH_ROOM)
        return fail(m, EX_USAGE, "%.80s...: the path is too long",
                    prefix);
    bool good = read_figures(curve, &room, &log, o->operand[0], m)
             && decades_write(svg, "step", curve, FIGURES, m)
             && printf("%s\n", svg) > 0;
    memory_free(room);
    memory_free(log);
    return good;
}

int command_gain(int argc, char **argv)
{
    const char *data = NULL, *windows = "4", *out = "gain",
               *history = NULL;
    const struct own_option own[] = {
        {"data", "FILE", "the text to look at", &data},
        {"windows", "N", "how many windows of it, spread evenly (4)",
         &windows},
        {"out", "PREFIX", "where PREFIX.csv and PREFIX.svg go (gain)",
         &out},
        {"history", NULL, "draw what a run's log says of gain and"
         " gradient norm, step by step, instead", &history},
        {0}};
    const struct request request = {"gain", "CHECKPOINT",
        "The gain of a checkpoint's mixing (or of a run's latest): how"
        " far each sublayer, and all of them up to it or from it on,"
        " stretch what passes, averaged over the tokens.\n\v"
        "For instance:\n"
        "  mhc gain runs/run --data data/persuasion.txt\n"
        "  mhc gain runs/run --history", own, false};
    struct options options = {0};
    struct message m = {0};
    if (options_read(&options, &request, argc, argv, &m)
        && (history ? draw_history(&options, out, &m)
                    : gain(&options, data, windows, out, &m)))
        return 0;
    return options_report(&request, &m);
}
