#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "ground/memory.h"
#include "layers/matmul.h"

#define FORMAT "mhc checkpoint 1"
enum { FAMILY = sizeof FORMAT - 2 };    /* without the number */

// Names and shapes of the tensors
enum { NAME_ROOM = 96 };

static void name_show(char name[NAME_ROOM], size_t row,
                      const char *row_name, const char *parameter)
{
    if (row == 0)
        snprintf(name, NAME_ROOM, "%s", parameter);
    else
        snprintf(name, NAME_ROOM, "%s.%s", row_name, parameter);
}

static size_t shape_of(size_t shape[2], const struct parameter *p)
{
    shape[0] = p->rows == 1 ? p->columns : p->rows;
    shape[1] = p->columns;
    return p->rows == 1 ? 1 : 2;
}
// Texts of the bookmark
static void member_show(char text[64], const struct bookmark *b,
                        const struct bookmark_field *f)
{
    const char *at = (const char *)b + f->offset;
    if (f->type == BOOKMARK_SIZE)
        snprintf(text, 64, "%zu", *(const size_t *)(const void *)at);
    else if (f->type == BOOKMARK_HASH)
        snprintf(text, 64, "%016" PRIx64,
                 *(const uint64_t *)(const void *)at);
    else
        snprintf(text, 64, "%.17g", *(const double *)(const void *)at);
}

static bool whole_read(uint64_t *to, const char *text, int base)
{
    const char *digits = base == 10 ? "0123456789"
        : "0123456789abcdef";
    size_t length = strlen(text);
    if (length == 0 || length > 19 || strspn(text, digits) != length)
        return false;
    *to = strtoull(text, NULL, base);
    return true;
}

static bool member_read(struct bookmark *b, const char *text,
                        const struct bookmark_field *f)
{
    void *at = (char *)b + f->offset;
    char *end;
    if (f->type == BOOKMARK_HASH)
        return strlen(text) == 16 && whole_read(at, text, 16);
    if (f->type == BOOKMARK_SIZE) {
        uint64_t number = 0;
        bool good = whole_read(&number, text, 10);
        *(size_t *)at = (size_t)number;
        return good && *(size_t *)at == number;
    }
    *(double *)at = strtod(text, &end);
    return end != text && *end == '\0';
}
// List the tensors of a checkpoint
enum { TEXT_ROOM = 64 };

struct draft {
    struct tensor *tensor;
    char (*name)[NAME_ROOM];
    size_t tensors;
    struct text_pair *pair;
    char (*text)[TEXT_ROOM];
    size_t pairs;
};

static bool draft_tensors(struct draft *d, const struct trainer *t,
                          struct message *m)
{
    const struct parameters *p = &t->model.parameters;
    size_t all = TRAINER_ROWS * p->used;
    struct trainer_row row[TRAINER_ROWS];
    d->tensor = memory_new(all, sizeof *d->tensor, m);
    d->name = memory_new(all, sizeof *d->name, m);
    if (d->tensor == NULL || d->name == NULL)
        return false;
    trainer_rows(row, t);
    for (size_t r = 0; r < TRAINER_ROWS; r++) {
        // List the tensors of one row
        for (size_t i = 0; i < p->used; i++) {
            struct tensor *tensor = &d->tensor[d->tensors];
            char *name = d->name[d->tensors++];
            name_show(name, r, row[r].name, p->list[i].name);
            tensor->name = name;
            tensor->rank = shape_of(tensor->shape, &p->list[i]);
            tensor->data = parameter_in(row[r].array, &p->list[i]).at;
            tensor->device = t->device;
        }
    }
    return true;
}
// List the texts of a checkpoint
static void draft_text(struct draft *d, const char *key,
                       const char *text)
{
    char *copy = d->text[d->pairs];
    snprintf(copy, TEXT_ROOM, "%s", text);
    d->pair[d->pairs++] = (struct text_pair){ key, copy };
}

static bool draft_texts(struct draft *d, const struct trainer *t,
                        struct message *m)
{
    char text[TEXT_ROOM];
    // Count the texts and make room for them
    size_t all = 3;
    for (const struct field *f = configuration_fields; f->name; f++)
        all++;
    for (const struct bookmark_field *f = bookmark_fields; f->name; f++)
        all++;
    d->pair = memory_new(all, sizeof *d->pair, m);
    d->text = memory_new(all, sizeof *d->text, m);
    if (d->pair == NULL || d->text == NULL)
        return false;
    draft_text(d, "format", FORMAT);
    draft_text(d, "real", REAL_NAME);
    draft_text(d, "matmul", matmul_library());
    for (const struct field *f = configuration_fields; f->name; f++) {
        configuration_get(&t->options, f, text);
        draft_text(d, f->name, text);
    }
    const struct bookmark_field *f = bookmark_fields;
    for (; f->name != NULL; f++) {
        member_show(text, &t->bookmark, f);
        draft_text(d, f->name, text);
    }
    return true;
}
// Write a checkpoint
bool checkpoint_write(const char *path, const struct trainer *t,
                      struct message *m)
{
    struct draft d = { 0 };
    bool good = draft_tensors(&d, t, m) && draft_texts(&d, t, m)
        && safetensors_write(path, d.tensor, d.tensors, d.pair,
                             d.pairs, m);
    memory_free(d.tensor);
    memory_free(d.name);
    memory_free(d.pair);
    memory_free(d.text);
    return good;
}
// Open a checkpoint
static bool checkpoint_open(struct safetensors *file, const char *path,
                            struct message *m)
{
    if (!safetensors_open(file, path, m))
        return false;
    const char *format = safetensors_text(file, "format");
    if (format != NULL && strcmp(format, FORMAT) == 0)
        return true;
    if (format != NULL && strncmp(format, FORMAT, FAMILY) == 0)
        refuse(file, NULL, m, "a newer program than this wrote it: its "
               "format is %.63s, and this one reads " FORMAT, format);
    else
        refuse(file, NULL, m, "it is no checkpoint of this program: "
               "its format is %.63s",
               format == NULL ? "not given" : format);
    safetensors_close(file);
    return false;
}
// Hold the sizes against the tensors
static bool tensors_fit(const struct configuration *c,
                        const struct safetensors *file,
                        struct message *m)
{
    struct architecture a;
    struct model model;
    struct device device;
    struct message why = { 0, "" };
    if (c->layers > file->used)
        return refuse(file, NULL, m, "%zu layers cannot lie in %zu "
                      "tensors", c->layers, file->used);
    if (!architecture_find(&a, c, &why))
        return refuse(file, NULL, m, "%s", why.text);
    bool good = device_open(&device, NULL, NULL, &why)
        && model_plan(&model, &a, c, &device, 1, INFERENCE, 0, &why);
    if (!good)
        fail(m, why.status, "%s: %s", file->file, why.text);
    const struct parameters *p = &model.parameters;
    for (size_t i = 0; good && i < p->used; i++) {
        size_t shape[2], rank = shape_of(shape, &p->list[i]);
        good = safetensors_entry(file, p->list[i].name, rank, shape, m);
    }
    model_close(&model);
    device_close(&device);
    return good;
}
// Read a configuration
static bool came_later(const char *name)
{
    static const char *const later[] = {
        // Fields that older checkpoints lack
        "iterations",
        "frugal",
        NULL
    };
    for (size_t i = 0; later[i] != NULL; i++)
        if (strcmp(later[i], name) == 0)
            return true;
    return false;
}

static bool configuration_in(struct configuration *c,
                             const struct safetensors *file,
                             struct message *m)
{
    struct message why = { 0, "" };
    struct configuration found = configuration_default();
    for (const struct field *f = configuration_fields; f->name; f++) {
        const char *text = safetensors_text(file, f->name);
        if (text == NULL && came_later(f->name))
            continue;
        if (text == NULL)
            return refuse(file, NULL, m, "%s is missing from its "
                          "metadata", f->name);
        if (!configuration_set(&found, f->name, text, &why))
            return refuse(file, NULL, m, "%s", why.text);
    }
    if (!configuration_check(&found, &why))
        return refuse(file, NULL, m, "%s", why.text);
    *c = found;
    return true;
}

bool checkpoint_read_configuration(struct configuration *c,
                                   const char *path,
                                   struct message *m)
{
    struct safetensors file;
    struct configuration found;
    if (!checkpoint_open(&file, path, m))
        return false;
    bool good = configuration_in(&found, &file, m)
        && tensors_fit(&found, &file, m);
    if (good)
        *c = found;
    safetensors_close(&file);
    return good;
}
// Know what weights depend on
bool checkpoint_is_size(const struct field *f)
{
    static const char *const others[] = { "seed", "beta1", "beta2" };
    bool size = f->change == FIXED;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        size = size && strcmp(others[i], f->name) != 0;
    return size;
}

bool checkpoint_read_sizes(struct configuration *c, const char *path,
                           struct message *m)
{
    struct configuration found, ours = *c;
    bool good = checkpoint_read_configuration(&found, path, m);
    for (const struct field *f = configuration_fields; f->name; f++) {
        char text[64];
        configuration_get(&found, f, text);
        if (good && checkpoint_is_size(f))
            good = configuration_set(&ours, f->name, text, m);
    }
    if (good)
        *c = ours;
    return good;
}
// Compare two configurations
static bool configuration_same(const struct configuration *ours,
                               bool sizes_only,
                               const struct safetensors *file,
                               struct message *m)
{
    struct configuration found;
    if (!configuration_in(&found, file, m))
        return false;
    for (const struct field *f = configuration_fields; f->name; f++) {
        char theirs[64], mine[64];
        configuration_get(&found, f, theirs);
        configuration_get(ours, f, mine);
        if ((sizes_only ? checkpoint_is_size(f) : f->change == FIXED)
            && strcmp(theirs, mine) != 0)
            return fail(m, EX_USAGE, "%s: %s: checkpoint says %s, "
                        "command line %s", file->file, f->name, theirs,
                        mine);
    }
    return true;
}
// Read rows of tensors
static bool row_in(const struct trainer_row *to, real *room,
                   const struct safetensors *file,
                   const struct model *model, size_t row,
                   const char *row_name, struct message *m)
{
    const struct parameters *p = &model->parameters;
    for (size_t i = 0; i < p->used; i++) {
        char name[NAME_ROOM];
        size_t shape[2], rank = shape_of(shape, &p->list[i]);
        size_t count = p->list[i].count;
        name_show(name, row, row_name, p->list[i].name);
        if (!safetensors_copy(room, file, name, rank, shape, m))
            return false;
        for (size_t k = 0; k < count; k++)
            if (!isfinite(room[k]))
                return refuse(file, name, m, "number %zu is not finite",
                              k);
        if (to != NULL)
            device_upload(model->device,
                          parameter_in(to->array, &p->list[i]), room);
    }
    return true;
}

static real *room_for(const struct parameters *p, struct message *m)
{
    size_t most = 0;
    for (size_t i = 0; i < p->used; i++)
        most = p->list[i].count > most ? p->list[i].count : most;
    return memory_new(most, sizeof(real), m);
}

static bool tensors_are(const struct safetensors *file, size_t count,
                        struct message *m)
{
    return file->used == count
        || refuse(file, NULL, m, "it has %zu tensors, the model has "
                  "%zu", file->used, count);
}
// Read a bookmark
static bool bookmark_in(struct bookmark *b,
                        const struct safetensors *file,
                        struct message *m)
{
    struct bookmark found = { 0 };
    const struct bookmark_field *f = bookmark_fields;
    for (; f->name != NULL; f++) {
        const char *text = safetensors_text(file, f->name);
        if (text == NULL)
            return refuse(file, NULL, m, "%s is missing from its "
                          "metadata", f->name);
        if (!member_read(&found, text, f))
            return refuse(file, NULL, m, "%s cannot be %.63s", f->name,
                          text);
    }
    *b = found;
    return true;
}

bool checkpoint_read_bookmark(struct bookmark *b, const char *path,
                              struct message *m)
{
    struct safetensors file;
    if (!checkpoint_open(&file, path, m))
        return false;
    bool good = bookmark_in(b, &file, m);
    safetensors_close(&file);
    return good;
}
// Read weights
bool checkpoint_read_weights(struct model *model, const char *path,
                             struct message *m)
{
    struct safetensors file;
    const struct trainer_row to = { "", model->weights };
    size_t used = model->parameters.used;
    if (!checkpoint_open(&file, path, m))
        return false;
    real *room = room_for(&model->parameters, m);
    bool good = room != NULL
        && configuration_same(&model->configuration, true, &file, m)
        && row_in(NULL, room, &file, model, 0, "", m)
        && (file.used == used
            || tensors_are(&file, TRAINER_ROWS * used, m))
        && row_in(&to, room, &file, model, 0, "", m);
    memory_free(room);
    safetensors_close(&file);
    return good;
}
// Read all of the state
static bool state_in(real *room, struct trainer *t,
                     const struct safetensors *file, struct message *m)
{
    size_t used = t->model.parameters.used;
    struct message why = { 0, "" };
    struct trainer_row row[TRAINER_ROWS];
    struct bookmark b;
    bool good = true;
    trainer_rows(row, t);
    for (size_t r = 0; good && r < TRAINER_ROWS; r++)
        good = row_in(NULL, room, file, &t->model, r, row[r].name, m);
    good = good && tensors_are(file, TRAINER_ROWS * used, m)
        && bookmark_in(&b, file, m)
        && (trainer_place(t, &b, &why)
            || refuse(file, NULL, m, "%s", why.text));
    for (size_t r = 0; good && r < TRAINER_ROWS; r++)
        good = row_in(&row[r], room, file, &t->model, r, row[r].name,
                      m);
    return good;
}
// Read a checkpoint
bool checkpoint_read(struct trainer *t, const char *path,
                     struct message *m)
{
    struct safetensors file;
    if (!checkpoint_open(&file, path, m))
        return false;
    real *room = room_for(&t->model.parameters, m);
    bool good = room != NULL
        && configuration_same(&t->options, false, &file, m)
        && state_in(room, t, &file, m);
    memory_free(room);
    safetensors_close(&file);
    return good;
}
// Say what may differ
static void warn(char text[CHECKPOINT_WARNINGS], const char *key,
                 const char *theirs, const char *mine)
{
    char line[300];
    size_t used = strlen(text);
    if (theirs != NULL && strcmp(theirs, mine) == 0)
        return;
    snprintf(line, sizeof line, "%s was %.99s, is %.99s: the last bits "
             "may differ", key, theirs == NULL ? "not noted" : theirs,
             mine);
    printable(line);
    snprintf(text + used, CHECKPOINT_WARNINGS - used, "%s\n", line);
}

// Say what is not known
static bool is_known(const char *key)
{
    static const char *const others[] = {
        "checksum", "checksum_kind", "format", "real", "matmul"
    };
    bool known = configuration_field(key) != NULL;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        known = known || strcmp(others[i], key) == 0;
    const struct bookmark_field *f = bookmark_fields;
    for (; f->name != NULL; f++)
        known = known || strcmp(f->name, key) == 0;
    return known;
}

static void name_strangers(char text[CHECKPOINT_WARNINGS],
                           const struct safetensors *file)
{
    enum { MOST = 10 };
    const char *key;
    for (size_t i = 0, found = 0; found < MOST
         && (key = safetensors_key(file, i)) != NULL; i++)
        if (!is_known(key)) {
            char line[100];
            size_t used = strlen(text);
            snprintf(line, sizeof line, "%.63s", key);
            printable(line);
            snprintf(text + used, CHECKPOINT_WARNINGS - used,
                     "its metadata have %s, which is not known and "
                     "left out\n", line);
            found++;
        }
}

bool checkpoint_strangers(char text[CHECKPOINT_WARNINGS],
                          const char *path, struct message *m)
{
    struct safetensors file;
    text[0] = '\0';
    if (!checkpoint_open(&file, path, m))
        return false;
    name_strangers(text, &file);
    safetensors_close(&file);
    return true;
}

bool checkpoint_warnings(char text[CHECKPOINT_WARNINGS],
                         const char *path, struct message *m)
{
    struct safetensors file;
    text[0] = '\0';
    if (!checkpoint_open(&file, path, m))
        return false;
    if (!file.verified)
        strcpy(text, "there is no checksum: damage goes unnoticed\n");
    warn(text, "real", safetensors_text(&file, "real"), REAL_NAME);
    warn(text, "matmul", safetensors_text(&file, "matmul"),
         matmul_library());
    name_strangers(text, &file);
    safetensors_close(&file);
    return true;
}
