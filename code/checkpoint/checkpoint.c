#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "ground/memory.h"
#include "layers/matmul.h"

#define FORMAT "mhc checkpoint 1"
enum { FAMILY = sizeof FORMAT - 2 };    /* without the number */

// Shapes of the tensors
static size_t shape_of(size_t shape[2], const struct parameter *p)
{
    shape[0] = p->rows == 1 ? p->columns : p->rows;
    shape[1] = p->columns;
    return p->rows == 1 ? 1 : 2;
}
// List the tensors of a checkpoint
static struct tensor *list_tensors(const struct trainer *t,
                                   struct message *m)
{
    const struct parameters *p = &t->model.parameters;
    struct trainer_row row[TRAINER_ROWS];
    struct tensor *list = memory_new(TRAINER_ROWS * p->used,
                                     sizeof *list, m);
    trainer_rows(row, t);
    for (size_t r = 0; list != NULL && r < TRAINER_ROWS; r++) {
        // List the tensors of one row
        for (size_t i = 0; i < p->used; i++) {
            struct tensor *tensor = &list[r * p->used + i];
            snprintf(tensor->name, TENSOR_NAME, "%s%s", row[r].prefix,
                     p->list[i].name);
            tensor->rank = shape_of(tensor->shape, &p->list[i]);
            tensor->data = parameter_in(row[r].array, &p->list[i]).at;
            tensor->device = t->device;
        }
    }
    return list;
}
// List the texts of a checkpoint
enum { TEXTS = 96 };            /* at most */

static size_t list_texts(struct text_pair pair[TEXTS],
                         const struct trainer *t)
{
    const struct field *const table[] = { configuration_fields,
                                          bookmark_fields };
    const void *const of[] = { &t->options, &t->bookmark };
    size_t used = 3;
    pair[0] = (struct text_pair){ "format", FORMAT };
    pair[1] = (struct text_pair){ "real", REAL_NAME };
    pair[2].key = "matmul";
    snprintf(pair[2].text, TENSOR_TEXT, "%s", matmul_library());
    for (size_t k = 0; k < 2; k++)
        for (const struct field *f = table[k]; f->name; f++, used++) {
            assert(used < TEXTS);
            pair[used].key = f->name;
            field_get(of[k], f, pair[used].text);
        }
    // Add the precision to the texts
    if (t->device != NULL && t->device->format[STREAM] != REAL_FORMAT) {
        assert(used < TEXTS);
        pair[used].key = "precision";
        snprintf(pair[used++].text, TENSOR_TEXT, "%s",
                 device_precision(t->device));
    }
    return used;
}
// Write a checkpoint
bool checkpoint_write(const char *path, const struct trainer *t,
                      struct message *m)
{
    size_t tensors = TRAINER_ROWS * t->model.parameters.used;
    struct tensor *tensor = list_tensors(t, m);
    struct text_pair pair[TEXTS];
    size_t pairs = list_texts(pair, t);
    bool good = tensor != NULL
        && safetensors_write(path, tensor, tensors, pair, pairs, m);
    memory_free(tensor);
    return good;
}
// Look for a name in a list
/* a NULL ends the list */
static bool is_listed(const char *name, const char *const *list)
{
    while (*list != NULL && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}
// Know the format
static bool format_is_ours(const struct safetensors *file,
                           struct message *m)
{
    const char *format = safetensors_text(file, "format");
    if (format != NULL && strcmp(format, FORMAT) == 0)
        return true;
    if (format != NULL && strncmp(format, FORMAT, FAMILY) == 0)
        return refuse(file, NULL, m, "a newer program than this wrote "
                      "it: its format is %.63s, and this one reads "
                      FORMAT, format);
    return refuse(file, NULL, m, "it is no checkpoint of this program: "
                  "its format is %.63s", format ? format : "not given");
}
// Ask for a text
static const char *text_of(const struct safetensors *file,
                           const struct field *f, struct message *m)
{
    const char *text = safetensors_text(file, f->name);
    if (text == NULL)
        refuse(file, NULL, m, "%s is missing from its metadata",
               f->name);
    return text;
}
// Read the configuration
static bool configuration_in(struct configuration *c,
                             const struct safetensors *file,
                             struct message *m)
{
    static const char *const came_later[] = {
        // Fields that older checkpoints lack
        "iterations",
        "frugal",
        "lazy",
        NULL
    };
    struct message why = { 0, "" };
    *c = configuration_default();
    for (const struct field *f = configuration_fields; f->name; f++) {
        if (safetensors_text(file, f->name) == NULL
            && is_listed(f->name, came_later))
            continue;
        const char *text = text_of(file, f, m);
        if (text == NULL)
            return false;
        if (!configuration_set(c, f->name, text, &why))
            return refuse(file, NULL, m, "%s", why.text);
    }
    return configuration_check(c, &why)
        || refuse(file, NULL, m, "%s", why.text);
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
// Join what older files have in two
static bool are_halves(const struct entry *gate, const struct entry *up)
{
    static const char word[] = ".feedforward.gate";
    char name[TENSOR_NAME];
    const char *stem = strstr(gate->name, word);
    if (stem == NULL || strcmp(stem, word) != 0)
        return false;
    snprintf(name, sizeof name, "%.*s.feedforward.up",
             (int)(stem - gate->name), gate->name);
    return strcmp(name, up->name) == 0 && up->type == gate->type
        && up->rank == 2 && gate->rank == 2
        && memcmp(up->shape, gate->shape, sizeof up->shape) == 0;
}

static bool join_gates(struct checkpoint *k, struct message *m)
{
    struct entry *list = k->file.list;
    size_t used = k->file.used, left = 0;
    k->joined = memory_new(used, TENSOR_NAME, m);
    for (size_t i = 0; k->joined != NULL && i < used; i++, left++) {
        struct entry *e = &list[left], *up = &list[i + 1];
        *e = list[i];
        if (i + 1 < used && are_halves(e, up)) {
            snprintf(k->joined[left], TENSOR_NAME, "%s_up", e->name);
            e->name = k->joined[left];
            e->shape[0] *= 2;
            e->end = up->end;
            i++;
        }
    }
    k->file.used = left;
    return k->joined != NULL;
}
// Open a checkpoint
bool checkpoint_open(struct checkpoint *k, const char *path,
                     struct message *m)
{
    k->joined = NULL;
    bool good = safetensors_open(&k->file, path, m)
        && format_is_ours(&k->file, m)
        && configuration_in(&k->configuration, &k->file, m)
        && join_gates(k, m)
        && tensors_fit(&k->configuration, &k->file, m);
    if (!good)
        checkpoint_close(k);
    return good;
}

void checkpoint_close(struct checkpoint *k)
{
    memory_free(k->joined);
    k->joined = NULL;
    safetensors_close(&k->file);
}
// Know what weights depend on
static bool is_size(const struct field *f)
{
    static const char *const others[] = { "seed", "beta1", "beta2",
                                          NULL };
    return f->change == FIXED && !is_listed(f->name, others);
}

void checkpoint_sizes(struct configuration *c,
                      const struct checkpoint *k)
{
    for (const struct field *f = configuration_fields; f->name; f++) {
        char text[64];
        field_get(&k->configuration, f, text);
        if (is_size(f))
            field_set(c, f, text);
    }
}
// Compare two configurations
static bool configuration_same(const struct configuration *ours,
                               bool sizes_only,
                               const struct checkpoint *k,
                               struct message *m)
{
    for (const struct field *f = configuration_fields; f->name; f++) {
        char theirs[64], mine[64];
        field_get(&k->configuration, f, theirs);
        field_get(ours, f, mine);
        if ((sizes_only ? is_size(f) : f->change == FIXED)
            && strcmp(theirs, mine) != 0)
            return fail(m, EX_USAGE, "%s: %s: checkpoint says %s, "
                        "command line %s", k->file.file, f->name,
                        theirs, mine);
    }
    return true;
}
// Read a bookmark
bool checkpoint_read_bookmark(struct bookmark *b,
                              const struct checkpoint *k,
                              struct message *m)
{
    struct bookmark found = { 0 };
    for (const struct field *f = bookmark_fields; f->name; f++) {
        const char *text = text_of(&k->file, f, m);
        if (text == NULL)
            return false;
        if (!field_set(&found, f, text))
            return refuse(&k->file, NULL, m, "%s cannot be %.63s",
                          f->name, text);
    }
    *b = found;
    return true;
}
// Read rows of tensors
enum { PIECE = 1 << 14 };       /* numbers */

/* unless `fill`, the numbers go no further than here */
static bool tensor_in(bool fill, const struct trainer_row *row,
                      const struct parameter *p, struct device *d,
                      const struct safetensors *file, struct message *m)
{
    char name[TENSOR_NAME];
    real piece[PIECE];
    size_t shape[2], rank = shape_of(shape, p);
    snprintf(name, sizeof name, "%s%s", row->prefix, p->name);
    // Pass over a parameter that the file does not have
    if (safetensors_find(file, p->name) == NULL)
        return true;
    const struct entry *e = safetensors_entry(file, name, rank, shape,
                                              m);
    struct array to = device_shape(d, MASTER, p->count, 1);
    to.at = parameter_in(row->array, p).at;
    for (size_t from = 0, some; e && from < p->count; from += some) {
        some = PIECE < p->count - from ? PIECE : p->count - from;
        if (!safetensors_numbers(piece, file, e, from, some, m))
            return false;
        // Refuse what is not finite
        for (size_t i = 0; i < some; i++)
            if (!isfinite(piece[i]))
                return refuse(file, name, m, "number %zu is not finite",
                              from + i);
        if (strncmp(e->type->name, "F8_", 3) == 0)
            return refuse(file, e->name, m, "it is %s, and weights in eight "
                          "bits have scales, which are not read here",
                          e->type->name);
        if (fill)
            device_upload(d, array_rows(to, from, some), piece);
    }
    return e != NULL;
}

// Read all rows
static bool rows_in(const struct trainer_row *row, size_t rows,
                    size_t tensors, const struct model *model,
                    const struct safetensors *file, struct message *m)
{
    const struct parameters *p = &model->parameters;
    size_t used = p->used;
    bool good = true;
    for (int pass = 1; good && pass <= 2; pass++) {
        if (pass == 2 && file->used != tensors)
            good = refuse(file, NULL, m, "it has %zu tensors, the "
                          "model has %zu", file->used, tensors);
        for (size_t i = 0; good && i < rows * used; i++)
            good = tensor_in(pass == 2, &row[i / used],
                             &p->list[i % used], model->device, file,
                             m);
    }
    // Copy what was read
    if (good)
        model_copy_weights(model);
    return good;
}
// Read weights
bool checkpoint_read_weights(struct model *model,
                             const struct checkpoint *k,
                             struct message *m)
{
    const struct trainer_row row = { "", model->weights };
    size_t used = model->parameters.used;
    bool alone = k->file.used == used;
    return configuration_same(&model->configuration, true, k, m)
        && rows_in(&row, 1, alone ? used : TRAINER_ROWS * used, model,
                   &k->file, m);
}
// Read a checkpoint
bool checkpoint_read(struct trainer *t, const struct checkpoint *k,
                     struct message *m)
{
    const struct model *model = &t->model;
    struct message why = { 0, "" };
    struct trainer_row row[TRAINER_ROWS];
    struct bookmark b, was = t->bookmark;
    trainer_rows(row, t);
    bool good = configuration_same(&t->options, false, k, m)
        && checkpoint_read_bookmark(&b, k, m)
        && (trainer_place(t, &b, &why)
            || refuse(&k->file, NULL, m, "%s", why.text))
        && rows_in(row, TRAINER_ROWS,
                   TRAINER_ROWS * model->parameters.used, model,
                   &k->file, m);
    if (!good)
        t->bookmark = was;
    return good;
}

bool checkpoint_carry(struct trainer *t, const struct checkpoint *k,
                      struct message *m)
{
    const struct parameters *p = &t->model.parameters;
    struct trainer_row row[TRAINER_ROWS];
    size_t carried = 0;
    trainer_rows(row, t);
    for (size_t i = 0; i < p->used; i++)
        carried += safetensors_find(&k->file, p->list[i].name) != NULL;
    return rows_in(row, TRAINER_ROWS, TRAINER_ROWS * carried, &t->model,
                   &k->file, m);
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
        "checksum", "checksum_kind", "format", "real", "matmul",
        // More that is known
        "precision",
        NULL
    };
    return is_listed(key, others)
        || field_find(bookmark_fields, key) != NULL
        || field_find(configuration_fields, key) != NULL;
}

void checkpoint_strangers(char text[CHECKPOINT_WARNINGS],
                          const struct checkpoint *k)
{
    enum { MOST = 10 };
    const char *key;
    for (size_t i = 0, found = 0; found < MOST
         && (key = safetensors_key(&k->file, i)) != NULL; i++)
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

void checkpoint_warnings(char text[CHECKPOINT_WARNINGS],
                         const struct checkpoint *k)
{
    const struct safetensors *file = &k->file;
    strcpy(text, file->verified ? ""
           : "there is no checksum: damage goes unnoticed\n");
    warn(text, "real", safetensors_text(file, "real"), REAL_NAME);
    warn(text, "matmul", safetensors_text(file, "matmul"),
         matmul_library());
    checkpoint_strangers(text, k);
}
