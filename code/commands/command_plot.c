#include <stdio.h>
#include <sysexits.h>
#include "checkpoint/durable.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "ground/memory.h"
#include "journal/journal.h"
#include "plot/plot.h"

static const char *output = "loss.svg";

// Draw the runs that were named
// Keep the picture apart from a log
static bool keep_apart(const char *run, struct message *m)
{
    char log[PATH_ROOM];
    snprintf(log, sizeof log, "%s/log.jsonl", run);
    const char *const read[] = {run, log, NULL};
    return durable_apart(output, read, m);
}

static bool draw_runs(const struct options *o, struct message *m)
{
    if (o->operands == 0)
        return fail(m, EX_USAGE, "which run? mhc plot runs/NAME");
    struct history *run = memory_new(o->operands, sizeof *run, m);
    bool good = run != NULL;
    size_t read = 0;
    while (good && read < o->operands
           && keep_apart(o->operand[read], m)
           && history_read(&run[read], o->operand[read], m))
        fputs(run[read++].warnings, stderr);
    good = good && read == o->operands
        && plot_write(output, run, o->operands, m);
    if (good)
        fprintf(durable_aside(output), "%s: %zu run%s\n", output,
                o->operands, o->operands == 1 ? "" : "s");
    for (size_t r = 0; r < read; r++)
        history_free(&run[r]);
    memory_free(run);
    return good;
}

int command_plot(int argc, char **argv)
{
    const struct own_option own[] = {
        {"output", "FILE", "where the SVG goes (loss.svg)", &output},
        {0}};
    const struct request request = {
        "plot", "RUN...", "Draws the losses of one or several runs,"
        " with the unigram and the bigram line of the first.\n\v"
        "For instance:\n"
        "  mhc plot runs/austen runs/austen-2 --output both.svg", own,
        false, false};
    return options_run(&request, argc, argv, draw_runs);
}
