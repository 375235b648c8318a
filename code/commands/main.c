#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
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
// Begin with what the libraries look for
static const char *setting(char **environment, const char *name)
{
    size_t length = strlen(name);
    for (; *environment != NULL; environment++)
        if (strncmp(*environment, name, length) == 0
            && (*environment)[length] == '=')
            return *environment + length + 1;
    return NULL;
}

static void set_libraries(int argc, char **argv, char **environment)
{
    static char one[] = "OPENBLAS_NUM_THREADS=1";
    static char passive[] = "OMP_WAIT_POLICY=passive";
    size_t all = 0, used = 0;
    const char *threads = setting(environment, "OPENBLAS_NUM_THREADS");
    while (environment[all++] != NULL)
        ;
    char *list[all + 2];
    if (threads == NULL || strcmp(threads, "1") != 0)
        list[used++] = one;
    if (setting(environment, "OMP_WAIT_POLICY") == NULL
        && setting(environment, "GOMP_SPINCOUNT") == NULL)
        list[used++] = passive;
    memcpy(list + used, environment, all * sizeof *list);
    if (used > 0)
        execve("/proc/self/exe", argv, list);
    (void)argc;
}

__attribute__((section(".preinit_array"), used))
static void (*before_libraries)(int, char **, char **) = set_libraries;
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
// End where JSON finds no memory
static void *json_memory(size_t size)
{
    void *p = malloc(size);
    if (p == NULL) {
        fprintf(stderr, "mhc: no memory for %zu bytes of JSON\n", size);
        exit(EX_OSERR);
    }
    return p;
}
// End where a library finds no memory
static void crash(int number)
{
    static const char line[] = "mhc: stopped by a fault of its own, "
        "or a library got no memory (ulimit -v?); "
        "what was saved is whole\n";
    (void)!write(STDERR_FILENO, line, sizeof line - 1);
    signal(number, SIG_DFL);
    raise(number);
}

/* unless somebody does already: a sanitizer */
static void catch_crash(void)
{
    static const int ends[] = { SIGSEGV, SIGABRT };
    struct sigaction was;
    for (size_t i = 0; i < 2; i++)
        if (sigaction(ends[i], NULL, &was) == 0
            && was.sa_handler == SIG_DFL)
            signal(ends[i], crash);
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
    json_set_alloc_funcs(json_memory, free);
    catch_crash();
    return arrived(answer(argc, argv));
}
