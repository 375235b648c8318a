#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include "check/check.h"
#include "commands/commands.h"
#include "commands/options.h"

static const char *site, *precision, *names, *convention;
static bool disagrees;

// Check a file
static time_t begun, said;

static void say_how_far(size_t done, size_t jobs)
{
    time_t now = time(NULL);
    if (now < begun + 3 || now < said + 10)
        return;
    said = now;
    fprintf(stderr, "mhc check: %zu of %zu calculations so far\n",
            done, jobs);
}

static bool find_convention(struct check *c, struct message *m)
{
    if (convention && strcmp(convention, "paper") == 0)
        c->only = ONLY_PAPER;
    else if (convention && strcmp(convention, "released") == 0)
        c->only = ONLY_RELEASED;
    else if (convention)
        return fail(m, EX_USAGE, "--convention %s: it is paper or"
                    " released", convention);
    return true;
}

static bool check(const struct options *o, struct message *m)
{
    static struct check c;
    size_t at = SIZE_MAX;
    c.progress = say_how_far;
    begun = time(NULL);
    if (names) {
        check_print_names(stdout);
        return true;
    }
    if (o->operands != 1)
        return fail(m, EX_USAGE, "one file is wanted; --names lists "
                    "what belongs in it");
    if (!find_convention(&c, m)
        || (site && !options_number(&at, "site", site, 0, 100000, m))
        || !check_open(&c.file, o->operand[0], at, m))
        return false;
    bool good = check_run(&c, precision, m);
    if (good) {
        check_print(stdout, &c);
        const struct verdict *v = &c.whole.verdict[c.best];
        disagrees = v->agree < v->of;
    }
    check_close(&c.file);
    return good;
}

int command_check(int argc, char **argv)
{
    const struct own_option own[] = {
        {"site", "L", "FILE is a trace: check its sublayer L", &site},
        {"precision", "TYPE", "the coarsest type you calculate in: f64,"
         " f32, tf32, f16, bf16" ", e4m3, e5m2",
         &precision},
        {"convention", "paper|released", "judge by one only",
         &convention},
        {"names", NULL, "list names and shapes", &names},
        {0}};
    const struct request request = {"check", "FILE",
        "What your code made of one boundary of mHC, tensor by tensor"
        " against a reference in double; status 0 if all agree, 1 if"
        " not.\n\vFor instance:\n  mhc check mine.safetensors\n"
        "  mhc check --names\n"
        "  mhc check trace.safetensors --site 3", own, false, false};
    int status = options_run(&request, argc, argv, check);
    return disagrees ? 1 : status;
}
