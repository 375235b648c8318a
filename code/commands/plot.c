#include <stdio.h>
#include <sysexits.h>
#include "commands/commands.h"
#include "commands/options.h"
#include "ground/memory.h"
#include "plot/plot.h"

// Draw the runs that were named
static bool draw_runs(const struct options *o, const char *output,
                      struct message *m)
{
    if (o->operands == 0)
        return fail(m, EX_USAGE, "which run? mhc plot runs/NAME");
    struct history *run = memory_new(o->operands, sizeof *run, m);
    bool good = run != NULL;
    size_t read = 0;
    while (good && read < o->operands
           && history_read(&run[read], o->operand[read], m))
        fputs(run[read++].warnings, stderr);
    good = good && read == o->operands;
    if (good && plot_write(output, run, o->operands, m))
        printf("%s: %zu run%s\n", output, o->operands,
               o->operands == 1 ? "" : "s");
    else
        good = false;
    for (size_t r = 0; r < read; r++)
        history_free(&run[r]);
    memory_free(run);
    return good;
}

int command_plot(int argc, char **argv)
{
    const char *output = "loss.svg";
    const struct own_option own[] = {
        {"output", "FILE", "where the SVG goes (loss.svg)", &output},
        {0}};
    const struct request request = {
        "plot", "RUN...", "Draws the losses of one or several runs,"
        " with the unigram and the bigram line of the first.\n\v"
        "For instance:\n"
        "  mhc plot runs/austen runs/austen-2 --output both.svg", own,
        false};
    struct options options = {0};
    struct message m = {0};
    if (options_read(&options, &request, argc, argv, &m)
        && draw_runs(&options, output, &m))
        return 0;
    return options_report(&request, &m);
}
