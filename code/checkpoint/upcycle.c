#include "checkpoint/upcycle.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "ground/memory.h"
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// What the new model is
static bool choose(struct configuration *c, const char *path,
                   const char *connection, size_t streams,
                   struct message *m)
{
    struct architecture a;
    char number[32];
    snprintf(number, sizeof number, "%zu", streams);
    if (!checkpoint_read_configuration(c, path, m))
        return false;
    if (strcmp(c->connection, "residual") != 0)
        return fail(m, EX_DATAERR, "%s: its connection is %s; only a "
                    "residual model can be widened", path,
                    c->connection);
    if (!configuration_set(c, "connection", connection, m)
        || !configuration_set(c, "streams", number, m)
        || !configuration_check(c, m) || !architecture_find(&a, c, m))
        return false;
    return a.connection->mix != MIX_NONE
        || fail(m, EX_USAGE, "connection: %s has no streams to widen "
                "to", connection);
}

// Read the old model
static bool check_old(const char *path, struct device *device,
                      struct message *m)
{
    struct configuration c;
    struct model old;
    if (!checkpoint_read_configuration(&c, path, m)
        || !model_open(&old, &c, device, 1, INFERENCE, 0, m))
        return false;
    bool good = checkpoint_read_weights(&old, path, m);
    model_close(&old);
    return good;
}

// Carry a row of numbers over
static bool carry_row(real *host, const struct safetensors *file,
                      const struct parameters *p, const char *prefix,
                      struct message *m)
{
    for (size_t i = 0; i < p->used; i++) {
        const char *name = p->list[i].name;
        const struct entry *weight = safetensors_find(file, name);
        char moment[96];
        snprintf(moment, sizeof moment, "%s%s", prefix, name);
        if (weight != NULL
            && !safetensors_copy(host + p->list[i].offset, file, moment,
                                 weight->rank, weight->shape, m))
            return false;
    }
    return true;
}

// Carry all over
static bool carry(struct trainer *t, const char *path,
                  struct message *m)
{
    struct safetensors file;
    struct trainer_row row[TRAINER_ROWS];
    size_t count = t->model.parameters.count;
    if (!safetensors_open(&file, path, m))
        return false;
    real *host = memory_new(count, sizeof *host, m);
    bool good = host != NULL;
    trainer_rows(row, t);
    for (size_t r = 0; good && r < TRAINER_ROWS; r++) {
        char prefix[32] = "";
        if (r > 0)
            snprintf(prefix, sizeof prefix, "%s.", row[r].name);
        device_download(t->device, host, row[r].array);
        good = carry_row(host, &file, &t->model.parameters, prefix, m);
        if (good)
            device_upload(t->device, row[r].array, host);
    }
    memory_free(host);
    safetensors_close(&file);
    return good;
}

// Open an upcycled trainer
bool upcycle_open(struct trainer *t, const char *path,
                  const char *connection, size_t streams,
                  struct device *device, struct message *m)
{
    struct configuration *c = &t->options;
    *t = (struct trainer){ .device = device };
    bool good = choose(c, path, connection, streams, m)
        && check_old(path, device, m)
        && checkpoint_read_bookmark(&t->bookmark, path, m)
        && model_open(&t->model, c, device, 1, INFERENCE, 0, m);
    if (good) {
        size_t bytes = array_bytes(t->model.weights);
        t->first = t->second = t->model.weights;
        t->first.at = device_allocate(device, bytes, m);
        t->second.at = device_allocate(device, bytes, m);
        good = m->status == 0;
    }
    if (good) {
        model_initialise(&t->model);
        good = carry(t, path, m);
    }
    if (!good)
        trainer_close(t);
    return good;
}
