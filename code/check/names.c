#include "check/check.h"
#include "ground/memory.h"
#include "model/configuration.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

// The table of names
#define PARAMETER(d, p) d "sublayer.%zu.mhc." p
const struct check_name check_names[ITEMS] = {
    [STREAMS] = {"streams", "TnC", "what it starts from", NULL},
    [PHI] = {"phi", "KN", "pre, post, res; [nC, K] is read too",
             PARAMETER("", "phi")},
    [ALPHA] = {"alpha", "3", "factors of pre, post, res",
               PARAMETER("", "alpha")},
    [BIAS] = {"bias", "K", "biases: pre, post, res by rows",
              PARAMETER("", "bias")},
    [ANSWER] = {"answer", "TC", "the sublayer's", NULL},
    [DNEXT] = {"dnext", "TnC", "gradient by next", "site.%zu.dstreams"},
    [DINPUT] = {"dinput", "TC", "gradient by input", NULL},
    [H_PRE] = {"h_pre", "Tn", "sigma of its logits", NULL},
    [H_POST] = {"h_post", "Tn", "2 sigma of its logits", NULL},
    [H_RES] = {"h_res", "Tnn", "the mix; row: next (released: old)",
               NULL},
    [INPUT] = {"input", "TC", "what is read, before any norm", NULL},
    [NEXT] = {"next", "TnC", "the streams after the boundary",
              "site.%zu.streams"},
    [EXIT] = {"exit", "TC", "the mean of next", "site.%zu.input"},
    [DSTREAMS] = {"dstreams", "TnC", "gradient by streams", NULL},
    [DPHI] = {"dphi", "KN", "by phi; [nC, K] is read too",
              PARAMETER("d.", "phi")},
    [DALPHA] = {"dalpha", "3", "by alpha", PARAMETER("d.", "alpha")},
    [DBIAS] = {"dbias", "K", "by bias", PARAMETER("d.", "bias")},
    [DANSWER] = {"danswer", "TC", "by answer", NULL},
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
    const struct check_name *c = &check_names[role];
    bool next = role == DNEXT || role == NEXT || role == EXIT;
    if (site == SIZE_MAX)
        snprintf(name, NAME_ROOM, "%s", c->name);
    else if (role == EXIT && is_crossed(s, site + 1))
        return NULL;
    else if (c->traced == NULL)
        snprintf(name, NAME_ROOM, "site.%zu.%s", site, c->name);
    else
        snprintf(name, NAME_ROOM, c->traced, site + next);
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
/* exchanged: so many columns were rows; else 1 */
static bool convert(double *to, const struct safetensors *s,
                    const struct entry *e, size_t columns,
                    struct message *m)
{
    size_t each = e->type->bytes, count = (e->end - e->begin) / each;
    size_t rows = count / columns;
    unsigned char *bytes = memory_new(count, each, m);
    bool good = to != NULL && bytes != NULL
        && safetensors_bytes(bytes, s, e->begin, count * each, m);
    for (size_t i = 0; good && i < count; i++) {
        size_t from = i % columns * rows + i / columns;
        to[i] = e->type->number(bytes + from * each);
        if (!(to[i] - to[i] == 0))
            good = refuse(s, e->name, m, "element %zu is %g", from,
                          to[i]);
    }
    memory_free(bytes);
    return good;
}

// Take one tensor
/* a line more, if there is room for all of it */
static void notice(struct check_file *f, const char *line)
{
    if (strlen(f->notices) + strlen(line) + 1 < NOTICES)
        strcat(strcat(f->notices, line), "\n");
}

static bool take(struct check_file *f, const struct safetensors *s,
                 enum item role, const struct entry *e,
                 struct message *m)
{
    const struct boundary *b = &f->hers;
    const char *shape = check_names[role].shape;
    bool exchanged = false;
    if (!shape_fits(e, b, shape, false)) {
        size_t want[4], rank = 0;
        for (; shape[rank] != '\0'; rank++)
            want[rank] = size_of(b, shape[rank]);
        exchanged = role == PHI || role == DPHI;
        if (!exchanged || !shape_fits(e, b, shape, true))
            return safetensors_entry(s, e->name, rank, want, m) != NULL;
    }
    if (e->type->number == NULL)
        return refuse(s, e->name, m, "dtype %s is not one of F64, F32, "
                      "BF16, F16" ", F8_E4M3, F8_E5M2",
                      e->type->name);
    if (role == PHI && size_of(b, 'N') == size_of(b, 'K'))
        notice(f, "phi is square: it is read as [K, nC], one row for "
               "each coefficient");
    f->type[role] = e->type;
    f->hers.at[role] = memory_new((e->end - e->begin) / e->type->bytes,
                                  sizeof(double), m);
    size_t columns = exchanged ? size_of(b, 'N') : 1;
    return convert(f->hers.at[role], s, e, columns, m)
        && check_scale(f, role, s, e, columns, m);
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
    if (text != NULL && (!configuration_number(value, text)
                         || *value < least || *value > most))
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
/* unless it is one of those that are known, which a NULL ends */
static void leave_alone(struct check_file *f, const char *what,
                        const char *name, const char *const *known)
{
    char text[64], line[160];
    const char *near = NULL;
    for (; *known != NULL; known++) {
        if (strcmp(name, *known) == 0)
            return;
        if (near == NULL && is_near(name, *known))
            near = *known;
    }
    snprintf(text, sizeof text, "%s", name);
    printable(text);
    snprintf(line, sizeof line, near
             ? "%s %s is left alone: is %s meant?"
             : "%s %s is left alone", what, text, near);
    notice(f, line);
}

static void find_left_alone(struct check_file *f,
                            const struct safetensors *s)
{
    static const char *const keys[] = { "iterations", "norm_epsilon",
                                        "sinkhorn_epsilon", NULL };
    const char *names[ITEMS + 1] = { NULL }, *key;
    for (int i = 0; i < ITEMS; i++)
        names[i] = check_names[i].name;
    for (size_t i = 0; i < s->used; i++)
        // Pass over scales
        if (!check_is_scale(s, s->list[i].name))
        leave_alone(f, "tensor", s->list[i].name, names);
    for (size_t i = 0; (key = safetensors_key(s, i)) != NULL; i++)
        if (strcmp(key, "format") != 0)
            leave_alone(f, "metadata", key, keys);
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
    bool good = true;
    *f = (struct check_file){ .notices = "" };
    if (e == NULL)
        return missing(s, name, site, m);
    if (!learn_sizes(&f->hers, s, e, m)
        || !read_settings(&f->settings, s, m))
        return false;
    for (enum item role = STREAMS; good && role < ITEMS; role++) {
        e = find(name, s, role, site);
        if (e != NULL)
            good = take(f, s, role, e, m);
        else if (role <= BIAS)
            good = missing(s, name, site, m);
    }
    if (good && site == SIZE_MAX)
        find_left_alone(f, s);
    // Learn how a trace was made
    const char *made = safetensors_text(s, "precision");
    if (good && site != SIZE_MAX && made != NULL)
        snprintf(f->precision, sizeof f->precision, "%s", made);
    if (!good)
        check_close(f);
    return good;
}

void check_close(struct check_file *f)
{
    for (int role = 0; role < ITEMS; role++)
        memory_free(f->hers.at[role]);
    *f = (struct check_file){ .notices = "" };
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
