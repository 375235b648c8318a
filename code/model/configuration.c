#include "model/configuration.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

// The table of fields
#define AT(member) offsetof(struct configuration, member)

const struct field configuration_fields[] = {
    { "layers", COUNT, AT(layers), 1, 4096, FIXED, "N",
      "layers of an attention and a feedforward sublayer each" },
    { "width", COUNT, AT(width), 1, 65536, FIXED, "N",
      "channels of a residual stream" },
    { "heads", COUNT, AT(heads), 1, 4096, FIXED, "N",
      "attention heads; they share the width" },
    { "hidden", COUNT, AT(hidden), 0, 262144, FIXED, "N",
      "channels inside a feedforward sublayer; 0: 8/3 of the width" },
    { "context", COUNT, AT(context), 1, 1048576, FIXED, "N",
      "positions that the model sees at once" },
    { "vocabulary", COUNT, AT(vocabulary), 2, 1048576, FIXED, "N",
      "different tokens; 256 for bytes" },
    { "streams", COUNT, AT(streams), 1, 64, FIXED, "N",
      "residual streams" },
    { "tied", SWITCH, AT(tied), 0, 0, FIXED, "yes|no",
      "use the embedding as the head, too" },
    { "connection", WORD, AT(connection), 0, 0, FIXED, "KIND",
      "how sublayers are connected: "
      "residual"
      ", hc-static, hc, hc-three"
      ", mhc, identity, wide-residual"
      ", mhc-lite, krom" },
    // More fields of the configuration
    { "seed", COUNT, AT(seed), 0, 9007199254740991, FIXED, "N",
      "of all random numbers" },
    { "batch", COUNT, AT(batch), 1, 65536, FREE, "N",
      "sequences that are computed together" },
    { "accumulation", COUNT, AT(accumulation), 1, 65536, FREE, "N",
      "such batches whose gradients make one update" },
    { "steps", COUNT, AT(steps), 1, 1e9, FREE, "N", "updates in all" },
    { "warmup", COUNT, AT(warmup), 0, 1e9, FREE, "N",
      "updates in which the rate rises" },
    { "rate", NUMBER, AT(rate), 1e-12, 1e3, FREE, "RATE",
      "learning rate at its peak" },
    { "floor", NUMBER, AT(floor), 0, 1, FREE, "SHARE",
      "the last rate, as a share of the peak" },
    { "decay", NUMBER, AT(decay), 0, 1e3, FREE, "RATE",
      "decay of matrices, times the rate" },
    // Fields of the moments
    { "beta1", NUMBER, AT(beta1), 0, 0.999999, FIXED, "SHARE",
      "memory of the first moment" },
    { "beta2", NUMBER, AT(beta2), 0, 0.999999, FIXED, "SHARE",
      "memory of the second moment" },
    { "epsilon", NUMBER, AT(epsilon), 1e-30, 1, FREE, "SIZE",
      "keeps AdamW from dividing by zero" },
    { "clip", NUMBER, AT(clip), 0, 1e9, FREE, "NORM",
      "longest gradient; 0: any length" },
    // Fields of the evaluation
    { "evaluate-every", COUNT, AT(evaluate_every), 1, 1e9, FREE, "N",
      "updates between two looks at the held-out text" },
    { "evaluate-windows", COUNT, AT(evaluate_windows), 0, 1e9, FREE, "N",
      "windows of it to look at; 0: all" },
    { "recompute", COUNT, AT(recompute), 0, 8192, FREE, "N",
      "sites whose activations are rebuilt at once; 0: none" },
    { "save-every", COUNT, offsetof(struct configuration, save_every),
      1, 1e9, FREE, "N", "updates between two checkpoints" },
    { "iterations", COUNT, offsetof(struct configuration, iterations),
      1, 100, FIXED, "N", "Sinkhorn-Knopp steps of mhc" },
    { "frugal", SWITCH, AT(frugal), 0, 0, FREE, "yes|no",
      "recompute, in blocks of the size that saves most" },
    { "lazy", COUNT, AT(lazy), 0, 8, FREE, "N",
      "keep streams at each N-th site, and make the others again; 0: all" },
    { .name = NULL }
};

// The defaults
struct configuration configuration_default(void)
{
    return (struct configuration){
        .layers = 4, .width = 128, .heads = 4, .context = 128,
        .vocabulary = 256, .streams = 1, .tied = false,
        .connection = "residual",
        // More defaults
        .seed = 1,
        .batch = 16, .accumulation = 1, .steps = 2000, .warmup = 100,
        .evaluate_every = 100, .evaluate_windows = 256, .recompute = 0,
        .rate = 2e-3, .floor = 0.1, .decay = 0.1,
        .beta1 = 0.9, .beta2 = 0.95, .epsilon = 1e-8, .clip = 1,
        .save_every = 100,
        .iterations = 20,
    };
}

size_t configuration_hidden(const struct configuration *c)
{
    if (c->hidden > 0)
        return c->hidden;
    size_t multiple = (c->width * 8 + 48) / 96;
    return multiple == 0 ? 32 : multiple * 32;
}

// Find a field
const struct field *field_find(const struct field *table,
                               const char *name)
{
    for (const struct field *f = table; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

// Read a value
static bool read_count(size_t *value, const char *text)
{
    if (!isdigit((unsigned char)*text))
        return false;
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    *value = (size_t)number;
    return errno == 0 && *end == '\0' && *value == number;
}

bool configuration_number(double *value, const char *text)
{
    if (text[strspn(text, "0123456789+-.eE")] != '\0')
        return false;
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    return errno == 0 && end != text && *end == '\0';
}

// Read a switch
static bool read_switch(bool *value, const char *text)
{
    *value = strcmp(text, "yes") == 0;
    return *value || strcmp(text, "no") == 0;
}

// Read a word
static bool read_word(char value[32], const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length > 31)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("-_.", text[i]))
            return false;
    memcpy(value, text, length + 1);
    return true;
}

// Read more types
static bool read_hash(uint64_t *value, const char *text)
{
    *value = strtoull(text, NULL, 16);
    return strlen(text) == 16
        && strspn(text, "0123456789abcdef") == 16;
}

static bool read_record(double *value, const char *text)
{
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0';
}

// Read text as the field's type says
bool field_set(void *of, const struct field *f, const char *text)
{
    void *place = (char *)of + f->offset;
    switch (f->type) {
    case COUNT:
        return read_count(place, text);
    case NUMBER:
        return configuration_number(place, text);
    case SWITCH:
        return read_switch(place, text);
    case WORD:
        return read_word(place, text);
    // Read values of more types
    case HASH:
        return read_hash(place, text);
    case RECORD:
        return read_record(place, text);
    }
    return false;
}

// Write a value
static void write_number(char text[64], double value)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, 64, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

void field_get(const void *of, const struct field *f, char text[64])
{
    const void *place = (const char *)of + f->offset;
    if (f->type == COUNT)
        snprintf(text, 64, "%zu", *(const size_t *)place);
    else if (f->type == NUMBER)
        write_number(text, *(const double *)place);
    else if (f->type == SWITCH)
        strcpy(text, *(const bool *)place ? "yes" : "no");
    else if (f->type == WORD)
        snprintf(text, 64, "%s", (const char *)place);
    // Write values of more types
    else if (f->type == HASH)
        snprintf(text, 64, "%016llx",
                 (unsigned long long)*(const uint64_t *)place);
    else
        snprintf(text, 64, "%.17g", *(const double *)place);
}

// Check the fields one by one
static bool within_bounds(const struct configuration *c,
                          const struct field *f, struct message *m)
{
    const void *place = (const char *)c + f->offset;
    if (f->type != COUNT && f->type != NUMBER)
        return true;
    double value = f->type == NUMBER ? *(const double *)place
                 : (double)*(const size_t *)place;
    if (value >= f->least && value <= f->most)
        return true;
    return fail(m, EX_USAGE, "%s: %.17g is not between %.17g and %.17g",
                f->name, value, f->least, f->most);
}

// Set a field from a text
bool configuration_set(struct configuration *c, const char *name,
                       const char *text, struct message *m)
{
    const struct field *f = field_find(configuration_fields, name);
    struct configuration copy = *c;
    if (f == NULL)
        return fail(m, EX_USAGE, "there is no option '%s'", name);
    if (!field_set(&copy, f, text))
        return fail(m, EX_USAGE, "%s: '%.64s' is not a value (%s)",
                    name, text, f->unit);
    if (!within_bounds(&copy, f, m))
        return false;
    *c = copy;
    return true;
}

// Check that they fit together
bool configuration_check(const struct configuration *c,
                         struct message *m)
{
    for (const struct field *f = configuration_fields; f->name; f++)
        if (!within_bounds(c, f, m))
            return false;
    if (c->width % c->heads != 0)
        return fail(m, EX_USAGE, "width: %zu channels cannot be shared "
                    "by %zu heads", c->width, c->heads);
    // More checks of the configuration
    if (c->width / c->heads % 2 != 0)
        return fail(m, EX_USAGE, "heads: with %zu heads each has %zu "
                    "channels, and that must be even", c->heads,
                    c->width / c->heads);
    if (c->lazy > 0 && (c->frugal || c->recompute > 0))
        return fail(m, EX_USAGE, "lazy: streams are made again where they "
                    "are needed, or in blocks (--frugal, --recompute), not "
                    "both; --lazy 0 turns it off");
    return true;
}
