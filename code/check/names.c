#include "check/check.h"
#include "ground/memory.h"
#include <ctype.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

// The table of names
#define PARAMETER(d, p) d "sublayer.%l.mhc." p
const struct check_name check_names[ITEMS] = {
    [STREAMS] = {"streams", "TnC", "what it starts from",
                 "site.%l.streams"},
    [PHI] = {"phi", "KN", "pre, post, res; [nC, K] is read too",
             PARAMETER("", "phi")},
    [ALPHA] = {"alpha", "3", "factors of pre, post, res",
               PARAMETER("", "alpha")},
    [BIAS] = {"bias", "K", "biases: pre, post, res by rows",
              PARAMETER("", "bias")},
    [ANSWER] = {"answer", "TC", "the sublayer's", "site.%l.answer"},
    [DNEXT] = {"dnext", "TnC", "gradient by next", "site.%m.dstreams"},
    [DINPUT] = {"dinput", "TC", "gradient by input", "site.%l.dinput"},
    [H_PRE] = {"h_pre", "Tn", "sigma of its logits", "site.%l.h_pre"},
    [H_POST] = {"h_post", "Tn", "2 sigma of its logits",
                "site.%l.h_post"},
    [H_RES] = {"h_res", "Tnn", "the mix; row: next (released: old)",
               "site.%l.h_res"},
    [INPUT] = {"input", "TC", "what is read, before any norm",
               "site.%l.input"},
    [NEXT] = {"next", "TnC", "the streams after the boundary",
              "site.%m.streams"},
    [EXIT] = {"exit", "TC", "the mean of next", "site.%m.input"},
    [DSTREAMS] = {"dstreams", "TnC", "gradient by streams",
                  "site.%l.dstreams"},
    [DPHI] = {"dphi", "KN", "by phi; [nC, K] is read too",
              PARAMETER("d.", "phi")},
    [DALPHA] = {"dalpha", "3", "by alpha", PARAMETER("d.", "alpha")},
    [DBIAS] = {"dbias", "K", "by bias", PARAMETER("d.", "bias")},
    [DANSWER] = {"danswer", "TC", "by answer", "site.%l.danswer"},
};

// The size behind a letter
static size_t size_of(const struct boundary *b, char letter)
{
    size_t n = b->streams;
    switch (letter) {
    case 'T': return b->tokens;
    case 'n': return n;
    case 'C': return b->width;
    case 'N': return n * b->width;
    case 'K': return n * (n + 2);
    default: return 3;
    }
}
size_t check_size(const struct boundary *b, enum item role)
{
    size_t count = 1;
    for (const char *l = check_names[role].shape; *l != '\0'; l++)
        count *= size_of(b, *l);
    return count;
}

// Find a tensor of the check
enum { NAME_ROOM = 64 };

/* has this site a sublayer, or is it the exit? */
static bool is_crossed(const struct safetensors *s, size_t site)
{
    char name[NAME_ROOM];
    snprintf(name, sizeof name, "site.%zu.answer", site);
    return safetensors_find(s, name) != NULL;
}

static const struct entry *find(char name[NAME_ROOM],
                                const struct safetensors *s,
                                enum item role, size_t site)
{
    const char *from = check_names[role].traced;
    if (site == SIZE_MAX) {
        snprintf(name, NAME_ROOM, "%s", check_names[role].name);
        return safetensors_find(s, name);
    }
    if (role == EXIT && is_crossed(s, site + 1))
        return NULL;
    char *to = name;
    for (; *from != '\0'; from++)
        if (*from != '%')
            *to++ = *from;
        else
            to += sprintf(to, "%zu", site + (*++from == 'm'));
    *to = '\0';
    return safetensors_find(s, name);
}

// Compare a shape
/* the sizes in text, from the right, ones left out; then what remains
   on the left is T; exchanged: the two sizes change places */
static bool shape_fits(const struct entry *e, const struct boundary *b,
                       const char *shape, bool exchanged)
{
    size_t want[4], wants = 0, d = e->rank, letters = strlen(shape);
    bool tokens = *shape == 'T';
    for (size_t i = tokens; i < letters; i++)
        want[wants++] = size_of(b, shape[i]);
    if (exchanged) {
        size_t first = want[0];
        want[0] = want[1];
        want[1] = first;
    }
    while (wants > 0) {
        if (d > 0 && e->shape[d - 1] == want[wants - 1])
            d--, wants--;
        else if (want[wants - 1] == 1)
            wants--;
        else if (d > 0 && e->shape[d - 1] == 1)
            d--;
        else
            return false;
    }
    size_t rest = 1;
    while (d > 0)
        rest *= e->shape[--d];
    return rest == (tokens ? b->tokens : 1);
}

// Convert the numbers of a tensor
static bool convert(double *to, const struct safetensors *s,
                    const struct entry *e, size_t rows, size_t columns,
                    bool exchanged, struct message *m)
{
    size_t each = e->type->bytes, count = rows * columns;
    unsigned char *bytes = memory_new(count, each, m);
    bool good = bytes != NULL
        && safetensors_bytes(bytes, s, e->begin, count * each, m);
    for (size_t i = 0; good && i < count; i++) {
        size_t from = exchanged ? i % columns * rows + i / columns : i;
        to[i] = e->type->number(bytes + from * each);
        if (!(to[i] - to[i] == 0))
            good = refuse(s, e->name, m, "element %zu is %g", from,
                          to[i]);
    }
    memory_free(bytes);
    return good;
}

// Take one tensor
static void notice(struct check_file *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void notice(struct check_file *f, const char *format, ...)
{
    size_t used = strlen(f->notices), room = NOTICES - used;
    va_list arguments;
    va_start(arguments, format);
    int needs = vsnprintf(f->notices + used, room, format, arguments);
    va_end(arguments);
    if (needs < 0 || (size_t)needs + 2 > room)
        f->notices[used] = '\0';
    else
        strcat(f->notices, "\n");
}

static bool wrong_shape(const struct safetensors *s,
                        const struct entry *e, const struct boundary *b,
                        const char *shape, struct message *m)
{
    char got[128] = "", want[128] = "";
    for (size_t d = 0, at = 0; d < e->rank && at < 100; d++)
        at += (size_t)snprintf(got + at, sizeof got - at, "%s%zu",
                               d > 0 ? "," : "", e->shape[d]);
    for (size_t i = 0, at = 0; shape[i] != '\0'; i++)
        at += (size_t)snprintf(want + at, sizeof want - at, "%s%zu",
                               i > 0 ? "," : "", size_of(b, shape[i]));
    return refuse(s, e->name, m, "its shape is [%s], expected [%s]",
                  got, want);
}

static bool take(struct check_file *f, const struct safetensors *s,
                 enum item role, const struct entry *e, double *to,
                 struct message *m)
{
    const struct boundary *b = &f->hers;
    const char *shape = check_names[role].shape;
    bool exchanged = false;
    if (!shape_fits(e, b, shape, false)) {
        exchanged = role == PHI || role == DPHI;
        if (!exchanged || !shape_fits(e, b, shape, true))
            return wrong_shape(s, e, b, shape, m);
    }
    if (e->type->number == NULL)
        return refuse(s, e->name, m, "dtype %s is not one of F64, F32, "
                      "BF16, F16", e->type->name);
    if (role == PHI && size_of(b, 'N') == size_of(b, 'K'))
        notice(f, "phi is square: it is read as [K, nC], one row for "
               "each coefficient");
    size_t count = (e->end - e->begin) / e->type->bytes;
    size_t columns = exchanged ? size_of(b, 'N') : count;
    f->type[role] = e->type;
    f->hers.at[role] = to;
    return convert(to, s, e, count / columns, columns, exchanged, m);
}

// Learn the sizes
static bool learn_sizes(struct boundary *b, const struct safetensors *s,
                        const struct entry *e, struct message *m)
{
    if (e->rank < 3)
        return refuse(s, e->name, m, "it has %zu dimensions, streams "
                      "have [tokens, n, C]", e->rank);
    *b = (struct boundary){ .tokens = 1,
        .streams = e->shape[e->rank - 2],
        .width = e->shape[e->rank - 1] };
    for (size_t d = 0; d + 2 < e->rank; d++)
        b->tokens *= e->shape[d];
    if (b->streams < 1 || b->streams > REFERENCE_STREAMS)
        return refuse(s, e->name, m, "%zu streams are not 1 to %d",
                      b->streams, REFERENCE_STREAMS);
    if (b->tokens == 0 || b->width == 0)
        return refuse(s, e->name, m, "it has no elements");
    return true;
}

// Read the rules
static bool read_rule(double *value, const struct safetensors *s,
                      const char *key, double least, double most,
                      struct message *m)
{
    const char *text = safetensors_text(s, key);
    char *end;
    if (text == NULL)
        return true;
    *value = strtod(text, &end);
    if (end == text || *end != '\0' || !(*value >= least)
        || !(*value <= most))
        return refuse(s, NULL, m, "metadata %s: %.63s is no number from"
                      " %g to %g", key, text, least, most);
    return true;
}

static bool read_settings(struct settings *r,
                          const struct safetensors *s,
                          struct message *m)
{
    double iterations = 20;
    *r = (struct settings){ .norm_epsilon = 1e-6,
                            .sinkhorn_epsilon = 1e-6 };
    bool good = read_rule(&iterations, s, "iterations", 1,
                          REFERENCE_ITERATIONS, m)
        && read_rule(&r->norm_epsilon, s, "norm_epsilon", 0, 1, m)
        && read_rule(&r->sinkhorn_epsilon, s, "sinkhorn_epsilon", 0, 1,
                     m);
    r->iterations = (size_t)iterations;
    if (good && iterations != (double)r->iterations)
        return refuse(s, NULL, m, "metadata iterations: %g is not "
                      "whole", iterations);
    return good;
}

// Are two names nearly the same?
enum { LETTERS = 24 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* letters to be changed, put in or taken out, capitals being small */
static size_t edits(const char *a, const char *b)
{
    size_t row[LETTERS + 1], length = strlen(b);
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t same = corner
                + (tolower((unsigned char)a[i - 1])
                   != tolower((unsigned char)b[j - 1]));
            corner = row[j];
            row[j] = least(same, 1 + least(row[j], row[j - 1]));
        }
    }
    return row[length];
}

static bool is_near(const char *name, const char *known)
{
    size_t a = strlen(name), b = strlen(known);
    if (a > LETTERS || b > LETTERS || a < 2)
        return false;
    return edits(name, known) <= (b < 5 ? 1U : 2U)
        || (a > 3 && strncmp(name, known, least(a, b)) == 0);
}

// Say what is left alone
static const char *meant(const char *name)
{
    for (int i = 0; i < ITEMS; i++)
        if (is_near(name, check_names[i].name))
            return check_names[i].name;
    return NULL;
}

static bool is_known(const char *name)
{
    for (int i = 0; i < ITEMS; i++)
        if (strcmp(name, check_names[i].name) == 0)
            return true;
    return false;
}

static void say_left_alone(struct check_file *f, const char *what,
                           const char *name, const char *instead)
{
    char text[64];
    snprintf(text, sizeof text, "%s", name);
    printable(text);
    if (instead != NULL)
        notice(f, "%s %s is left alone: is %s meant?", what, text,
               instead);
    else
        notice(f, "%s %s is left alone", what, text);
}

static void find_left_alone(struct check_file *f,
                            const struct safetensors *s)
{
    static const char *const keys[] = { "iterations", "norm_epsilon",
                                        "sinkhorn_epsilon" };
    const char *key;
    json_t *value;
    for (size_t i = 0; i < s->used; i++)
        if (!is_known(s->list[i].name))
            say_left_alone(f, "tensor", s->list[i].name,
                           meant(s->list[i].name));
    json_object_foreach(json_object_get(s->header, "__metadata__"),
                        key, value) {
        const char *near = NULL;
        bool known = strcmp(key, "format") == 0;
        for (size_t i = 0; i < 3; i++) {
            known = known || strcmp(key, keys[i]) == 0;
            near = is_near(key, keys[i]) ? keys[i] : near;
        }
        if (!known)
            say_left_alone(f, "metadata", key, near);
    }
}

// Read a check file
static bool missing(const struct safetensors *s, const char *name,
                    size_t site, struct message *m)
{
    size_t sublayers = 0;
    const char *kind = safetensors_text(s, "connection");
    while (is_crossed(s, sublayers))
        sublayers++;
    if (sublayers > 0 && kind != NULL && strcmp(kind, "mhc") != 0)
        return refuse(s, NULL, m, "it is a trace of the kind %.31s, "
                      "and only boundaries of mhc can be checked",
                      kind);
    if (sublayers > 0 && site >= sublayers)
        return refuse(s, name, m, "it is missing; this is a trace: add"
                      " --site, 0 to %zu", sublayers - 1);
    for (size_t i = 0; i < s->used; i++)
        if (is_near(s->list[i].name, name))
            return refuse(s, name, m, "it is missing; is %.63s meant?",
                          s->list[i].name);
    return refuse(s, name, m, "it is missing");
}

bool check_read(struct check_file *f, const struct safetensors *s,
                size_t site, struct message *m)
{
    char name[NAME_ROOM];
    const struct entry *e = find(name, s, STREAMS, site);
    size_t all = 0;
    *f = (struct check_file){ .memory = NULL };
    if (e == NULL)
        return missing(s, name, site, m);
    if (!learn_sizes(&f->hers, s, e, m)
        || !read_settings(&f->settings, s, m))
        return false;
    for (int role = STREAMS; role < ITEMS; role++) {
        e = find(name, s, (enum item)role, site);
        all += e == NULL ? 0 : (e->end - e->begin) / e->type->bytes;
    }
    f->memory = memory_new(all, sizeof *f->memory, m);
    double *to = f->memory;
    bool good = to != NULL;
    for (int role = STREAMS; good && role < ITEMS; role++) {
        e = find(name, s, (enum item)role, site);
        if (e == NULL && role <= BIAS)
            good = missing(s, name, site, m);
        if (e == NULL)
            continue;
        good = take(f, s, (enum item)role, e, to, m);
        to += (e->end - e->begin) / e->type->bytes;
    }
    if (good && site == SIZE_MAX)
        find_left_alone(f, s);
    if (!good)
        check_close(f);
    return good;
}

void check_close(struct check_file *f)
{
    memory_free(f->memory);
    *f = (struct check_file){ .memory = NULL };
}

// Open a check file
bool check_open(struct check_file *f, const char *path, size_t site,
                struct message *m)
{
    struct safetensors s;
    if (!safetensors_open(&s, path, m))
        return false;
    bool good = check_read(f, &s, site, m);
    safetensors_close(&s);
    return good;
}

// Print the names
void check_print_names(FILE *out)
{
    for (int i = 0; i < ITEMS; i++) {
        const struct check_name *c = &check_names[i];
        char shape[32], *at = shape;
        for (const char *l = c->shape; *l != '\0'; l++)
            at += sprintf(at, *l == 'N' ? "%snC" : "%s%c",
                          l == c->shape ? "" : ", ", *l);
        fprintf(out, "%-10s [%s]%*s %s\n", c->name, shape,
                (int)(10 - strlen(shape)), "", c->what);
    }
}
