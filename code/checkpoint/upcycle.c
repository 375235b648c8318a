#include "checkpoint/upcycle.h"
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

// Open an upcycled trainer
bool upcycle_open(struct trainer *t, const struct checkpoint *k,
                  const char *connection, size_t streams,
                  struct device *device, struct message *m)
{
    struct configuration *c = &t->options;
    *t = (struct trainer){ .device = device };
    bool good = choose(c, k, connection, streams, m)
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
        good = checkpoint_carry(t, k, m);
    }
    if (!good)
        trainer_close(t);
    return good;
}
