#include "checkpoint/upcycle.h"
#include "ground/memory.h"
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

// What the new model is
static bool choose(struct configuration *c, const struct checkpoint *k,
                   const char *connection, size_t streams,
                   struct message *m)
{
    struct architecture a;
    char number[32];
    snprintf(number, sizeof number, "%zu", streams);
    *c = k->configuration;
    if (strcmp(c->connection, "residual") != 0)
        return fail(m, EX_DATAERR, "%s: its connection is %s; only a "
                    "residual model can be widened", k->file.file,
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
static bool check_old(const struct checkpoint *k, struct device *device,
                      struct message *m)
{
    struct model old;
    if (!model_open(&old, &k->configuration, device, 1, INFERENCE, 0,
                    m))
        return false;
    bool good = checkpoint_read_weights(&old, k, m);
    model_close(&old);
    return good;
}

// Carry all over
static bool carry(struct trainer *t, const struct safetensors *file,
                  struct message *m)
{
    const struct parameters *p = &t->model.parameters;
    struct trainer_row row[TRAINER_ROWS];
    size_t count = p->count;
    real *host = memory_new(count, sizeof *host, m);
    bool good = host != NULL;
    trainer_rows(row, t);
    for (size_t r = 0; good && r < TRAINER_ROWS; r++) {
        device_download(t->device, host, row[r].array);
        // Carry a row of numbers over
        for (size_t i = 0; good && i < p->used; i++) {
            const char *name = p->list[i].name;
            const struct entry *weight = safetensors_find(file, name);
            char moment[TENSOR_NAME];
            snprintf(moment, sizeof moment, "%s%s", row[r].prefix, name);
            good = weight == NULL
                || safetensors_copy(host + p->list[i].offset, file, moment,
                                    weight->rank, weight->shape, m);
        }
        if (good)
            device_upload(t->device, row[r].array, host);
    }
    memory_free(host);
    return good;
}

// Open an upcycled trainer
bool upcycle_open(struct trainer *t, const struct checkpoint *k,
                  const char *connection, size_t streams,
                  struct device *device, struct message *m)
{
    struct configuration *c = &t->options;
    *t = (struct trainer){ .device = device };
    bool good = choose(c, k, connection, streams, m)
        && check_old(k, device, m)
        && checkpoint_read_bookmark(&t->bookmark, k, m)
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
        good = carry(t, &k->file, m);
    }
    if (!good)
        trainer_close(t);
    return good;
}
