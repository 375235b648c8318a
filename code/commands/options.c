#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "commands/options.h"
#include "model/kinds.h"

enum { FIELD = 1000, OWN = 2000, OWN_END = 3000, DEVICE, PRECISION };

struct reading {
    const struct request *request;
    struct options *options;
    struct message *message;
    const struct argp_option *list;
    bool help;
    const char *device, *precision;
};

// Say what is wrong with an option
static void explain(const struct reading *r, const char *word)
{
    const char *name = word + strspn(word, "-");
    const char *which = r->request->command;
    size_t length = strcspn(name, "="), fits = 0;
    const struct argp_option *found[2] = {NULL, NULL}, *o = r->list;
    for (; o->name || o->doc; o++)
        if (o->name && strncmp(o->name, name, length) == 0) {
            found[fits++ > 0] = o;
            if (strlen(o->name) == length)
                break;
        }
    if (fits == 0 || word[1] != '-')
        fail(r->message, EX_USAGE, "%.80s: unknown option; see mhc %s"
             " --help", word, which);
    else if (fits > 1 && !(o->name || o->doc))
        fail(r->message, EX_USAGE, "%.80s: is it --%s or --%s? See mhc"
             " %s --help", word, found[0]->name, found[1]->name, which);
    else if (name[length] == '=')
        fail(r->message, EX_USAGE, "%.80s: --%s takes no value", word,
             found[fits > 1]->name);
    else
        fail(r->message, EX_USAGE, "%s: its value is missing: --%s %s",
             word, found[fits > 1]->name, found[fits > 1]->arg);
}
// Take one option
static error_t take(int key, char *text, struct argp_state *state)
{
    struct reading *r = state->input;
    if (key >= FIELD && key < FIELD + MOST_FIELDS) {
        const struct field *f = &configuration_fields[key - FIELD];
        r->options->given[key - FIELD] = true;
        return configuration_set(&r->options->configuration, f->name,
                                 text ? text : "yes", r->message)
               ? 0 : EINVAL;
    }
    if (key >= OWN && key < OWN_END) {
        *r->request->own[key - OWN].text = text ? text : "";
        return 0;
    }
    if (key == DEVICE || key == PRECISION) {
        *(key == DEVICE ? &r->device : &r->precision) = text;
        return 0;
    }
    if (key == 'h')
        r->help = true;
    // Keep an operand, or refuse it
    if (key == ARGP_KEY_ARG) {
        if (!r->request->operands) {
            fail(r->message, EX_USAGE, "%s: what is this? mhc %s takes"
                 " options only; see mhc %s --help", text,
                 r->request->command, r->request->command);
            return EINVAL;
        }
        r->options->operand[r->options->operands++] = text;
        return 0;
    }
    if (key == ARGP_KEY_ERROR && !r->message->status)
        explain(r, state->argv[state->next > 0 ? state->next - 1 : 0]);
    return key == 'h' ? 0 : ARGP_ERR_UNKNOWN;
}
// List the options for argp
static size_t list_options(struct argp_option *list,
                           const struct request *r)
{
    size_t n = 0;
    for (size_t i = 0; r->own && r->own[i].name; i++)
        list[n++] = (struct argp_option){
            .name = r->own[i].name, .key = OWN + (int)i,
            .arg = r->own[i].argument, .doc = r->own[i].help,
            .group = 1};
    if (r->device) {
        list[n++] = (struct argp_option){.name = "device",
            .key = DEVICE, .arg = "NAME", .doc = "what computes: cpu"
            " (cpu)", .group = 1};
        list[n++] = (struct argp_option){.name = "precision",
            .key = PRECISION, .arg = "NAME", .doc = "how numbers are"
            " kept: single" ", bf16"
                            ", fp8"
                            ", fp8-streams, fp8-streams-stochastic, fp8-streams-mean" " (single)",
            .group = 1};
    }
    for (int change = 0; r->fields && change < 2; change++) {
        list[n++] = (struct argp_option){
            .doc = change == FIXED ? "Fixed once a run has begun:"
                                   : "May change when a run goes on:",
            .group = 2 + change};
        for (size_t i = 0; configuration_fields[i].name; i++)
            if ((int)configuration_fields[i].change == change)
                // Add field i to the list
                list[n++] = (struct argp_option){
                    .name = configuration_fields[i].name, .key = FIELD + (int)i,
                    .arg = configuration_fields[i].unit,
                    .flags = configuration_fields[i].type == SWITCH
                             ? OPTION_ARG_OPTIONAL : 0,
                    .doc = configuration_fields[i].help, .group = 2 + change};
    }
    list[n++] = (struct argp_option){.name = "help", .key = 'h',
        .doc = "show this", .group = 9};
    return n;
}
// Say whether a field was given
static bool is_given(const struct options *o, const char *name)
{
    return o->given[field_find(configuration_fields, name)
                    - configuration_fields];
}
// Read a command line
bool options_read(struct options *o, const struct request *r,
                  int argc, char **argv, struct message *m)
{
    struct argp_option list[2 * MOST_FIELDS] = {{0}};
    list_options(list, r);
    struct argp argp = {.options = list, .parser = take,
                        .args_doc = r->operands, .doc = r->help};
    char name[32];
    snprintf(name, sizeof name, "mhc %s", r->command);
    o->operand = argv;
    o->operands = 0;
    struct reading reading = {r, o, m, list, false, NULL, NULL};
    error_t e = argp_parse(&argp, argc, argv, ARGP_NO_ERRS
                           | ARGP_NO_HELP | ARGP_NO_EXIT, NULL,
                           &reading);
    if (reading.help && !m->status) {
        argp_help(&argp, stdout, ARGP_HELP_STD_HELP
                  & ~(unsigned)ARGP_HELP_EXIT_OK, name);
        return false;
    }
    if (e && !m->status)
        fail(m, EX_USAGE, "the options do not parse; see %s --help",
             name);
    // Work out what was not given
    struct configuration *c = &o->configuration;
    const struct connection *k = connection_find(c->connection);
    if (r->fields && k && !is_given(o, "streams"))
        c->streams = k->most_streams > 1 ? 4 : 1;
    if (r->fields && !is_given(o, "warmup") && c->steps / 10 < c->warmup)
        c->warmup = c->steps / 10;
    // Open the device
    static struct device device;
    if (m->status == 0 && r->device
        && device_open(&device, reading.device, reading.precision, m))
        o->device = &device;
    o->precision = reading.precision;
    return m->status == 0;
}
// Report what went wrong
int options_report(const struct request *r, const struct message *m)
{
    if (m->status == 0)
        return 0;
    fprintf(stderr, "mhc %s: %s\n", r->command, m->text);
    return m->status;
}

int options_run(const struct request *r, int argc, char **argv,
                bool (*run)(const struct options *, struct message *))
{
    struct options o = {.configuration = configuration_default()};
    struct message m = {0};
    if (options_read(&o, r, argc, argv, &m) && run(&o, &m)
        && (o.device == NULL || device_finish(o.device, &m)))
        return 0;
    return options_report(r, &m);
}
// Read a whole number
bool options_number(size_t *n, const char *name, const char *text,
                    size_t least, size_t most, struct message *m)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno
        || value < least || value > most)
        return fail(m, EX_USAGE, "--%s %s: a whole number from %zu to"
                    " %zu is wanted", name, text, least, most);
    *n = (size_t)value;
    return true;
}
