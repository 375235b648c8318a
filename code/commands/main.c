#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "commands/commands.h"
#include "ground/real.h"

static const struct command commands[] = {
    // Commands
    {"train", command_train, "train a model, or go on with a run"},
    {"evaluate", command_evaluate, "loss of a checkpoint on held-out text"},
    {"info", command_info, "sizes, parameters, memory"},
    {"plot", command_plot, "draw the losses of one or several runs"},
    {"bench", command_bench, "speed, as ratios measured in one run"},
    {"sample", command_sample, "let a checkpoint write"},
    {"gain", command_gain, "how far the mixing stretches what passes"},
    {"upcycle", command_upcycle, "give a residual checkpoint more streams"},
    {"check", command_check, "judge another implementation of mHC"},
    {"trace", command_trace, "everything of one batch, by name, in a file"},
    {NULL, NULL, NULL}
};

// Open the standard streams
static void open_standard_streams(void)
{
    static const int mode[] = {O_WRONLY, O_RDONLY, O_WRONLY};
    for (int k = 0; k < 3; k++)
        if (fcntl(k, F_GETFD) < 0 && open("/dev/null", mode[k]) != k)
            _exit(EX_OSERR);
}
// Let waiting threads sleep
static void sleep_while_waiting(char **argv)
{
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT"))
        return;
    setenv("OMP_WAIT_POLICY", "passive", 1);
    execv("/proc/self/exe", argv);
}
// Show what there is to type
static void usage(FILE *out)
{
    fprintf(out, "Usage: mhc COMMAND [OPTION...]\n\n"
            "A transformer trainer, explained line by line.\n\n");
    for (const struct command *c = commands; c->name; c++)
        fprintf(out, "  %-10s %s\n", c->name, c->summary);
    fprintf(out, "\nFor instance:\n"
            "  mhc train --data data/austen.txt"
            " --held-out data/persuasion.txt\n"
            "  mhc COMMAND --help    options and examples\n");
}
// Answer a call
static int answer(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    for (const struct command *c = commands; c->name; c++)
        if (strcmp(verb, c->name) == 0)
            return c->run(argc - 1, argv + 1);
    // Answer a call without a known command
    bool help = strcmp(verb, "--help") == 0 || strcmp(verb, "help") == 0;
    if (help || argc < 2) {
        usage(help ? stdout : stderr);
        return help ? 0 : EX_USAGE;
    }
    if (strcmp(verb, "--version") == 0) {
        printf("mhc %s (%s)\n", MHC_VERSION, REAL_NAME);
        return 0;
    }
    fprintf(stderr, "mhc: %s: no such command; "
            "mhc --help lists them\n", verb);
    return EX_USAGE;
}
// Look whether all has arrived
static int arrived(int status)
{
    errno = 0;
    bool good = !ferror(stdout);
    good = fclose(stdout) == 0 && good;
    if (!good && status == 0) {
        fprintf(stderr, "mhc: standard output: %s\n",
                errno ? strerror(errno) : "not all could be written");
        return EX_IOERR;
    }
    return status || !ferror(stderr) ? status : EX_IOERR;
}

int main(int argc, char **argv)
{
    open_standard_streams();
    signal(SIGXFSZ, SIG_IGN);
    sleep_while_waiting(argv);
    return arrived(answer(argc, argv));
}
